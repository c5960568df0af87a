"""Logouts that the library writes into its log alone.

neonize hands over no event before it has asked the session for its number, and asks until it gets
one (FetchMe in goneonize/main.go, 0.5.2). A login that WhatsApp answers with 401, 403 or 406 has
the session deleted, number and all. Where that is done first, on a busy machine say, neither the
logout nor anything else is ever heard: the client looks as if it were still logging in.
"""

import logging
import re
from collections.abc import Callable
from typing import Final

LOGGER: Final = "whatsmeow.Client"  # neonize/utils/log.py
LEVEL: Final = logging.INFO  # of these lines
_UNLINKED: Final = "401"
# whatsmeow, connectionevents.go: of a login with its code, of the end of a stream without one.
_LINE: Final = re.compile(
    r"Got (?:(\d+): .* connect failure|device removed stream error), "
    r"sending LoggedOut event and deleting session"
)


class LogoutLines(logging.Filter):
    """Reads the library's log while it is open; of what it writes below a warning, nothing stays.

    Args:
        hear: Called on the thread of the log: whether WhatsApp has refused the login (403, 406),
            or the phone has unlinked this device (401, or the stream was ended so).
    """

    def __init__(self, hear: Callable[[bool], None]) -> None:
        super().__init__()
        self._hear = hear

    def open(self) -> None:
        """Begin to read. A second call changes nothing."""
        logger = logging.getLogger(LOGGER)
        logger.setLevel(LEVEL)
        logger.addFilter(self)

    def close(self) -> None:
        """Read no more. A second call changes nothing."""
        logger = logging.getLogger(LOGGER)
        logger.setLevel(logging.NOTSET)
        logger.removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Look at one line, and let warnings and worse pass."""
        if found := _LINE.match(record.getMessage()):
            self._hear(found[1] not in {None, _UNLINKED})
        return record.levelno >= logging.WARNING
