"""What the rules' window shows while the file has a mistake: where, and two ways out."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout

from wabot_tray.core.errors import BotFileError
from wabot_tray.gui.parts import button, card, label
from wabot_tray.system.i18n import sentence, t


class BrokenRules(QFrame):
    """A mistake that somebody made by hand.

    Args:
        open_file: Opens the file in whatever edits such files.
        restore: Puts the last good rules in its place.
    """

    def __init__(self, open_file: Callable[[], None], restore: Callable[[], None]) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.problem = label("")
        self.place = label("", role="quiet")
        self.text = label("")
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.open = button(t("rules.open_file"), open_file)
        self.restore = button(t("rules.restore"), restore, role="primary")
        self.paper = card("banner")
        self.paper.setProperty("tone", "error")
        inside = QVBoxLayout(self.paper)
        inside.setContentsMargins(14, 10, 14, 10)
        inside.addWidget(self.place)
        inside.addWidget(self.text)
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(self.restore)
        row.addWidget(self.open)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(28, 24, 28, 24)
        column.setSpacing(12)
        column.addWidget(label(t("rules.broken"), role="heading"))
        column.addWidget(self.problem)
        column.addWidget(self.paper)
        column.addWidget(label(t("rules.broken_words"), role="quiet"))
        self.kept = label(t("rules.broken_kept"), role="quiet")
        column.addWidget(self.kept)
        column.addLayout(row)
        column.addStretch(1)

    def show_fault(
        self, fault: BotFileError, place: tuple[int, int | None, str], *, has_copy: bool
    ) -> None:
        """Show a fault: its sentence, its place (line, column, the line's text)."""
        line, column, written = place
        self.problem.setText(sentence(fault))
        if column is None:
            self.place.setText(t("rules.place", line=line))
        else:
            self.place.setText(t("rules.place_column", line=line, column=column))
        self.text.setText(written.strip()[:300])
        self.paper.setVisible(line > 0)
        self.restore.setVisible(has_copy)
        self.kept.setVisible(has_copy)
