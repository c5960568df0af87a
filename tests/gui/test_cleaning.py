"""Garbage with Qt's objects in it is collected on Qt's thread, and only there."""

import gc
import threading
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication

from wabot_tray.gui.cleaning import Cleaner, clean


class Knot:
    """Garbage: it holds itself, and tells which thread freed it."""

    freed_on: threading.Thread | None = None

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        Knot.freed_on = threading.current_thread()


def freed_on() -> threading.Thread | None:
    return Knot.freed_on


@pytest.fixture
def cleaner(qapp: QApplication) -> Iterator[Cleaner]:
    Knot.freed_on = None
    made = Cleaner(QObject(qapp))
    yield made
    made.close()
    gc.disable()  # as the other tests have it


def litter() -> None:
    Knot()
    _kept = [[number] for number in range(5000)]


@pytest.mark.usefixtures("cleaner")
def test_busy_thread_of_the_pool_collects_nothing() -> None:
    Knot()
    other = threading.Thread(target=litter)
    other.start()
    other.join()
    assert freed_on() is None
    kept = [[number] for number in range(1000)]  # enough for a round
    clean()
    assert freed_on() is threading.current_thread()
    del kept


@pytest.mark.usefixtures("cleaner")
def test_nothing_is_done_while_little_is_new() -> None:
    gc.collect()
    Knot()
    assert clean() == 0
    assert freed_on() is None


def test_python_collects_again_after_the_end(cleaner: Cleaner) -> None:
    assert not gc.isenabled()
    cleaner.close()
    cleaner.close()
    assert gc.isenabled()
