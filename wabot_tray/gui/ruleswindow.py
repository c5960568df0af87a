"""The window of the auto-replies: what the file says, what is not saved yet, and what is wrong."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QSize, Qt, QTimer, QUrl
from PySide6.QtGui import QCloseEvent, QDesktopServices, QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout

from wabot_tray.bot.rule_document import RuleDocument
from wabot_tray.bot.rule_editing import Editing
from wabot_tray.bot.rule_file import RuleFile, RulesChangedError, Signature, place_of
from wabot_tray.core.errors import BotFileError, WabotError
from wabot_tray.core.states import SessionState
from wabot_tray.gui.actions import Tone, shown_name
from wabot_tray.gui.banner import Banners
from wabot_tray.gui.brokenrules import BrokenRules
from wabot_tray.gui.parts import button, label
from wabot_tray.gui.ruledialogs import ChangedDialog, UnsavedDialog
from wabot_tray.gui.ruleeditor import RuleEditor
from wabot_tray.gui.window import TURN_MS, Window
from wabot_tray.system.i18n import language, sentence, t, tn

if TYPE_CHECKING:
    from wabot_tray.gui.windows import Windows

_SIZE: Final = QSize(1180, 760)
_LOOK_MS: Final = 1000  # between looks at the file
_SAVING: Final = "save rules"


class RulesWindow(Window):
    """Edits bot.toml.

    Args:
        windows: Everything a window may use.
    """

    def __init__(self, windows: "Windows") -> None:
        super().__init__("rules", f"{t('rules.window')}[*]", windows.store, _SIZE)
        self._bridge, self._clock = windows.bridge, windows.clock
        self._jobs = windows.actions.jobs
        self.file = RuleFile(windows.program.paths.bot_file, language())
        self._seen: Signature | None = None
        self._asked_about: Signature | None = None
        self._closes_after = False
        self._may_close = False
        self._dialog: UnsavedDialog | ChangedDialog | None = None
        self.banners = Banners()
        self.status = label("", role="quiet")
        self.undo = button(t("rules.undo"), self._undo, role="flat")
        self.redo = button(t("rules.redo"), self._redo, role="flat")
        self.save_button = button(t("rules.save"), self.save, role="primary")
        self._pages = QStackedWidget(self)
        self._editor: RuleEditor | None = None
        self.broken = BrokenRules(self._open_file, self._restore)
        self._build()
        for signal in (self._bridge.session_changed, self._bridge.session_removed):
            signal.connect(self._follow)
        self._look = QTimer(self)
        self._look.timeout.connect(self.look)
        self._look.start(_LOOK_MS)
        # What writes the file takes a sixth of a second to load: not at the first letter typed.
        windows.imports.take(["tomlkit"])
        self._steps: list[Callable[[], None]] = [self._make_editor, self._read]
        QTimer.singleShot(TURN_MS, self, self._go_on)

    @property
    def editor(self) -> RuleEditor:
        """Where the rules of the file are edited."""
        self.finish()
        assert self._editor is not None  # noqa: S101 - the first step
        return self._editor

    def finish(self) -> None:
        """Do what the opening leaves to the next turns. A second call changes nothing."""
        while self._steps:
            self._steps.pop(0)()

    # --- the file --------------------------------------------------------------------------------

    def load(self) -> None:
        """Show what the file says; what was edited is gone."""
        self._seen = self.file.signature()
        text = ""
        try:
            text = self.file.text()
            document = RuleDocument.of(text, language())
        except BotFileError as err:
            has_copy = self.file.good_copy() is not None
            self.broken.show_fault(err, place_of(text, err), has_copy=has_copy)
            self._pages.setCurrentWidget(self.broken)
            self.editor.load(Editing(RuleDocument(())))
        else:
            self._pages.setCurrentWidget(self.editor)
            self.editor.load(Editing(document))
        self._follow()

    def look(self) -> None:
        """Notice that somebody else has changed the file."""
        if self._dialog is not None or _SAVING in self._jobs.names:
            return
        found = self.file.signature()
        if found in {self._seen, self._asked_about}:
            return
        if not self.editor.editing.is_changed:
            self.load()
            if self._is_edited:
                self.banners.show_passing("reloaded", t("rules.reloaded"), Tone.INFO)
        elif self.isVisible():
            self._ask_whose()

    def save(self) -> None:
        """Write the rules; running accounts use them within two seconds."""
        if not self._is_edited or not self.editor.editing.is_changed:
            return
        if (row := self.editor.first_fault()) is not None:
            self.editor.refresh(row)
            self.banners.show_passing("saved", t("rules.unfinished"), Tone.WARNING)
            self._drop_plan()
            return
        self._jobs.start(_SAVING, self._save, tell_error=self._tell_error)

    async def _save(self) -> None:
        document, now = self.editor.editing.document, self._clock.now()
        try:
            self._seen = await asyncio.to_thread(self.file.save, document, self._seen, now)
        except RulesChangedError:
            self._ask_whose()
            return
        self.editor.editing.saved(document)
        self.banners.drop("back")
        self._follow()
        words = tn("rules.saved", self._connected()) if self._connected() else t("rules.saved_only")
        self.banners.show_passing("saved", words, Tone.GOOD)
        if self._closes_after:
            self._close_now()

    # --- inside ----------------------------------------------------------------------------------

    def _go_on(self) -> None:
        if self._steps:
            self._steps.pop(0)()
            QTimer.singleShot(TURN_MS, self, self._go_on)

    @property
    def _is_edited(self) -> bool:
        """Whether the rules are in view, not what is wrong with their file."""
        return self.editor is self._pages.currentWidget()

    def _make_editor(self) -> None:
        self._editor = made = RuleEditor(self._pages, self._jobs, self._clock, self._accounts)
        made.edited.connect(self._follow)
        made.deleted.connect(self._on_deleted)
        self._pages.addWidget(made)
        self._pages.addWidget(self.broken)

    def _read(self) -> None:
        self.load()
        self._bring_back()

    def _accounts(self) -> list[tuple[str, str]]:
        return [(s.id, shown_name(s)) for s in self._bridge.manager.snapshots()]

    def _connected(self) -> int:
        found = self._bridge.manager.snapshots()
        return sum(snapshot.state is SessionState.CONNECTED for snapshot in found)

    def _follow(self, *_: object) -> None:
        editing = self.editor.editing
        is_edited = self._is_edited
        self.undo.setEnabled(is_edited and editing.can_undo)
        self.redo.setEnabled(is_edited and editing.can_redo)
        self.save_button.setEnabled(is_edited and editing.is_changed)
        self.setWindowModified(editing.is_changed)
        count = self._connected()
        if not is_edited:
            self.status.setText(t("rules.status_broken"))
        elif editing.is_changed:
            self.status.setText(t("rules.status_unsaved"))
        else:
            self.status.setText(tn("rules.in_use", count) if count else t("rules.in_use_nobody"))
        known = self._accounts()
        self.editor.try_box.show_accounts(known)

    def _undo(self) -> None:
        self.banners.drop("deleted")
        self.editor.undo()

    def _redo(self) -> None:
        self.editor.redo()

    def _on_deleted(self, name: str) -> None:
        self.banners.drop("deleted")
        words = t("rules.deleted", name=name)
        self.banners.show_notice("deleted", words, Tone.INFO, (t("rules.undo"), self._undo))

    def _tell_error(self, text: str) -> None:
        self._drop_plan()
        self.banners.show_notice("saved", text, Tone.ERROR)

    def _drop_plan(self) -> None:
        self._closes_after = False

    def _bring_back(self) -> None:
        """Go on with what was not saved when the program ended."""
        document = self.file.take_unsaved()
        if document is None or not self._is_edited:
            return
        self.editor.editing.change(document)
        self.editor.refresh()
        self._follow()
        offer = (t("rules.discard"), self._drop_brought_back)
        self.banners.show_notice("back", t("rules.brought_back"), Tone.INFO, offer)

    def _drop_brought_back(self) -> None:
        self.banners.drop("back")
        self.load()

    def _open_file(self) -> None:
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.file.path))):
            text = t("rules.unopened", path=self.file.path)
            self.banners.show_notice("open", text, Tone.WARNING)

    def _restore(self) -> None:
        try:
            self.file.restore(self._clock.now())
        except WabotError as err:
            self.banners.show_notice("open", sentence(err), Tone.ERROR)
            return
        self.load()
        self.banners.show_passing("reloaded", t("rules.restored"), Tone.GOOD)

    # --- questions -------------------------------------------------------------------------------

    def _ask_whose(self) -> None:
        self._drop_plan()
        self._asked_about = self.file.signature()  # Escape leaves the question for "Save"
        dialog = self._dialog = ChangedDialog(self)
        dialog.theirs.connect(self._take_theirs)
        dialog.mine.connect(self._keep_mine)
        dialog.finished.connect(self._on_answered)
        dialog.open()

    def _take_theirs(self) -> None:
        self.load()

    def _keep_mine(self) -> None:
        self._seen = self.file.signature()
        self.save()

    def _on_answered(self) -> None:
        self._dialog = None

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask about what is not saved."""
        if self.editor.editing.is_changed and not self._may_close:
            event.ignore()
            if self._dialog is None:
                self._ask_unsaved()
            return
        self._may_close = False
        super().closeEvent(event)

    def _ask_unsaved(self) -> None:
        dialog = self._dialog = UnsavedDialog(self)
        dialog.saved.connect(self._save_and_close)
        dialog.discarded.connect(self._discard)
        dialog.finished.connect(self._on_answered)
        dialog.open()

    def _save_and_close(self) -> None:
        self._closes_after = True
        self.save()

    def _discard(self) -> None:
        self.load()
        self._close_now()

    def _close_now(self) -> None:
        self._drop_plan()
        self._may_close = True
        self.close()

    def end(self) -> None:
        """Close, as the program ends; what is not saved is kept for the next time."""
        if self.editor.editing.is_changed and not self._may_close:
            self.file.keep_unsaved(self.editor.editing.document)
        self._look.stop()
        self._close_now()

    def carry(self) -> object:
        """Return what is being edited, for the same window in another language."""
        self._may_close = True
        return self.editor.editing, self._seen, self.editor.list.key

    def resume(self, carried: object) -> None:
        """Go on with it."""
        if isinstance(carried, tuple) and self._is_edited:
            editing, self._seen, key = carried
            self.editor.load(editing, key if key is not None else 0)
            self._follow()

    # --- how it is put together ------------------------------------------------------------------

    def _build(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(label(t("rules.window"), role="title", wrap=False))
        words.addWidget(self.status)
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addLayout(words, 1)
        for part in (self.undo, self.redo, self.save_button):
            top.addWidget(part, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 18)
        column.setSpacing(12)
        column.addLayout(top)
        column.addWidget(self.banners)
        column.addWidget(self._pages, 1)
        for key, work in (
            (QKeySequence.StandardKey.Save, self.save),
            (QKeySequence.StandardKey.Undo, self._undo),
            (QKeySequence.StandardKey.Redo, self._redo),
        ):
            QShortcut(QKeySequence(key), self, work)
