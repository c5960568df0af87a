"""Light and dark: chosen or the system's, and readable in both."""

import pytest
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication

from tests.gui.test_icons import contrast
from wabot_tray.gui.colours import DARK, LIGHT, Scheme
from wabot_tray.gui.theme import Theme


@pytest.mark.parametrize("scheme", [LIGHT, DARK])
def test_texts_are_readable(scheme: Scheme) -> None:
    for ground in (scheme.window, scheme.card, scheme.raised, scheme.selected):
        assert contrast(scheme.text, ground) >= 7
        assert contrast(scheme.quiet, ground) >= 4.5
    for ground in (scheme.info_back, scheme.warning_back, scheme.error_back, scheme.good_back):
        assert contrast(scheme.text, ground) >= 7
    assert contrast(scheme.on_accent, scheme.accent) >= 4.5
    assert contrast(scheme.on_accent, scheme.accent_hover) >= 4.5
    assert contrast(scheme.danger, scheme.card) >= 4.5


@pytest.mark.parametrize(("choice", "scheme"), [("light", LIGHT), ("dark", DARK)])
def test_choice_dresses_the_program(
    choice: str, scheme: Scheme, dressed: Theme, qapp: QApplication
) -> None:
    dressed.choose(choice)
    assert dressed.is_dark is (choice == "dark")
    assert qapp.palette().color(QPalette.ColorRole.Window).name() == scheme.window
    assert scheme.accent in qapp.styleSheet()


def test_system_is_followed_while_it_changes(
    dressed: Theme, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes: list[int] = []
    dressed.choose("system")
    dressed.changed.connect(lambda: changes.append(1))
    monkeypatch.setattr(Theme, "is_dark", property(lambda _: True))
    qapp.styleHints().colorSchemeChanged.emit(qapp.styleHints().colorScheme())
    assert changes
    assert qapp.palette().color(QPalette.ColorRole.Window).name() == DARK.window
