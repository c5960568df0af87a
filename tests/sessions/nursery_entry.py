"""A worker that runs a script instead of an account, forked or spawned like the real one.

`python -m tests.sessions.nursery_entry SCRIPT [nursery]`
"""

import os
import sys
import threading
import time
from typing import NoReturn

from wabot_tray.worker import nursery

THREADED = "# with a thread\n"  # a script that begins so makes forking unsafe
BROKEN = "# no nursery\n"  # one that begins so lets every nursery fail


def work(script: str) -> NoReturn:
    """Run the script as the whole life of a worker."""
    status = 0
    try:
        exec(script, {"__name__": "__worker__"})  # noqa: S102 - the test's own words
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stdout.flush()
        os._exit(status)


def main() -> NoReturn:
    """Be the nursery or the worker."""
    script, *rest = sys.argv[1:]
    if rest != ["nursery"]:
        work(script)
    if script.startswith(BROKEN):
        sys.exit(9)
    if script.startswith(THREADED):
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    nursery.serve(lambda: work(script))


if __name__ == "__main__":
    main()
