"""The way of the Tab key through what was added to a window later."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget


def order_tabs(before: QWidget, page: QWidget) -> QWidget:
    """Have Tab go from `before` through `page`, in the order its parts were made.

    Returns:
        The last part that it stops at, `before` where the page has none.
    """
    for part in page.findChildren(QWidget):
        stops = part.focusPolicy() & Qt.FocusPolicy.TabFocus and part.focusProxy() is None
        if stops and part.window() is page.window():  # the list of a choice is a window of its own
            QWidget.setTabOrder(before, part)
            before = part
    return before
