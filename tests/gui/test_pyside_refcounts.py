"""PySide6 6.12.0 drops references to None, True and False and aborts Python below 3.12."""

import sys
from collections.abc import Callable

import pytest
from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QLabel

CALLS = 100
pytestmark = pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="None, True and False are immortal there (PEP 683)"
)


class Sender(QObject):
    told = Signal(object)


def drift(work: Callable[[], object]) -> int:
    """Return how many references to the three singletons `work` gains or loses in 100 calls."""
    work()
    watched = (None, True, False)
    before = [sys.getrefcount(one) for one in watched]
    for _ in range(CALLS):
        work()
    after = [sys.getrefcount(one) for one in watched]
    return max(abs(a - b) for a, b in zip(before, after, strict=True))


def test_emitting_keeps_the_singletons_alive() -> None:
    sender = Sender()
    sender.told.connect(lambda _: None)
    assert drift(lambda: sender.told.emit(None)) < CALLS / 2


def test_calls_that_return_nothing_keep_the_singletons_alive() -> None:
    label, timer = QLabel(), QTimer()
    assert drift(lambda: label.setText("a")) < CALLS / 2
    assert drift(lambda: label.setToolTip("a")) < CALLS / 2
    assert drift(timer.isActive) < CALLS / 2
    assert drift(lambda: label.setEnabled(True)) < CALLS / 2
