"""All windows once more, in another language: what is open stays open, where it was.

Texts are put into widgets when these are made, by some fifty classes; making the windows anew is
the one way that cannot forget one of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray
from PySide6.QtWidgets import QApplication, QWidget

from wabot_tray.gui.window import Window

if TYPE_CHECKING:
    from wabot_tray.gui.dashboard import Dashboard
    from wabot_tray.gui.pairing import PairingWindow


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an open window was, and what it shows besides.

    Args:
        geometry: As Qt saves it.
        is_minimized: Whether it waits in the panel.
        is_active: Whether the person was working in it.
        carried: What the window itself wants to keep.
    """

    geometry: QByteArray
    is_minimized: bool
    is_active: bool
    carried: object = None

    @classmethod
    def of(cls, window: QWidget, carried: object = None) -> "Place":
        """Return the place of an open window."""
        return cls(
            geometry=window.saveGeometry(),
            is_minimized=window.isMinimized(),
            is_active=window.isActiveWindow(),
            carried=carried,
        )

    def take(self, window: QWidget) -> None:
        """Show `window` there."""
        window.restoreGeometry(self.geometry)
        if self.is_minimized:
            window.showMinimized()
        else:
            window.show()


@dataclass(frozen=True, slots=True)
class OpenWindows:
    """What was open: the dashboard, windows by name, histories and pairings by account."""

    dashboard: Place | None
    windows: Mapping[str, Place]
    histories: Mapping[str, Place]
    pairings: Mapping[str, Place]

    @classmethod
    def of(
        cls,
        dashboard: "Dashboard | None",
        windows: Mapping[str, Window],
        histories: Mapping[str, Window],
        pairings: Mapping[str, "PairingWindow"],
    ) -> "OpenWindows":
        """Return what is open of these. A pairing that is over has nothing to go on with."""
        shown = dashboard if dashboard is not None and dashboard.isVisible() else None
        return cls(
            None if shown is None else Place.of(shown, shown.carry()),
            _places(windows),
            _places(histories),
            {n: Place.of(one) for n, one in pairings.items() if one.panel.is_active},
        )


def _places(windows: Mapping[str, Window]) -> dict[str, Place]:
    return {n: Place.of(one, one.carry()) for n, one in windows.items() if one.isVisible()}


Opener = Callable[[str], QWidget | None]


def put_back(name: str, place: Place, opened: Opener) -> None:
    """Give the window that `opened` makes its place, and, if it was active, the keyboard."""
    if (window := opened(name)) is None:
        return
    place.take(window)
    if isinstance(window, Window):
        window.resume(place.carried)
    if place.is_active:
        window.raise_()
        window.activateWindow()


def question_is_open() -> bool:
    """Whether a dialog waits for an answer, which would be lost with its window."""
    return QApplication.activeModalWidget() is not None
