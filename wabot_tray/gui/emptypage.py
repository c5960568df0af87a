"""What the dashboard shows before the first account: what to do, and one button that does it."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout

from wabot_tray.gui.icons import app_icon, picture
from wabot_tray.gui.parts import button, label
from wabot_tray.system.i18n import t

_PICTURE = 96


class EmptyPage(QFrame):
    """An invitation."""

    def __init__(self, add: Callable[[], object], restore: Callable[[], object]) -> None:
        super().__init__()
        self.setProperty("role", "card")
        image = QLabel()
        image.setPixmap(picture(app_icon(), _PICTURE, self))
        heading = label(t("empty.heading"), role="title", wrap=False)
        words = label(t("empty.words"))
        self.go = button(t("empty.go"), add, role="primary")
        self.go.setAutoDefault(True)
        self.restore = button(t("empty.restore"), restore, role="flat")
        column = QVBoxLayout(self)
        column.setSpacing(14)
        column.addStretch(2)
        for part in (image, heading, words, self.go, self.restore):
            # No alignment for the words: a box layout asks only unaligned parts for their height.
            row = QHBoxLayout()
            row.addStretch(1)
            row.addWidget(part, 2 if part is words else 0)
            row.addStretch(1)
            column.addLayout(row)
            if isinstance(part, QLabel):
                part.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column.addStretch(3)
