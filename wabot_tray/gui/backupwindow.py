"""The window "Backup and restore": its pages one after the other, and the work between them."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QSize, QStandardPaths, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QStackedWidget, QVBoxLayout
from shiboken6 import isValid

from wabot_tray.core.errors import ReasonedError, WabotError
from wabot_tray.gui.actions import Tone
from wabot_tray.gui.backuppages import (
    BackupPage,
    DonePage,
    HomePage,
    MakePage,
    WorkPage,
    breakable,
)
from wabot_tray.gui.restorepages import ChoosePage, OpenPage
from wabot_tray.gui.window import Window
from wabot_tray.storage.backup_file import SUFFIX, Backup, Index
from wabot_tray.storage.registry import Account
from wabot_tray.system.i18n import sentence, t, tn

if TYPE_CHECKING:
    from wabot_tray.gui.windows import Windows

log = logging.getLogger(__name__)

NAME: Final = "backup"
_SIZE: Final = QSize(680, 680)
# What was done, in words, and what shows it.
Outcome = tuple[str, Callable[[], None]]
Work = Callable[[], Coroutine[Any, Any, Outcome]]


class BackupWindow(Window):
    """Makes backups and restores them.

    Closed while it works, the work goes on, and its end is told in the dashboard or the tray.
    """

    def __init__(self, windows: "Windows") -> None:
        super().__init__(NAME, t("saving.title"), windows.store, _SIZE)
        self._windows = windows
        self._backups = windows.program.backups
        self._task: asyncio.Task[Any] | None = None
        self._may_replace: Path | None = None  # the person said so in the dialog
        self._backup: Backup | None = None
        self.home = HomePage()
        self.make = MakePage(self.show_home)
        self.opening = OpenPage(self.show_home)
        self.choosing = ChoosePage(self.show_restore)
        self.working = WorkPage(self.cancel)
        self.ending = DonePage(self.show_home)
        self._stack = QStackedWidget()
        self._footer = QHBoxLayout()
        self._build()
        self._listen()
        self.show_home()

    # --- pages -----------------------------------------------------------------------------------

    @property
    def pages(self) -> tuple[BackupPage, ...]:
        """All of them."""
        first = (self.home, self.make, self.opening)
        return (*first, self.choosing, self.working, self.ending)

    @property
    def page(self) -> BackupPage:
        """The page in view."""
        page = self._stack.currentWidget()
        assert isinstance(page, BackupPage)  # noqa: S101 - nothing else is in it
        return page

    def show_home(self) -> None:
        """Show what can be done."""
        self._forget()
        self.refresh()
        self._show(self.home)

    def show_make(self) -> None:
        """Ask where a backup goes and what opens it."""
        self._may_replace = None
        self.make.place.show_path(self._free_path())
        self._show(self.make)

    def show_restore(self) -> None:
        """Ask for a backup and its passphrase."""
        self._show(self.opening)

    def refresh(self) -> None:
        """Show when the last backup was made."""
        self.home.show_state(
            self._backups.notes.notes,
            self._windows.clock.now(),
            can_make=bool(self._backups.accounts()),
            reminds=self._windows.program.settings.backup_reminder != "off",
        )

    def cancel(self) -> None:
        """Give up what is under way; nothing of it stays."""
        if self._task is not None:
            self._task.cancel()

    def bring_up(self) -> None:
        """Show the window, the last backup as it is now."""
        self.refresh()
        super().bring_up()

    def carry(self) -> object:
        """Return the page and the files that were named; a passphrase is typed again."""
        names = [name for name, page in self._named().items() if page is self.page]
        return (names or ["home"])[0], self.make.place.field.text(), self.opening.file.field.text()

    def resume(self, carried: object) -> None:
        """Go on where the window before was left."""
        match carried:
            case (str(name), str(place), str(file)):
                self.make.place.field.setText(place)
                self.opening.file.field.setText(file)
                self._show(self._named().get(name, self.home))
            case _:
                pass

    def _named(self) -> dict[str, BackupPage]:
        return {"home": self.home, "make": self.make, "open": self.opening}

    def _show(self, page: BackupPage) -> None:
        for other in self.pages:
            for part in other.buttons:
                part.setVisible(other is page)
        self._stack.setCurrentWidget(page)
        page.verticalScrollBar().setValue(0)
        page.begin()

    def _forget(self) -> None:
        """Keep no passphrase longer than it is needed."""
        self.make.passphrase.forget()
        self.opening.passphrase.forget()
        self._backup = None

    # --- making ----------------------------------------------------------------------------------

    def _on_place_wanted(self) -> None:
        dialog = self._dialog(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(SUFFIX.removeprefix("."))
        if (path := self.make.place.path) is not None:
            dialog.setDirectory(str(path.parent))
            dialog.selectFile(path.name)
        dialog.fileSelected.connect(self._on_place_chosen)
        dialog.open()

    def _on_place_chosen(self, path: str) -> None:
        self._may_replace = Path(path)
        self.make.place.show_path(Path(path))
        self.make.show_problem("")
        self.make.passphrase.first.setFocus()

    def _on_make(self) -> None:
        path, passphrase = self.make.place.path, self.make.passphrase.passphrase
        if path is None:
            return
        may_replace = path == self._may_replace

        async def work() -> Outcome:
            told = self._on_share
            index = await self._backups.make(path, passphrase, told, replace=may_replace)
            self._windows.reminder.look()
            return t("saving.made"), partial(self._on_made, path, index)

        self.working.start(t("saving.working"), t("saving.working_words"))
        self._run("backup", work, self.make)

    def _on_made(self, path: Path, index: Index) -> None:
        cautions = [t("backup.old_copy")]
        if index.left_out:
            names = ", ".join(self._windows.actions.name_of(one) for one in index.left_out)
            cautions.insert(0, t("saving.left_out", names=names))
        linked = sum(one.paired and one.id in index.linked for one in index.accounts)
        self.ending.tell(
            t("saving.made"),
            tn("saving.made_words", linked),
            text=breakable(str(path)),
            cautions=cautions,
            other=(t("saving.show_folder"), self._on_folder),
        )
        self._end()

    def _on_folder(self) -> None:
        path = Path(self._backups.notes.notes.path)
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.parent))):
            self._windows.tell(t("saving.folder_unopened", path=path.parent), Tone.WARNING)

    def _free_path(self) -> Path:
        """Return a name that nothing has, in the folder of the last backup or of documents."""
        before = self._backups.notes.notes.path
        folder = Path(before).parent if before else _documents()
        if not folder.is_dir():
            folder = _documents()
        stem = f"wabot-backup-{self._windows.clock.now().astimezone():%Y-%m-%d}"
        number, path = 1, folder / f"{stem}{SUFFIX}"
        while path.exists():
            number += 1
            path = folder / f"{stem}-{number}{SUFFIX}"
        return path

    def _on_reminder(self, is_on: bool) -> None:
        choice = "monthly" if is_on else "off"

        async def work() -> None:
            settings = replace(self._windows.program.settings, backup_reminder=choice)
            await self._windows.program.apply(settings)
            self._windows.reminder.look()

        self._windows.actions.jobs.start("backup reminder", work)

    # --- restoring -------------------------------------------------------------------------------

    def _on_file_wanted(self) -> None:
        dialog = self._dialog(QFileDialog.AcceptMode.AcceptOpen)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        path = self.opening.file.path or Path(self._backups.notes.notes.path or _documents())
        dialog.setDirectory(str(path if path.is_dir() else path.parent))
        dialog.fileSelected.connect(self._on_file_chosen)
        dialog.open()

    def _on_file_chosen(self, path: str) -> None:
        self.opening.file.show_path(Path(path))
        self.opening.show_problem("")
        self.opening.passphrase.first.setFocus()

    def _on_open(self) -> None:
        path, passphrase = self.opening.file.path, self.opening.passphrase.passphrase
        if path is None:
            return

        async def work() -> Outcome:
            found = await self._backups.look(path, passphrase, self._on_share)
            return "", partial(self._on_opened, found)

        self.working.start(t("restoring.reading"), "")
        self._run("backup", work, self.opening)

    def _on_opened(self, found: Backup) -> None:
        self._backup = found
        self.choosing.show_backup(found, self._backups.accounts())
        self._show(self.choosing)

    def _on_restore(self) -> None:
        backup, wishes = self._backup, self.choosing.wishes()
        if backup is None:
            return

        async def work() -> Outcome:
            accounts = await self._backups.restore(backup, wishes, self._on_share)
            return t("restoring.restored"), partial(self._on_restored, accounts)

        self.working.start(t("restoring.working"), t("restoring.working_words"))
        self._run("backup", work, self.choosing)

    def _on_restored(self, accounts: tuple[Account, ...]) -> None:
        names = ", ".join(account.label or account.id for account in accounts)
        runs = any(account.enabled and account.paired for account in accounts)
        words = t("restoring.connecting") if runs else t("restoring.restored_words")
        self.ending.tell(
            t("restoring.restored"),
            words,
            text=names,
            cautions=[t("backup.only_one")] if runs else [],
            other=(t("restoring.show_accounts"), self._windows.show_dashboard),
        )
        self._end()

    # --- work ------------------------------------------------------------------------------------

    def _run(self, name: str, work: Work, page: BackupPage) -> None:
        """Do `work` behind the page with the progress; where it fails, `page` says why."""

        def refuse(text: str) -> None:
            self._refuse(page, text)

        async def watched() -> None:
            self._task = asyncio.current_task()
            try:
                text, show = await work()
            except asyncio.CancelledError:
                if isValid(self):
                    self._show(page)
                raise
            except WabotError as err:
                log.info("%s: %s", name, err.message_key)
                refuse(_explained(err))
                return
            finally:
                self._task = None
            if isValid(self):
                show()
            if text and not self._is_seen:
                self._windows.tell(text, Tone.GOOD)

        if self._windows.actions.jobs.start(name, watched, tell_error=refuse):
            self._show(self.working)
        else:
            refuse(t("error.backup_under_way"))

    @property
    def _is_seen(self) -> bool:
        """Whether somebody looks; in another language this window may be gone for another one."""
        return isValid(self) and self.isVisible()

    def _on_share(self, share: float) -> None:
        if isValid(self):
            self.working.show_share(share)

    def _refuse(self, page: BackupPage, text: str) -> None:
        if isValid(self):
            self._show(page)
            if isinstance(page, MakePage | OpenPage | ChoosePage):
                page.show_problem(text)
        if not self._is_seen:
            self._windows.tell(text, Tone.ERROR)

    def _end(self) -> None:
        self._forget()
        self._show(self.ending)

    # --- construction ----------------------------------------------------------------------------

    def _build(self) -> None:
        self._footer.setContentsMargins(28, 8, 28, 20)
        self._footer.setSpacing(10)
        self._footer.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._stack, 1)
        column.addLayout(self._footer)
        for page in self.pages:
            self._stack.addWidget(page)
            for part in page.buttons:
                self._footer.addWidget(part)

    def _listen(self) -> None:
        self.home.make_wanted.connect(self.show_make)
        self.home.restore_wanted.connect(self.show_restore)
        self.home.folder_wanted.connect(self._on_folder)
        self.home.reminder_changed.connect(self._on_reminder)
        self.make.place_wanted.connect(self._on_place_wanted)
        self.make.wanted.connect(self._on_make)
        self.opening.file_wanted.connect(self._on_file_wanted)
        self.opening.wanted.connect(self._on_open)
        self.choosing.wanted.connect(self._on_restore)

    def _dialog(self, mode: QFileDialog.AcceptMode) -> QFileDialog:
        dialog = QFileDialog(self, self.windowTitle())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(mode)
        dialog.setNameFilters([t("saving.filter", ending=f"*{SUFFIX}"), t("saving.filter_all")])
        return dialog


def _explained(error: WabotError) -> str:
    """Return what `error` says, and where it has a reason, what to do about it."""
    if isinstance(error, ReasonedError):
        return f"{sentence(error)} {t(f'advice.{error.reason}')}"
    return sentence(error)


def _documents() -> Path:
    kind = QStandardPaths.StandardLocation.DocumentsLocation
    return Path(QStandardPaths.writableLocation(kind) or Path.home())
