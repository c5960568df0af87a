"""The rules in use: bot.toml, read again whenever it changes."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from wabot_tray.bot.rule_file import (
    Signature,
    good_copy,
    keep_good_copy,
    read_text,
    signature,
)
from wabot_tray.bot.rulebook import Rule, RuleBook
from wabot_tray.bot.rules import line_of_rule, parse
from wabot_tray.core.clock import SYSTEM_CLOCK, Clock
from wabot_tray.core.errors import BotFileError
from wabot_tray.core.reasons import Reason
from wabot_tray.system import texts
from wabot_tray.system.paths import resource

log = logging.getLogger(__name__)

CHECK_EVERY_S: Final = 2.0
# Editors write in steps: a fault in a file this young may be half a save.
_SETTLED: Final = timedelta(seconds=1)

Notify = Callable[[Reason | None, str], None]


class RuleBookFile:
    """Holds the last good rules of one file. Without the file there are none, and that is fine.

    A copy of them lies beside the file, for a process that starts while the file is broken.

    Args:
        path: The file, which may come and go.
        notify: Told of a broken file or a slow rule, with a detail for
            `texts.notice_sentence`, and with None once all is well again.
        clock: Tells how young a file is.
    """

    def __init__(self, path: Path, notify: Notify, clock: Clock = SYSTEM_CLOCK) -> None:
        self._path = path
        self._notify = notify
        self._clock = clock
        self._book = RuleBook()
        self._read: Signature | str | None = "never"
        self._told: Reason | None = None
        self._slow: set[str] = set()

    def current(self) -> RuleBook:
        """Return the rules to answer by, read again first if the file has changed.

        One stat() where nothing changed (some microseconds), so every message may ask.
        """
        found = signature(self._path)
        if found != self._read:
            self._reread(found)
        return self._book

    def report_slow(self, rule: Rule) -> None:
        """Tell, once until the file changes, that a rule took too long and was skipped."""
        if rule.reply.key in self._slow:
            return
        self._slow.add(rule.reply.key)
        line = line_of_rule(self._book, rule)
        log.warning("the rule in line %d takes too long and is skipped", line)
        if self._told is None:
            detail = texts.packed("bot.slow_rule", line=line, name=rule.name)
            self._tell(Reason.BOT_RULE_SLOW, detail)

    def _reread(self, found: Signature | None) -> None:
        if found is None:
            if isinstance(self._read, tuple):
                log.info("the rules are gone; nothing is answered")
            self._take(RuleBook(), found)
            return
        try:
            book = parse(text := read_text(self._path))
        except BotFileError as err:
            self._complain(err, found)
            return
        log.info("%d rules in use", len(book.rules))
        self._take(book, found)
        keep_good_copy(self._path, text)

    def _use_good_copy(self) -> None:
        """Answer by the last good rules also where this process never saw them."""
        if (text := good_copy(self._path)) is not None:
            self._book = parse(text)
            log.info("%d rules of the last good copy in use", len(self._book.rules))

    def _take(self, book: RuleBook, found: Signature | None) -> None:
        self._book, self._read = book, found
        self._slow.clear()
        if self._told is not None:
            self._tell(None, "")

    def _complain(self, err: BotFileError, found: Signature) -> None:
        changed = datetime.fromtimestamp(found[0] / 1e9, tz=self._clock.now().tzinfo)
        if timedelta() <= self._clock.now() - changed < _SETTLED:
            return  # looked at again with the next message or check
        if self._read == "never":
            self._use_good_copy()
        self._read = found
        # The sentence may quote the file; the log gets its kind and line only.
        log.warning("the rules cannot be used: %s, line %d", err.message_key, err.line)
        self._tell(Reason.BOT_FILE_BROKEN, texts.packed_error(err))

    def _tell(self, reason: Reason | None, detail: str) -> None:
        self._told = reason
        self._notify(reason, detail)


def install_example(path: Path, language: str) -> bool:
    """Put the example rules at `path` if nothing is there. A second call changes nothing.

    Args:
        path: Where bot.toml belongs; its folder exists.
        language: "es" for Spanish, anything else for English.

    Returns:
        Whether the file was written.

    Raises:
        OSError: It could not be written.
    """
    name = "bot.example.es.toml" if language == "es" else "bot.example.toml"
    content = resource(name).read_bytes()
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        return False
    return True
