"""Backup and restore, page by page, for the photographer."""

import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtWidgets import QWidget

from tests.gui.fake_program import backup_program
from tests.storage.backup_bench import PASSPHRASE
from wabot_tray.gui.backupwindow import BackupWindow
from wabot_tray.gui.windows import Windows
from wabot_tray.system.i18n import t

Save = Callable[[QWidget, str], Awaitable[None]]


async def backups(save: Save) -> None:
    """Take every page of a backup and of a restore, and the reminder."""
    with tempfile.TemporaryDirectory() as folder:
        program = backup_program(Path(folder))
        windows = Windows(program, lambda: None, clock=program.manager.time.clock)
        await save(windows.dashboard, "dashboard-reminder")
        windows.show_window("backup")
        window = windows.window("backup")
        assert isinstance(window, BackupWindow)
        await save(window, "backup-1-home")
        path = Path(folder) / "wabot-backup-2026-12-23.wabot"
        await _make(save, window, path)
        window.show_home()
        await save(window, "backup-5-home-again")
        await _restore(save, window, path)
        await windows.close()


async def _make(save: Save, window: BackupWindow, path: Path) -> None:
    window.show_make()
    window.make.place.show_path(Path("/media/rosa/USB/wabot-backup-2026-12-23.wabot"))
    window.make.passphrase.first.setText("caballo correcto")
    await save(window, "backup-2-make")
    window.working.start(t("saving.working"), t("saving.working_words"))
    window.working.show_share(0.62)
    window._show(window.working)
    await save(window, "backup-3-working")
    index = await window._backups.make(path, PASSPHRASE)
    window._on_made(path, index)
    await save(window, "backup-4-done")


async def _restore(save: Save, window: BackupWindow, path: Path) -> None:
    window.show_restore()
    window.opening.file.show_path(path)
    window.opening.passphrase.first.setText("not this one")
    window.opening.show_problem(t("error.backup_passphrase"))
    await save(window, "backup-6-open")
    found = await window._backups.look(path, PASSPHRASE)
    found.index = replace(found.index, computer="mostrador")  # not the photographer's
    window.choosing.show_backup(found, window._backups.accounts()[:1])
    window._show(window.choosing)
    await save(window, "backup-7-choose")
    window._on_restored(window._backups.accounts())
    await save(window, "backup-8-restored")
