"""Reminds of a backup, once a month: one calm line in the dashboard, which can be switched off."""

from typing import TYPE_CHECKING, Final

from wabot_tray.core.reminding import backup_is_due
from wabot_tray.gui.actions import Tone
from wabot_tray.gui.standingnotice import StandingNotice
from wabot_tray.system.i18n import t

if TYPE_CHECKING:
    from wabot_tray.gui.windows import Windows

KEY: Final = "backup"
_LOOK_MS: Final = 3_600_000


class BackupReminder(StandingNotice):
    """Shows and drops the line; dismissed, it stays away for a month."""

    def __init__(self, windows: "Windows") -> None:
        super().__init__(windows, _LOOK_MS)

    def look(self) -> None:
        """Show the line where a backup is due, else take it away."""
        if self.dashboard is None:
            return
        banners = self.dashboard.banners
        if not self.is_due:
            banners.drop(KEY)
            return
        never = self.windows.program.backups.notes.notes.made_at is None
        words = t("saving.due_never") if never else t("saving.due")
        offer = (t("saving.due_go"), self._on_wanted)
        banners.show_notice(KEY, words, Tone.INFO, offer)

    @property
    def is_due(self) -> bool:
        """Whether to remind now."""
        program = self.windows.program
        if program.settings.backup_reminder == "off":
            return False
        began = [one.created for one in program.backups.accounts() if one.paired]
        notes = program.backups.notes.notes
        now = self.windows.clock.now()
        return backup_is_due(now, began, notes.made_at, notes.put_off_at)

    def on_dismissed(self, key: str) -> None:
        """Put the next one off."""
        if key == KEY:
            self.windows.program.backups.notes.note(put_off_at=self.windows.clock.now())

    def _on_wanted(self) -> None:
        self.windows.show_window(KEY)
