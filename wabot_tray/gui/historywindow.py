"""One account over the last weeks: how much it was connected, and every outage."""

import asyncio
import logging
from pathlib import Path
from typing import Final

from PySide6.QtCore import QSettings, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from wabot_tray.core.clock import SYSTEM_CLOCK, Clock
from wabot_tray.core.errors import VaultError
from wabot_tray.core.history import Outage, Period, within
from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.gui.actions import shown_name
from wabot_tray.gui.bridge import ManagerBridge
from wabot_tray.gui.icons import picture, state_icon
from wabot_tray.gui.jobs import Jobs
from wabot_tray.gui.legend import legend
from wabot_tray.gui.outagetable import OutagesModel, outage_table
from wabot_tray.gui.parts import button, card, label
from wabot_tray.gui.pasttime import (
    LAST_KEYS,
    Past,
    PastReader,
    csv_separator,
    percent_words,
    uptime_sentence,
)
from wabot_tray.gui.periodswitch import PeriodSwitch
from wabot_tray.gui.scroll import ScrollPage
from wabot_tray.gui.uptimestrip import UptimeStrip
from wabot_tray.gui.window import Window
from wabot_tray.storage.files import write_atomic
from wabot_tray.system.historytexts import csv_text
from wabot_tray.system.i18n import t, tn
from wabot_tray.system.texts import duration_words, state_word

log = logging.getLogger(__name__)

LONGEST: Final = 300  # rows; the file has them all
TICK_MS: Final = 2000
_SIZE: Final = QSize(880, 660)
_PICTURE: Final = 36
_LETTERS: Final = 96
_LINES: Final = 20
_TABLE_LINES: Final = 10


class HistoryWindow(Window):
    """Follows one account; closes with it.

    Args:
        bridge: Tells of changes.
        account_id: Whose history.
        jobs: Runs the saving of a file.
        store: Where windows were.
        clock: Injected time.

    Raises:
        AccountError: There is no account of that name.
    """

    closed = Signal(str)  # the account's id

    def __init__(
        self,
        bridge: ManagerBridge,
        account_id: str,
        jobs: Jobs,
        store: QSettings,
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._shown = bridge.manager.snapshot(account_id)
        title = t("record.title", name=shown_name(self._shown))
        super().__init__("history", title, store, _SIZE)
        letters = self.fontMetrics()
        least = QSize(_LETTERS * letters.averageCharWidth(), _LINES * letters.height())
        self.setMinimumSize(least.boundedTo(self.screen().availableSize()))
        self._jobs = jobs
        self._clock = clock
        self._past_reader = PastReader(bridge.manager.history, account_id)
        self._past: Past | None = None
        self.picture = QLabel()
        self.name = label("", role="title")
        self.state = label("", role="quiet")
        self.periods = PeriodSwitch()
        self.strip = UptimeStrip(lines=3)
        self.figures = {period: _Figure(period) for period in Period}
        self.model = OutagesModel(self)
        self.table = outage_table(self.model)
        self.nothing = label("", role="quiet")
        self.answer = label("", role="quiet")
        self.save = button(t("record.save"), self.ask_file)
        self._build()
        self._ticking = QTimer(self)
        self._ticking.timeout.connect(self.tick)
        self.periods.changed.connect(self.tick)
        bridge.session_changed.connect(self._on_changed)
        bridge.session_removed.connect(self._on_removed)
        self._on_changed(self._shown)

    @property
    def account_id(self) -> str:
        """Whose history this is."""
        return self._shown.id

    def carry(self) -> object:
        """Return how far the person looks back."""
        return self.periods.period

    def resume(self, carried: object) -> None:
        """Look back as far as before."""
        if isinstance(carried, Period):
            self.periods.choose(carried)

    def tick(self) -> None:
        """Show the past as it is now."""
        now = self._clock.now()
        past = self._past_reader.read(self.periods.period, now)
        if past is not None:
            self._past = past
            self._show_past(past)
        if self._past is not None:
            self.model.show_outages(self._past.outages[-LONGEST:], now)

    def ask_file(self) -> QFileDialog:
        """Ask where the list of outages goes, and save it there."""
        dialog = QFileDialog(self, t("record.save_title"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter(t("record.file_kind"))
        dialog.setDefaultSuffix("csv")
        dialog.selectFile(t("record.file_name", id=self._shown.id))
        dialog.fileSelected.connect(self._on_file)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
        return dialog

    def showEvent(self, event: QShowEvent) -> None:
        """Begin to count."""
        super().showEvent(event)
        self.tick()
        self._ticking.start(TICK_MS)

    def hideEvent(self, event: QHideEvent) -> None:
        """Stop counting while nobody looks."""
        super().hideEvent(event)
        self._ticking.stop()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Remember the place and say that it is closed."""
        super().closeEvent(event)
        self.closed.emit(self._shown.id)

    # --- inside ----------------------------------------------------------------------------------

    def _show_past(self, past: Past) -> None:
        for period, figure in self.figures.items():
            begin = past.at - period.length
            figure.show_past(past, within(past.outages, begin, past.at, past.at))
        period = self.periods.period
        self.strip.show_bars(past.bars, past.outages, past.at)
        self.strip.setAccessibleName(uptime_sentence(period, past.spent[period]))
        self.nothing.setText(t("record.no_outages" if past.has_any else "record.nothing_yet"))
        self._pages.setCurrentIndex(1 if past.outages else 0)
        self.save.setEnabled(bool(past.outages))
        if len(past.outages) > LONGEST and not self.answer.text():
            self.answer.setText(t("record.newest", count=LONGEST))

    def _on_changed(self, snapshot: SessionSnapshot) -> None:
        if snapshot.id != self._shown.id:
            return
        self._shown = snapshot
        self.setWindowTitle(t("record.title", name=shown_name(snapshot)))
        self.picture.setPixmap(picture(state_icon(snapshot.state), _PICTURE, self))
        self.name.setText(shown_name(snapshot))
        self.state.setText(state_word(snapshot.state))
        self.tick()

    def _on_removed(self, account_id: str) -> None:
        if account_id == self._shown.id:
            self.close()

    def _on_file(self, chosen: str) -> None:
        now, path = self._clock.now(), Path(chosen)
        name = shown_name(self._shown)
        found = self._past.outages if self._past is not None else ()
        rows = [(name, outage) for outage in reversed(found)]
        content = csv_text(rows, now, separator=csv_separator()).encode()

        async def save() -> None:
            try:
                await asyncio.to_thread(write_atomic, path, content)
            except VaultError as err:
                log.info("the list of outages was not saved: %s", err)
                self._answer(t("record.unsaved", path=path))
            else:
                self._answer(t("record.saved", path=path))

        self._jobs.start(f"save {path}", save, tell_error=self._answer)

    def _answer(self, text: str) -> None:
        self.answer.setText(text)

    def _build_head(self) -> QHBoxLayout:
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self.name)
        words.addWidget(self.state)
        head = QHBoxLayout()
        head.setSpacing(14)
        head.addWidget(self.picture)
        head.addLayout(words, 1)
        return head

    def _build_figures(self) -> QFrame:
        figures = QGridLayout()
        figures.setHorizontalSpacing(28)
        figures.setVerticalSpacing(2)
        for place, figure in enumerate(self.figures.values()):
            for line, part in enumerate((figure.percent, figure.name, figure.outages)):
                figures.addWidget(part, line, place, Qt.AlignmentFlag.AlignTop)
            figures.setColumnStretch(place, 1)
        box = card()
        inner = QVBoxLayout(box)
        inner.setContentsMargins(18, 16, 18, 16)
        inner.setSpacing(14)
        inner.addLayout(figures)
        inner.addWidget(self.periods)
        inner.addWidget(self.strip)
        inner.addWidget(legend())
        return box

    def _build(self) -> None:
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._pages = QStackedWidget()
        self._pages.setMinimumHeight(_TABLE_LINES * self.fontMetrics().height())
        self._pages.addWidget(self.nothing)
        self._pages.addWidget(self.table)
        below = QHBoxLayout()
        below.setSpacing(12)
        below.addWidget(self.answer, 1)
        below.addWidget(self.save)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(24, 20, 24, 20)
        column.setSpacing(14)
        column.addLayout(self._build_head())
        column.addWidget(self._build_figures())
        column.addWidget(label(t("record.outages"), role="heading"))
        column.addWidget(self._pages, 1)
        column.addLayout(below)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(ScrollPage(page))


class _Figure:
    """One period in three lines: the percentage, which period, how many outages."""

    def __init__(self, period: Period) -> None:
        self._period = period
        self.percent = label("", role="title", wrap=False)
        self.name = label(t(LAST_KEYS[period]), role="quiet")
        self.outages = label("", role="quiet")

    def show_past(self, past: Past, found: tuple[Outage, ...]) -> None:
        """Show how this period was."""
        spent = past.spent[self._period]
        self.percent.setText(percent_words(spent))
        if not found:
            self.outages.setText(t("record.none" if spent.share is not None else "record.unknown"))
            return
        longest = max(outage.length(past.at) for outage in found)
        words = duration_words(longest.total_seconds())
        self.outages.setText(tn("record.count", len(found), longest=words))
