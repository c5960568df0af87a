"""Notices leave the window its room, and their words theirs."""

from collections.abc import Iterator

import pytest
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from tests.gui.test_texts import cut_texts, settle
from wabot_tray.gui.actions import Tone
from wabot_tray.gui.banner import SHARE, Banners

WORDS = "The session of “La Tienda de Rosa” was damaged on the disk, and an older copy is in use."


@pytest.fixture
def window(qapp: QApplication) -> Iterator[QWidget]:
    """As high as the smallest dashboard, in large print."""
    made = QWidget()
    large = QFont(made.font())
    large.setPointSizeF(large.pointSizeF() * 2)
    made.setFont(large)
    made.resize(560, 420)
    column = QVBoxLayout(made)
    column.addWidget(Banners())
    column.addWidget(QWidget(), 1)
    settle(made, qapp)
    yield made
    made.close()


@pytest.fixture
def banners(window: QWidget) -> Banners:
    found = window.findChild(Banners)
    assert found is not None
    return found


def test_one_notice_takes_what_it_needs(
    window: QWidget, banners: Banners, qapp: QApplication
) -> None:
    banners.show_notice("one", "Saved.", Tone.GOOD)
    settle(window, qapp)
    assert banners.height() == banners.page.height() < SHARE * window.height()
    assert not banners.verticalScrollBar().isVisible()


def test_many_notices_are_whole_and_scroll(
    window: QWidget, banners: Banners, qapp: QApplication
) -> None:
    for number in range(5):
        banners.show_notice(str(number), f"{number}. {WORDS}", Tone.WARNING, ("Undo", print))
    settle(window, qapp)
    assert cut_texts(window) == []
    assert banners.height() == int(SHARE * window.height())
    assert banners.verticalScrollBar().maximum() > 0
    for number in range(5):
        banners.drop(str(number))
    settle(window, qapp)
    assert not banners.isVisible()


def test_higher_window_shows_more(window: QWidget, banners: Banners, qapp: QApplication) -> None:
    for number in range(5):
        banners.show_notice(str(number), f"{number}. {WORDS}", Tone.WARNING)
    settle(window, qapp)
    before = banners.height()
    window.resize(560, 800)
    settle(window, qapp)
    assert banners.height() > before
    window.resize(560, 420)
    settle(window, qapp)
    assert banners.height() == before
