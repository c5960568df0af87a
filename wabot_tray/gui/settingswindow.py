"""The window of the settings: groups on the left, what is set on the right, in force at once."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QSize, Qt, QTimer
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
from wabot_tray.gui.taborder import order_tabs
from wabot_tray.gui.window import TURN_MS, Window, keep_for_later
from wabot_tray.system.i18n import sentence, t

if TYPE_CHECKING:
    from wabot_tray.gui.windows import Windows

NAME: Final = "settings"
PROBLEM: Final = "problem"
_SIZE: Final = QSize(900, 640)
_SOON_MS: Final = 200  # after the window is shown


class SettingsWindow(Window):
    """Every change is kept and used at once; "Undo" takes the last one back, as often as liked."""

    def __init__(self, windows: "Windows") -> None:
        super().__init__(NAME, t("settings.title"), windows.store, _SIZE)
        self.editor = SettingEditor(windows.program, windows.actions.jobs)
        self.editor.setParent(self)
        self.banners = Banners()
        editor = self.editor
        # Made one at a time, each when it is looked at or when there is nothing else to do.
        self._makers: tuple[tuple[str, Callable[[], SettingPage]], ...] = (
            (t("settings.general"), lambda: GeneralPage(editor, windows)),
            (t("settings.connection"), lambda: ConnectionPage(editor, windows)),
            (t("settings.answers"), lambda: AnswersPage(editor)),
            (t("settings.alerts"), lambda: AlertsPage(editor)),
            (t("settings.data"), lambda: DataPage(editor, windows)),
        )
        self._halfway: dict[int, SettingPage] = {}  # made, and not yet in the window
        self._made: dict[int, SettingPage] = {}
        self._last: QWidget = self  # of the pages made so far, in the order of Tab
        self._build()
        self.editor.changed.connect(self.refresh)
        QShortcut(QKeySequence.StandardKey.Undo, self, self.editor.undo)
        self.groups.setCurrentRow(0)
        self.groups.currentRowChanged.connect(self._on_group)
        self._on_group(0)
        self.refresh()
        self.groups.setFocus()
        QTimer.singleShot(_SOON_MS, self, self._make_next)

    @property
    def page(self) -> SettingPage:
        """The page in view."""
        return self._page(max(0, self.groups.currentRow()))

    @property
    def pages(self) -> tuple[SettingPage, ...]:
        """Every page."""
        return tuple(self._page(number) for number in range(len(self._makers)))

    def show_page(self, number: int) -> None:
        """Bring a page into view, counted from 0."""
        self.groups.setCurrentRow(number)

    def refresh(self) -> None:
        """Show the settings in use, and what is wrong with their file."""
        for page in self._made.values():
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
        self._last = self.groups
        self._stack = QStackedWidget()
        for title, _ in self._makers:
            self.groups.addItem(title)
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
        self._footer = (self.undo, self.defaults, button(t("gui.close"), self.close))
        for part in self._footer:
            row.addWidget(part)
        return row

    def _page(self, number: int) -> SettingPage:
        if (page := self._made.get(number)) is None:
            page = self._halfway.pop(number, None) or self._makers[number][1]()
            self._made[number] = page
            self._stack.addWidget(page)
            page.refresh()
            self._order_tabs(page)
        return page

    def _order_tabs(self, page: SettingPage) -> None:
        """Have Tab go from the groups to the page in view, and then to the buttons below."""
        self._last = last = order_tabs(self._last, page)
        for part in self._footer:
            self.setTabOrder(last, part)
            last = part

    def _make_next(self) -> None:
        missing = [number for number in range(len(self._makers)) if number not in self._made]
        if missing:
            number = missing[0]
            if number in self._halfway:
                self._page(number)
            else:
                self._halfway[number] = keep_for_later(self._makers[number][1](), self)
            QTimer.singleShot(TURN_MS, self, self._make_next)

    def _on_group(self, row: int) -> None:
        self._stack.setCurrentWidget(self._page(row))
        self.defaults.setEnabled(self.editor.problem is None and bool(self.page.names))

    def _on_defaults(self) -> None:
        self.editor.restore_defaults(*self.page.names)
