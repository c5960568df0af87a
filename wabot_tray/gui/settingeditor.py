"""Changes the settings for the window that shows them: at once, in order, and back again."""

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QObject, Signal

from wabot_tray.core.errors import WabotError
from wabot_tray.core.settings import Settings
from wabot_tray.gui.jobs import Jobs
from wabot_tray.gui.ports import Program
from wabot_tray.system.i18n import sentence

Changes = Mapping[str, Any]


class SettingEditor(QObject):
    """What a person does to the settings, and what can be taken back.

    Args:
        program: Keeps them.
        jobs: Runs what writes the file.
    """

    changed = Signal()  # the settings in use, or whether their file can be read
    refused = Signal(object, str)  # the names of the settings, a sentence

    def __init__(self, program: Program, jobs: Jobs) -> None:
        super().__init__()
        self._program = program
        self._jobs = jobs
        self._wanted: list[tuple[Changes, bool]] = []
        self._undoable: list[Changes] = []
        self._numbers = itertools.count(1)
        self._is_working = False
        forget = program.preferences.subscribe(self.changed.emit)
        self.destroyed.connect(forget)

    @property
    def settings(self) -> Settings:
        """What is in use."""
        return self._program.settings

    @property
    def problem(self) -> WabotError | None:
        """Why the file cannot be read, while that is so."""
        return self._program.preferences.problem

    @property
    def undoable(self) -> tuple[Changes, ...]:
        """What can be taken back, the last change last."""
        return tuple(self._undoable)

    def take_over(self, undoable: tuple[Changes, ...]) -> None:
        """Go on with what an editor before this one could take back."""
        self._undoable = list(undoable)

    def set(self, **changes: Any) -> None:
        """Change some settings; what is so already changes nothing."""
        self._want(changes, is_undo=False)

    def note(self, was: Changes) -> None:
        """Remember how settings were that somebody else has changed for the person."""
        self._undoable.append(was)
        self.changed.emit()

    def undo(self) -> None:
        """Take the last change back; without one, nothing happens."""
        if self._undoable:
            self._want(self._undoable.pop(), is_undo=True)

    def restore_defaults(self, *names: str) -> None:
        """Give these settings the values they had before anybody changed them."""
        usual = Settings()
        self.set(**{name: getattr(usual, name) for name in names})

    def start_afresh(self) -> None:
        """Put a file that cannot be read aside and write a new one with what is in use."""
        self._jobs.start("settings: start afresh", self._start_afresh)

    def _want(self, changes: Changes, *, is_undo: bool) -> None:
        self._wanted.append((changes, is_undo))
        if not self._is_working:  # else it is taken up in its turn
            self._is_working = True
            self._jobs.start(f"settings {next(self._numbers)}", self._work)

    async def _work(self) -> None:
        try:
            while self._wanted:
                await self._do(*self._wanted.pop(0))
        finally:
            self._is_working = False

    async def _do(self, changes: Changes, is_undo: bool) -> None:
        before = self.settings
        was = {name: getattr(before, name) for name in changes}
        if was == changes:
            return
        # First: the answer to some changes is a new window, which asks for these.
        if not is_undo:
            self._undoable.append(was)
        try:
            await self._program.apply(dataclasses.replace(before, **changes))
        except WabotError as err:
            if is_undo:
                self._undoable.append(changes)
            else:
                self._undoable.remove(was)
            self.changed.emit()
            self.refused.emit(tuple(changes), sentence(err))
        else:
            self.changed.emit()

    async def _start_afresh(self) -> None:
        await self._program.preferences.start_afresh()
