"""The "try it" box: a customer's message, and which rule would answer it, with what words.

The rules are asked by the very code the workers use, on a thread: a pattern that runs away is
stopped after a tenth of a second, and said.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from PySide6.QtCore import QDateTime, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDateTimeEdit,
    QGridLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from wabot_tray.bot.rulebook import Examined, Reply, RuleBook, Verdict
from wabot_tray.bot.rules import parse
from wabot_tray.core.clock import Clock
from wabot_tray.core.errors import BotFileError
from wabot_tray.core.messages import IncomingMessage
from wabot_tray.gui.formparts import narrow
from wabot_tray.gui.jobs import Jobs
from wabot_tray.gui.parts import label
from wabot_tray.gui.replyfield import Bubble
from wabot_tray.gui.rulewording import VERDICTS, fault_text
from wabot_tray.system.i18n import t

JOB: Final = "try rules"
_PAUSE_MS: Final = 150  # after the last letter


@dataclass(frozen=True, slots=True)
class Trial:
    """What is to be tried."""

    source: str
    text: str
    account: str
    now: datetime
    was_answered: bool


class TryBox(QWidget):
    """Asks the rules, saved or not, and shows what they say.

    Args:
        jobs: Runs the work.
        clock: Tells the time of "now".
        source: Gives the rules as they are in the window.
        names: Gives the titles of the rules.
    """

    tried = Signal(object)  # Examined, or None where there was nothing to try

    def __init__(
        self,
        jobs: Jobs,
        clock: Clock,
        source: Callable[[], str],
        names: Callable[[], Sequence[str]],
    ) -> None:
        super().__init__()
        self._jobs, self._clock, self._source, self._names = jobs, clock, source, names
        self._is_stale = False
        self.message = QLineEdit()
        self.message.setMaxLength(4096)
        self.message.setAccessibleName(t("rules.try_message"))
        self.message.setPlaceholderText(t("rules.try_message"))
        self.account = narrow(QComboBox())
        self.account.setAccessibleName(t("rules.try_account"))
        self.when = narrow(QComboBox())
        self.when.setAccessibleName(t("rules.try_when"))
        self.when.addItem(t("rules.try_now"))
        self.when.addItem(t("rules.try_other"))
        self.moment = QDateTimeEdit(QDateTime.fromSecsSinceEpoch(int(clock.now().timestamp())))
        self.moment.setDisplayFormat("ddd d MMM  HH:mm")
        self.moment.setCalendarPopup(True)
        self.moment.setAccessibleName(t("rules.try_moment"))
        self.again = QCheckBox(t("rules.try_again"))
        self.again.setToolTip(t("rules.try_again_hint"))
        self.again.setAccessibleDescription(t("rules.try_again_hint"))
        self.verdict = label(t("rules.try_empty"), role="quiet")
        self.bubble = Bubble("")
        self.others = QVBoxLayout()
        self.others.setSpacing(4)
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.timeout.connect(self.run)
        self._build()
        self._show_nothing(t("rules.try_empty"))

    def show_accounts(self, known: Sequence[tuple[str, str]]) -> None:
        """Offer these accounts: ids and names."""
        chosen = self.account.currentData()
        self.account.blockSignals(True)
        self.account.clear()
        for one, name in known:
            self.account.addItem(name, one)
        self.account.setCurrentIndex(max(self.account.findData(chosen), 0))
        self.account.blockSignals(False)
        self.account.setVisible(len(known) > 1)

    def refresh(self, *_: object) -> None:
        """Try again in a moment, since something changed."""
        self.moment.setVisible(self.when.currentIndex() == 1)
        self._wait.start(_PAUSE_MS)

    def run(self) -> None:
        """Try what is written."""
        if not self.message.text().strip():
            self._show_nothing(t("rules.try_empty"))
            return
        trial = Trial(
            source=self._source(),
            text=self.message.text(),
            account=self.account.currentData() or "",
            now=self._moment(),
            was_answered=self.again.isChecked(),
        )
        self._is_stale = not self._jobs.start(JOB, lambda: self._try(trial))

    async def _try(self, trial: Trial) -> None:
        try:
            found, book = await asyncio.to_thread(examined, trial)
        except BotFileError as err:
            self._show_nothing(t("rules.try_fault", why=fault_text(err)))
        else:
            self._show(found, book)
        if self._is_stale:
            self._is_stale = False
            self._wait.start(_PAUSE_MS)

    def _moment(self) -> datetime:
        if self.when.currentIndex() == 0:
            return self._clock.now()
        chosen = self.moment.dateTime().toSecsSinceEpoch()
        return datetime.fromtimestamp(chosen, UTC)

    # --- what is shown ---------------------------------------------------------------------------

    def _show_nothing(self, words: str) -> None:
        self.verdict.setText(words)
        self.bubble.hide()
        self._clear()
        self.tried.emit(None)

    def _show(self, found: Examined, book: RuleBook) -> None:
        self.verdict.setText(self._said(found))
        self.bubble.setVisible(found.choice.words is not None)
        self.bubble.say(found.choice.words or "")
        self._clear()
        for number, verdict in enumerate(found.verdicts):
            text = t(
                "rules.try_line",
                number=number + 1,
                name=self._name(number),
                verdict=t(VERDICTS[verdict]),
            )
            role = "strong" if verdict is Verdict.ANSWERS else "quiet"
            self.others.addWidget(label(text, role=role))
        if book.fallback is not None and found.is_open and found.last is not None:
            self.others.addWidget(label(self._last(found.last), role="quiet"))
        self.tried.emit(found)

    def _said(self, found: Examined) -> str:
        """Return in a sentence who answers."""
        if Verdict.ANSWERS in found.verdicts:
            number = found.verdicts.index(Verdict.ANSWERS)
            key = "rules.try_answers" if found.choice.words else "rules.try_says_nothing"
            return t(key, number=number + 1, name=self._name(number))
        if found.last is Verdict.ANSWERS:
            return t("rules.try_fallback" if found.is_open else "rules.try_closed")
        if Verdict.RESTS in found.verdicts or found.last is Verdict.RESTS:
            return t("rules.try_rests")
        return t("rules.try_nobody" if found.is_open else "rules.try_nobody_closed")

    def _last(self, verdict: Verdict) -> str:
        return t("rules.try_last", verdict=t(VERDICTS[verdict]))

    def _name(self, number: int) -> str:
        names = self._names()
        return names[number] if number < len(names) else ""

    def _clear(self) -> None:
        while (item := self.others.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()

    def _build(self) -> None:
        fields = QGridLayout()
        fields.setHorizontalSpacing(8)
        fields.setVerticalSpacing(8)
        for row, widget in enumerate((self.message, self.account, self.when, self.moment)):
            fields.addWidget(widget, row, 0)
        self.moment.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(10)
        column.addWidget(label(t("rules.try"), role="heading"))
        column.addWidget(label(t("rules.try_words"), role="quiet"))
        column.addLayout(fields)
        column.addWidget(self.again)
        column.addWidget(self.verdict)
        column.addWidget(self.bubble)
        column.addLayout(self.others)
        column.addStretch(1)
        self.message.textChanged.connect(self.refresh)
        self.account.currentIndexChanged.connect(self.refresh)
        self.when.currentIndexChanged.connect(self.refresh)
        self.moment.dateTimeChanged.connect(self.refresh)
        self.again.toggled.connect(self.refresh)


def examined(trial: Trial) -> tuple[Examined, RuleBook]:
    """Ask the rules as a worker does; takes up to two seconds.

    Raises:
        BotFileError: The rules are unfinished.
    """
    book = parse(trial.source)
    message = IncomingMessage(
        chat="",
        message_id="",
        sender_phone="573005550100",
        sender_name=t("rules.example_name"),
        text=trial.text,
        sent_at=trial.now,
    )

    def rests(reply: Reply) -> bool:
        return trial.was_answered and reply.once_per_s > 0

    return book.examine(message, trial.now, rests, trial.account), book
