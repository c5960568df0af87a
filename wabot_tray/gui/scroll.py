"""A page that scrolls where its words need more height than the window has."""

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget


class ScrollPage(QScrollArea):
    """Shows `page` as wide as there is room, and at least as high as its wrapped words need.

    Qt's own scroll area asks a page for its height before its width is known, and cuts the last
    lines in large print.
    """

    def __init__(self, page: QWidget) -> None:
        super().__init__()
        self.page = page
        # Asked for a viewport that Qt has made, Python looks for its type among all widgets there
        # are, and loads them: 10 to 20 ms and 3 MB the first time (PySide 6.11).
        self._port = QWidget()
        self.setViewport(self._port)
        self.setObjectName("bare")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # what is on the page has it
        self.setWidget(page)
        page.installEventFilter(self)

    def minimumSizeHint(self) -> QSize:
        """Return the width of the page and of the bar beside it: nothing scrolls sideways."""
        size = super().minimumSizeHint()
        bar = self.verticalScrollBar().sizeHint().width()
        return QSize(self.page.minimumSizeHint().width() + bar, size.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Ask again: another width wraps the words otherwise."""
        super().resizeEvent(event)
        self.fit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Ask again when the page's content changed."""
        if event.type() is QEvent.Type.LayoutRequest and watched is self.page:
            self.fit()
        return super().eventFilter(watched, event)

    def fit(self) -> None:
        """Give the page the height that its words need at this width."""
        layout = self.page.layout()
        if layout is not None and layout.hasHeightForWidth():
            self.page.setMinimumHeight(layout.totalHeightForWidth(self._port.width()))
        bar = self.verticalScrollBar().sizeHint().width()
        self.setMinimumWidth(self.page.minimumSizeHint().width() + bar)  # no scrolling sideways
