"""What a person was told already, so that a new start does not tell it all again."""

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from wabot_tray.core.clock import SYSTEM_CLOCK, Clock
from wabot_tray.core.errors import WabotError
from wabot_tray.storage.documents import Document

log = logging.getLogger(__name__)

_VERSION: Final = 1
Told = dict[tuple[str, str], datetime]  # an account and a mark: when it was told, aware UTC


class ToldFile:
    """Keeps which worries were told. Losing it costs one notification, so no fault is raised."""

    def __init__(self, path: Path, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._document = Document(path, _VERSION, _parse, clock=clock)

    def load(self) -> Told:
        """Return what was kept, nothing where it cannot be read."""
        try:
            return self._document.load() or {}
        except WabotError as err:
            log.warning("what was told before is not known: %s", err)
            return {}

    def save(self, told: Told) -> None:
        """Keep `told`, or log why not."""
        listed = [
            {"account": account, "mark": mark, "at": at.isoformat()}
            for (account, mark), at in told.items()
        ]
        try:
            self._document.save({"told": listed})
        except WabotError as err:
            log.warning("what was told is not kept: %s", err)


def _parse(values: dict[str, Any]) -> Told:
    found: Told = {}
    for entry in values["told"]:
        at = datetime.fromisoformat(entry["at"])
        if at.tzinfo is None:
            raise ValueError("a time without its zone")
        found[str(entry["account"]), str(entry["mark"])] = at.astimezone(UTC)
    return found
