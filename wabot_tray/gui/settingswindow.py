"""The window of the settings: groups on the left, what is set on the right, in force at once."""

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QStackedWidget, QVBoxLayout, QWidget

from wabot_tray.gui.actions import Tone
from wabot_tray.gui.banner import Banners
from wabot_tray.gui.parts import button, label
from wabot_tray.gui.settingalerts import AlertsPage
from wabot_tray.gui.settingeditor import SettingEditor
from wabot_tray.gui.settingpages import (
    AnswersPage,
    ConnectionPage,
    DataPage,
    GeneralPage,
    SettingPage,
)
from wabot_tray.gui.window import Window
from wabot_tray.system.i18n import sentence, t

if TYPE_CHECKING:
    from wabot_tray.gui.windows import Windows

NAME: Final = "settings"
PROBLEM: Final = "problem"
_SIZE: Final = QSize(900, 640)


class SettingsWindow(Window):
    """Every change is kept and used at once; "Undo" takes the last one back, as often as liked."""

    def __init__(self, windows: "Windows") -> None:
        super().__init__(NAME, t("settings.title"), windows.store, _SIZE)
        self.editor = SettingEditor(windows.program, windows.actions.jobs)
        self.editor.setParent(self)
        self.banners = Banners()
        self.pages: tuple[SettingPage, ...] = (
            GeneralPage(self.editor, windows),
            ConnectionPage(self.editor, windows),
            AnswersPage(self.editor),
            AlertsPage(self.editor),
            DataPage(self.editor, windows),
        )
        self._build()
        self.editor.changed.connect(self.refresh)
        QShortcut(QKeySequence.StandardKey.Undo, self, self.editor.undo)
        self.refresh()
        self.groups.setCurrentRow(0)
        self.groups.setFocus()

    @property
    def page(self) -> SettingPage:
        """The page in view."""
        return self.pages[max(0, self.groups.currentRow())]

    def show_page(self, number: int) -> None:
        """Bring a page into view, counted from 0."""
        self.groups.setCurrentRow(number)

    def refresh(self) -> None:
        """Show the settings in use, and what is wrong with their file."""
        for page in self.pages:
            page.refresh()
        self.undo.setEnabled(bool(self.editor.undoable))
        self.defaults.setEnabled(self.editor.problem is None and bool(self.page.names))
        if self.editor.problem is None:
            self.banners.drop(PROBLEM)
            return
        words = t("settings.file_refused", why=sentence(self.editor.problem))
        offer = (t("settings.afresh"), self.editor.start_afresh)
        self.banners.show_notice(PROBLEM, words, Tone.WARNING, offer)

    def carry(self) -> object:
        """Return the page in view, where the keyboard is, and what can be taken back."""
        focused: QWidget | None = self.focusWidget()  # None, whatever its stub says
        name = focused.objectName() if focused else ""
        return self.groups.currentRow(), name, self.editor.undoable

    def resume(self, carried: object) -> None:
        """Go on where the window before was left."""
        match carried:
            case (int(row), str(name), tuple(undoable)):
                self.editor.take_over(undoable)
                self.show_page(row)
                found = self.page.findChild(QWidget, name) if name else None
                (found or self.groups).setFocus(Qt.FocusReason.OtherFocusReason)
                self.refresh()
            case _:
                pass

    def _build(self) -> None:
        self.groups = QListWidget()
        self.groups.setObjectName("groups")
        self.groups.setAccessibleName(t("settings.groups"))
        self.groups.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._stack = QStackedWidget()
        for page in self.pages:
            self.groups.addItem(page.title)
            self._stack.addWidget(page)
        self.groups.currentRowChanged.connect(self._on_group)
        self.groups.setFixedWidth(self.groups.sizeHintForColumn(0) + 2 * self.groups.frameWidth())
        middle = QHBoxLayout()
        middle.setSpacing(20)
        middle.addWidget(self.groups)
        middle.addWidget(self._stack, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 20, 20, 18)
        column.setSpacing(14)
        column.addWidget(self.banners)
        column.addLayout(middle, 1)
        column.addLayout(self._build_footer())

    def _build_footer(self) -> QHBoxLayout:
        self.undo = button(t("settings.undo"), self.editor.undo)
        self.undo.setToolTip(t("settings.undo_hint"))
        self.defaults = button(t("settings.defaults"), self._on_defaults)
        self.defaults.setToolTip(t("settings.defaults_hint"))
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(label(t("settings.at_once"), role="quiet"), 1)
        for part in (self.undo, self.defaults, button(t("gui.close"), self.close)):
            row.addWidget(part)
        return row

    def _on_group(self, row: int) -> None:
        self._stack.setCurrentIndex(row)
        self.defaults.setEnabled(self.editor.problem is None and bool(self.page.names))

    def _on_defaults(self) -> None:
        self.editor.restore_defaults(*self.page.names)
