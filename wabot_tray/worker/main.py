"""One process, one account: the entry of a worker."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NoReturn

from wabot_tray.core import exits
from wabot_tray.system import logs
from wabot_tray.system.process import let_windows_go_first, name_process
from wabot_tray.worker import library, logouts, pipes

log = logging.getLogger(__name__)

# neonize holds a thread for each connection and one for each call; asyncio's own pool has 6 on
# two cores, and a starved pool hangs every call (measured with neonize 0.5.2).
THREADS: Final = 64
NAME: Final = "wabot-worker"


def main(argv: Sequence[str] = (), *, prepare: Callable[[], None] | None = None) -> NoReturn:
    """Run one worker until it is told to stop or its standard input closes.

    Ends the process itself, with `os._exit`: an abandoned pairing leaves a thread that never ends,
    and the interpreter would wait for it.

    Args:
        argv: `nursery` makes it the process that workers are forked from. Nothing else is read:
            secrets and settings come by pipe.
        prepare: Runs once the native library is loaded, before anything is dialled.
    """
    os.umask(0o077)
    let_windows_go_first()

    def work() -> NoReturn:
        _work(prepare)

    if list(argv) == ["nursery"]:
        from wabot_tray.worker import nursery  # noqa: PLC0415 - Linux only

        logs.setup_worker()
        nursery.serve(work)
    work()


def _work(prepare: Callable[[], None] | None) -> NoReturn:
    name_process(NAME)
    if sys.platform != "win32":
        # Ctrl+C in a terminal reaches the whole group; the main process then stops us politely.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    pipe = pipes.EventPipe(pipes.claim_stdout())
    _set_up_logging()
    library.leave_out()
    from wabot_tray.worker.session import WorkerSession  # noqa: PLC0415 - loads neonize

    library.load_go()
    if prepare is not None:
        prepare()

    async def run() -> int:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="neonize"))
        session = WorkerSession(pipe.send)
        pipes.listen_for_commands(loop, session.on_command, session.on_orphaned)
        if sys.platform != "win32":
            loop.add_signal_handler(signal.SIGTERM, session.on_orphaned)
        return await session.run()

    status = exits.BROKEN
    try:
        status = asyncio.Runner().run(run())  # never closed: that would join threads without end
    except Exception:
        log.exception("the worker has a fault of its own")
    finally:
        pipe.close()
        logging.shutdown()
        os._exit(status)


def _set_up_logging() -> None:
    """Log to standard error, which the main process reads, redacts and writes to its own log."""
    logs.setup_worker()
    # Unset, it has Go format every node for DEBUG and throws the text away (neonize 0.5.2).
    logging.getLogger("neonize.utils.log").setLevel(logouts.LEVEL)
    logging.getLogger("neonize").setLevel(logging.ERROR)  # it warns of a missing ffmpeg
    logging.getLogger("whatsmeow").setLevel(logging.WARNING)
    for handler in logging.getLogger().handlers:
        handler.addFilter(_calm)


def _calm(record: logging.LogRecord) -> bool:
    """Let the library's errors pass as information: every lost link is an ERROR to it."""
    if record.name.startswith("whatsmeow"):
        record.levelno, record.levelname = logging.INFO, "INFO"
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
