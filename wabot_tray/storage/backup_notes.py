"""backups.json: when and where the last backup was made, and when its reminder was put off."""

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from wabot_tray.core.errors import VaultError
from wabot_tray.storage.documents import BrokenFileError, Document, NewerFileError

log = logging.getLogger(__name__)

_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """What is known of backups that were made here; times are aware UTC.

    Args:
        made_at: When the last one was made.
        path: Where it was put.
        put_off_at: When the person last put the reminder off.
    """

    made_at: datetime | None = None
    path: str = ""
    put_off_at: datetime | None = None


class NotesFile:
    """The notes of one data folder. They are a convenience: what cannot be read is forgotten."""

    def __init__(self, folder: Path) -> None:
        self._document = Document(folder / "backups.json", _VERSION, _parse)
        self._notes: Notes | None = None

    @property
    def notes(self) -> Notes:
        """What is known; read once."""
        if self._notes is None:
            try:
                self._notes = self._document.load() or Notes()
            except (BrokenFileError, NewerFileError, VaultError) as error:
                log.warning("the notes of backups cannot be read: %s", error)
                self._notes = Notes()
        return self._notes

    def note(self, **changes: Any) -> None:
        """Change what is known. A disk that refuses is only logged."""
        self._notes = replace(self.notes, **changes)
        try:
            self._document.save(
                {
                    "made_at": _text(self._notes.made_at),
                    "path": self._notes.path,
                    "put_off_at": _text(self._notes.put_off_at),
                }
            )
        except VaultError as error:
            log.warning("the notes of backups could not be saved: %s", error)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _parse(values: dict[str, Any]) -> Notes:
    return Notes(
        made_at=_moment(values["made_at"]),
        path=str(values["path"]),
        put_off_at=_moment(values["put_off_at"]),
    )


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment
