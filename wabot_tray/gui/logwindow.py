"""The window of the log: live, filtered, and explained."""

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QSize, Qt, QUrl
from PySide6.QtGui import (
    QDesktopServices,
    QFontDatabase,
    QGuiApplication,
    QHideEvent,
    QKeySequence,
    QResizeEvent,
    QShortcut,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QBoxLayout,
    QHBoxLayout,
    QPlainTextEdit,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from wabot_tray.gui.actions import Tone
from wabot_tray.gui.banner import Banners
from wabot_tray.gui.logbar import LogBar
from wabot_tray.gui.logfeed import LogFeed
from wabot_tray.gui.logmodel import MOST_ENTRIES, LogModel
from wabot_tray.gui.logtable import LogTable
from wabot_tray.gui.logwords import meaning
from wabot_tray.gui.parts import button, card, label
from wabot_tray.gui.window import Window
from wabot_tray.gui.wording import locale
from wabot_tray.system.i18n import t, tn
from wabot_tray.system.logentries import Entry, Fed, written

if TYPE_CHECKING:
    from wabot_tray.gui.bundledialog import BundleDialog
    from wabot_tray.gui.windows import Windows

NAME: Final = "logs"
UNREADABLE: Final = "unreadable"
COPIED: Final = "copied"
_SIZE: Final = QSize(1120, 720)
_DETAIL_LINES: Final = 5
_AROUND: Final = 60  # pixels beside the buttons
_MOST_DETAILS: Final = 200  # lines; more are copied, but not laid out


class LogWindow(Window):
    """Shows what the program writes down; while it is hidden nothing is read."""

    def __init__(self, windows: "Windows") -> None:
        super().__init__(NAME, t("logs.title"), windows.store, _SIZE)
        self._windows = windows
        self._kept: Entry | None = None  # chosen before a new filter
        self._waiting: list[Entry] | None = None  # what came while paused
        self.bar = LogBar()
        self.banners = Banners()
        self.model = LogModel(self.bar.name_of, self)
        self.table = LogTable(self.model)
        self.feed = LogFeed(windows.program.paths.log_file, self)
        self._build()
        self._listen()
        self._on_session()
        self._on_chosen()

    @property
    def is_paused(self) -> bool:
        """Whether new lines wait."""
        return self._waiting is not None

    def carry(self) -> object:
        """Return what is chosen."""
        return self.bar.choices

    def resume(self, carried: object) -> None:
        """Choose what the window before had chosen."""
        match carried:
            case (str(account), int(level), str(text), bool(only)):
                self.bar.choose(account, level, text, only)
            case _:
                pass

    def ask_bundle(self) -> "BundleDialog":
        """Show what helps to find a fault, to be saved in one file."""
        from wabot_tray.gui.bundledialog import BundleDialog  # noqa: PLC0415 - on first use

        dialog = BundleDialog(self._windows.program, self._windows.clock, self)
        dialog.open()
        return dialog

    def showEvent(self, event: QShowEvent) -> None:
        """Begin to read."""
        super().showEvent(event)
        self._lay_footer()  # the style is known only now
        self.feed.start()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the buttons two rows where one is too short, as with large print."""
        super().resizeEvent(event)
        self._lay_footer()

    def _lay_footer(self) -> None:
        ways = QBoxLayout.Direction
        for row in self._footer_rows:
            row.invalidate()
        needed = sum(row.sizeHint().width() for row in self._footer_rows) + _AROUND
        is_narrow = self.width() < needed
        self._footer.setDirection(ways.TopToBottom if is_narrow else ways.LeftToRight)

    def hideEvent(self, event: QHideEvent) -> None:
        """Stop reading while nobody looks."""
        super().hideEvent(event)
        self.feed.stop()

    # --- construction ----------------------------------------------------------------------------

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 18)
        column.setSpacing(12)
        column.addWidget(self.bar)
        column.addWidget(self.banners)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.table)
        self._pages.addWidget(self._build_empty())
        self._split = QSplitter(Qt.Orientation.Vertical)
        self._split.setChildrenCollapsible(False)
        self._split.addWidget(self._pages)
        self._split.addWidget(self._build_details())
        self._split.setStretchFactor(0, 1)
        self._split.setHandleWidth(12)
        few = (_DETAIL_LINES + 2) * self.details.fontMetrics().lineSpacing()
        self._split.setSizes([_SIZE.height(), few])
        column.addWidget(self._split, 1)
        self.meaning = label("")  # not in the splitter, which gives wrapped words no height
        self.meaning.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column.addWidget(self.meaning)
        column.addLayout(self._build_footer())

    def _build_empty(self) -> QWidget:
        page = card()
        self.empty = label("", role="quiet")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.everything = button(t("logs.everything"), self.bar.show_everything)
        column = QVBoxLayout(page)
        column.addStretch(1)
        column.addWidget(self.empty)
        column.addWidget(self.everything, 0, Qt.AlignmentFlag.AlignCenter)
        column.addStretch(1)
        return page

    def _build_details(self) -> QWidget:
        self.details = QPlainTextEdit()
        self.details.setReadOnly(True)
        self.details.setTabChangesFocus(True)
        self.details.setAccessibleName(t("logs.details"))
        self.details.setPlaceholderText(t("logs.details_hint"))
        self.details.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.details.setMinimumHeight(3 * self.details.fontMetrics().lineSpacing())
        return self.details

    def _build_footer(self) -> QBoxLayout:
        self.pause = button(t("logs.pause"), self._on_pause)
        self.pause.setToolTip(t("logs.pause_hint"))
        self.to_end = button(t("logs.to_end"), self.table.follow)
        self.to_end.setToolTip(t("logs.to_end_hint"))
        self.copy = button(t("logs.copy"), self._copy_chosen)
        self.copy_all = button(t("logs.copy_all"), self._copy_all)
        self.save = button(t("logs.save"), self.ask_bundle)
        self.save.setToolTip(t("logs.save_hint"))
        self.folder = button(t("logs.folder"), self._open_folder, role="flat")
        left, right = QHBoxLayout(), QHBoxLayout()
        for row, parts in (
            (left, (self.pause, self.to_end)),
            (right, (self.copy, self.copy_all, self.folder, self.save)),
        ):
            row.setSpacing(8)
            for part in parts:
                row.addWidget(part)
        left.addStretch(1)
        self._footer = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._footer.setSpacing(8)
        self._footer.addLayout(left, 1)
        self._footer.addLayout(right)
        self._footer_rows = (left, right)
        return self._footer

    def _listen(self) -> None:
        self.feed.begun.connect(self._on_begun)
        self.feed.came.connect(self._on_came)
        self.feed.failed.connect(self._on_failed)
        self.bar.changed.connect(self._on_filter)
        self.bar.text_changed.connect(self._on_text)
        self.bar.find_wanted.connect(self._find)
        self.model.filtered.connect(self._on_filtered)
        self.table.copy_wanted.connect(self._copy_chosen)
        self.table.following_changed.connect(self._show_state)
        self.table.selectionModel().selectionChanged.connect(self._on_chosen)
        self._windows.bridge.session_changed.connect(self._on_session)
        self._windows.bridge.session_removed.connect(self._on_session)
        QShortcut(QKeySequence.StandardKey.Find, self, self._on_find)
        QShortcut(QKeySequence.StandardKey.FindNext, self, lambda: self._find(1))
        QShortcut(QKeySequence.StandardKey.FindPrevious, self, lambda: self._find(-1))

    # --- what comes ------------------------------------------------------------------------------

    def _on_begun(self, entries: list[Entry]) -> None:
        self.model.begin(entries)

    def _on_came(self, fed: Fed) -> None:
        self.banners.drop(UNREADABLE)
        if self._waiting is not None:
            self._waiting = (self._waiting + fed.entries)[-MOST_ENTRIES:]
        else:
            self.model.add(fed)
        if fed.entries or fed.extended is not None:
            self._show_state()
            self._show_details()

    def _on_failed(self, why: str) -> None:
        self.banners.show_notice(UNREADABLE, t("logs.unreadable", why=why), Tone.WARNING)
        self._show_state()

    def _on_session(self, _changed: object = None) -> None:
        if self.bar.show_accounts(self._windows.program.manager.snapshots()):
            self.model.rename()

    # --- what the person does --------------------------------------------------------------------

    def _on_filter(self) -> None:
        self._kept = self.table.current or self._kept
        self.model.use(self.bar.filter)

    def _on_filtered(self) -> None:
        kept, self._kept = self._kept, None
        self.table.choose_entry(kept)
        self._on_chosen()
        self._show_state()

    def _on_text(self, text: str) -> None:
        self.table.mark(text)
        self._show_state()
        if text and not self.bar.only.isChecked():
            self._find(1, from_here=True)

    def _on_find(self) -> None:
        self.bar.text.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.bar.text.selectAll()

    def _find(self, step: int, *, from_here: bool = False) -> None:
        text = self.bar.text.text()
        if not text:
            self._on_find()
            return
        here = self.table.currentIndex().row()
        start = here if from_here or here < 0 else here + step
        if here < 0 and step < 0:
            start = self.model.rowCount() - 1
        if (row := self.model.find(text, max(start, 0) if here < 0 else start, step)) >= 0:
            self.table.choose(row)
        self._show_state()
        if row < 0:
            self.bar.status.setText(t("logs.not_found"))

    def _on_chosen(self) -> None:
        self.copy.setEnabled(self.table.selectionModel().hasSelection())
        self._show_details()

    def _on_pause(self) -> None:
        if self._waiting is None:
            self._waiting = []
        else:
            waiting, self._waiting = self._waiting, None
            self.model.add(Fed(waiting))
        self._show_state()

    def _copy_chosen(self) -> None:
        self._copy(self.table.chosen)

    def _copy_all(self) -> None:
        self._copy(list(self.model.shown))

    def _copy(self, entries: list[Entry]) -> None:
        if entries:
            QGuiApplication.clipboard().setText(written(entries))
            said = tn("logs.copied", len(entries))
            self.banners.show_passing(COPIED, said, Tone.GOOD)

    def _open_folder(self) -> None:
        folder = self._windows.program.paths.logs
        there = folder if folder.exists() else folder.parent
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(there))):
            words = t("logs.folder_unopened", path=there)
            self.banners.show_notice(COPIED, words, Tone.WARNING)

    # --- what is shown ---------------------------------------------------------------------------

    def _show_state(self) -> None:
        shown, held = self.model.rowCount(), self.model.held
        self._pages.setCurrentIndex(0 if shown else 1)
        self.empty.setText(t("logs.no_match") if held else t("logs.empty"))
        self.everything.setVisible(bool(held))
        self.copy_all.setEnabled(shown > 0)
        self.to_end.setEnabled(shown > 0 and not self.table.follows)
        number = locale().toString
        words = tn("logs.lines", shown, shown=number(shown))
        if shown < held:
            words = tn("logs.lines_of", held, shown=number(shown), held=number(held))
        self.bar.status.setText(words)
        if self._waiting is None:
            self.pause.setText(t("logs.pause"))
        else:
            self.pause.setText(tn("logs.go_on", len(self._waiting)))

    def _show_details(self) -> None:
        chosen = self.table.chosen
        told = meaning(chosen[0]) if len(chosen) == 1 else ""
        self.meaning.setText(told)
        self.meaning.setVisible(bool(told))
        text = written(chosen[:_MOST_DETAILS]).rstrip("\n")
        if text != self.details.toPlainText():
            self.details.setPlainText(text)
