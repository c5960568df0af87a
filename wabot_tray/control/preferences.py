"""The settings in use: changed by the program or by hand in their file, and told to all."""

import asyncio
import dataclasses
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

from wabot_tray.core.clock import SYSTEM_CLOCK
from wabot_tray.core.errors import SettingsError, WabotError
from wabot_tray.core.settings import Settings
from wabot_tray.storage.settings_file import load_settings, save_settings, set_settings_aside

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 2.0
Stamp = tuple[int, int, int] | None


class Preferences:
    """What the person set, as the program uses it and as its file has it.

    Args:
        path: The file, which a person may edit too.
        settings: What was read from it at the start.
        problem: Why it could not be read. Until that is mended nothing is written to it.
    """

    def __init__(self, path: Path, settings: Settings, problem: WabotError | None = None) -> None:
        self.path = path
        self._settings = settings
        self._problem = problem
        self._listeners: list[Callable[[], None]] = []
        self._one_at_a_time = asyncio.Lock()
        self._stamp = _stamp(path)

    @property
    def settings(self) -> Settings:
        """What is in use now; another object after each change."""
        return self._settings

    @property
    def problem(self) -> WabotError | None:
        """Why the file is not read, while that is so; `settings` stay what they were."""
        return self._problem

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener`, on the loop's thread, after each change; return what ends that."""
        self._listeners.append(listener)

        def remove() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return remove

    async def apply(self, settings: Settings) -> None:
        """Keep `settings` in the file, then use them. Those in use already change nothing.

        What somebody wrote into the file meanwhile is used too, where it is about other settings.

        Raises:
            SettingsError: A value is refused, or the file cannot be read; nothing was changed.
            VaultError: The disk is full or cannot be written; nothing was changed.
        """
        changes = _changes(self._settings, settings.checked())
        if not changes:
            return
        async with self._one_at_a_time:
            if self._problem is not None:
                raise self._problem
            try:
                settings = await asyncio.to_thread(self._write, changes)
            except SettingsError as err:  # somebody has just broken the file
                self._use(self._settings, err)
                raise
            self._use(settings, None)

    async def start_afresh(self) -> Path | None:
        """Put a file that cannot be read aside, write the settings in use, and return where it is.

        Returns None where there was nothing to put aside.

        Raises:
            VaultError: The disk is full or cannot be written.
        """
        async with self._one_at_a_time:
            if self._problem is None:
                return None
            aside = await asyncio.to_thread(set_settings_aside, self.path, SYSTEM_CLOCK.now())
            changes = _changes(Settings(), self._settings)
            self._use(await asyncio.to_thread(self._write, changes), None)
            return aside

    async def look(self) -> None:
        """Use what somebody wrote into the file; while it cannot be read, nothing changes."""
        async with self._one_at_a_time:
            stamp = await asyncio.to_thread(_stamp, self.path)
            if stamp == self._stamp:
                return
            self._stamp = stamp
            try:
                settings = await asyncio.to_thread(load_settings, self.path)
            except WabotError as err:
                log.warning("the settings were changed by hand and cannot be read: %s", err)
                self._use(self._settings, err)
            else:
                log.info("the settings were changed by hand")
                self._use(settings, None)

    async def run(self, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Look after the file until cancelled."""
        while True:
            await pause(LOOK_EVERY_S)
            await self.look()

    def _write(self, changes: Mapping[str, Any]) -> Settings:
        settings = dataclasses.replace(load_settings(self.path), **changes)
        save_settings(self.path, settings)
        self._stamp = _stamp(self.path)
        return settings

    def _use(self, settings: Settings, problem: WabotError | None) -> None:
        if (settings, problem) == (self._settings, self._problem):
            return
        self._settings, self._problem = settings, problem
        self._tell()

    def _tell(self) -> None:
        for listener in tuple(self._listeners):
            try:
                listener()
            except Exception:
                log.exception("a listener failed")


def _changes(before: Settings, after: Settings) -> dict[str, Any]:
    """Return what is different in `after`."""
    old = {field.name: getattr(before, field.name) for field in dataclasses.fields(before)}
    return {name: new for name in old if (new := getattr(after, name)) != old[name]}


def _stamp(path: Path) -> Stamp:
    """Return what changes when somebody writes the file; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
