"""What a window tells those who do not see it, or do not use a mouse."""

from collections.abc import Collection, Iterator

from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QRadioButton, QWidget

_ROUND = 200  # no window has so many places for the keyboard


def name_of(widget: QWidget) -> str:
    """Return what a screen reader calls a widget."""
    return QAccessible.queryAccessibleInterface(widget).text(QAccessible.Text.Name)


def places(window: QWidget) -> Iterator[QWidget]:
    """Yield what the keyboard may be for in a window as it is shown."""
    for widget in window.findChildren(QWidget):
        takes_tab = widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        if takes_tab and widget.isVisible() and widget.isEnabled() and not _is_part(widget):
            yield widget


def unnamed(window: QWidget) -> list[str]:
    """Return the places that a screen reader could not name."""
    return [
        f"{type(one).__name__} {one.objectName()}" for one in places(window) if not name_of(one)
    ]


def unreachable(window: QWidget) -> list[str]:
    """Return the places that Tab does not come by."""
    window.activateWindow()
    QTest.qWaitForWindowActive(window)
    seen: set[QWidget] = set()
    for _ in range(_ROUND):
        focused = QApplication.focusWidget()
        if focused is None:
            window.setFocus()
            QTest.keyClick(window, Qt.Key.Key_Tab)
            continue
        if focused in seen:
            break
        seen.add(focused)
        QTest.keyClick(focused, Qt.Key.Key_Tab)
    reached = seen | {one.focusProxy() for one in seen if one.focusProxy() is not None}
    missed = [
        one for one in places(window) if one not in reached and not _is_in_group(one, reached)
    ]
    return [f"{type(one).__name__} {one.objectName()} {name_of(one)}" for one in missed]


def _is_part(widget: QWidget) -> bool:
    """Whether it belongs to another place: the field of a spin box, the viewport of a list."""
    return widget.objectName().startswith("qt_") or (
        widget.focusProxy() is not None and widget.focusProxy() is not widget
    )


def _is_in_group(widget: QWidget, reached: Collection[QWidget | None]) -> bool:
    """Whether arrows lead to it: Tab comes by one button of a group."""
    if not isinstance(widget, QRadioButton | QAbstractButton) or not widget.autoExclusive():
        return False
    return any(one.parent() is widget.parent() for one in reached if isinstance(one, QRadioButton))
