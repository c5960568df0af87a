"""The coroutines that clicks start: owned, named, never two of the same, their errors told."""

import asyncio
import logging
from collections.abc import Callable, Coroutine

from wabot_tray.core.errors import WabotError
from wabot_tray.system.i18n import sentence, t

log = logging.getLogger(__name__)
Work = Callable[[], Coroutine[object, object, None]]


class Jobs:
    """Runs work in the background on the running loop.

    Args:
        tell_error: Gets the sentence of a job that failed and brought no teller of its own.
    """

    def __init__(self, tell_error: Callable[[str], None]) -> None:
        self._tell_error = tell_error
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(
        self, name: str, work: Work, *, tell_error: Callable[[str], None] | None = None
    ) -> bool:
        """Run `work`, and return whether it was started: one that still runs is not doubled."""
        if name in self._tasks:
            return False
        task = asyncio.get_running_loop().create_task(
            self._run(name, work, tell_error or self._tell_error), name=name
        )
        self._tasks[name] = task
        task.add_done_callback(lambda _: self._tasks.pop(name, None))
        return True

    @property
    def names(self) -> tuple[str, ...]:
        """What is under way."""
        return tuple(self._tasks)

    async def close(self) -> None:
        """Cancel what still runs and wait for its end. A second call changes nothing."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @staticmethod
    async def _run(name: str, work: Work, tell_error: Callable[[str], None]) -> None:
        try:
            await work()
        except WabotError as err:
            log.info("%s: %s", name, err.message_key)
            tell_error(sentence(err))
        except Exception:  # told, logged with its trace, and the program goes on
            log.exception("%s failed", name)
            tell_error(t("gui.unexpected"))
