"""The accounts' cards, one below the other, and the keys that move among them."""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from wabot_tray.core.clock import Clock
from wabot_tray.core.history import Period
from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.gui.accountcard import AccountCard
from wabot_tray.gui.actions import AccountActions
from wabot_tray.gui.pasttime import FRESH_S, PastReader
from wabot_tray.gui.ports import History
from wabot_tray.gui.scroll import ScrollPage
from wabot_tray.system.i18n import t

_PAGE: Final = 4  # cards
_AT_ONCE: Final = 1  # cards in the first turn; the others follow one by one
_SPREAD: Final = 20
_TWO_COLUMNS: Final = 105  # letters
_STEPS: Final = {
    Qt.Key.Key_Up: -1,
    Qt.Key.Key_Down: 1,
    Qt.Key.Key_PageUp: -_PAGE,
    Qt.Key.Key_PageDown: _PAGE,
    Qt.Key.Key_Home: -(10**6),
    Qt.Key.Key_End: 10**6,
}


class CardList(ScrollPage):
    """Has one card per account; at most one of them is current."""

    history_wanted = Signal(str)  # an account's id
    rename_wanted = Signal(str)
    remove_wanted = Signal(str)

    def __init__(self, actions: AccountActions, history: History, clock: Clock) -> None:
        inner = QWidget()
        inner.setObjectName("cards")
        self._column = QVBoxLayout(inner)
        self._column.setContentsMargins(0, 0, 6, 0)
        self._column.setSpacing(10)
        self._column.addStretch(1)
        super().__init__(inner)
        self._actions = actions
        self._history = history
        self._clock = clock
        self._period = Period.DAY
        self._cards: dict[str, AccountCard] = {}
        self._waiting: dict[str, SessionSnapshot] = {}  # for a card
        self._filling = QTimer(self)
        self._filling.timeout.connect(self._add_next)
        self._current: AccountCard | None = None
        self.setAccessibleName(t("dashboard.title"))
        app = QApplication.instance()
        assert isinstance(app, QApplication)  # noqa: S101 - no widget lives without one
        app.focusChanged.connect(self._on_focus)

    @property
    def cards(self) -> tuple[AccountCard, ...]:
        """The cards in the order they are shown."""
        return tuple(self._cards.values())

    @property
    def current(self) -> AccountCard | None:
        """The card the keyboard is at, None without accounts."""
        return self._current

    def card(self, account_id: str) -> AccountCard | None:
        """Return an account's card, None where it has none."""
        return self._cards.get(account_id)

    def show_accounts(self, snapshots: Sequence[SessionSnapshot]) -> None:
        """Have exactly these accounts; where they are many, the later ones follow in a moment."""
        wanted = {snapshot.id for snapshot in snapshots}
        for gone in (self._cards.keys() | self._waiting.keys()) - wanted:
            self.drop(gone)
        for snapshot in snapshots:
            self.follow(snapshot)

    def follow(self, snapshot: SessionSnapshot) -> None:
        """Show how an account stands; one that is new is added below."""
        if (card := self._cards.get(snapshot.id)) is not None:
            if snapshot != card.shown:
                card.show_for(snapshot)
        elif self._waiting or (len(self._cards) >= _AT_ONCE and not self.isVisible()):
            self._waiting[snapshot.id] = snapshot
            self._filling.start(0)
        else:
            self._add(snapshot)

    def finish(self) -> None:
        """Make the cards that are still to come."""
        while self._waiting:
            self._add_next()

    def drop(self, account_id: str) -> None:
        """Take an account's card away; its neighbour becomes current."""
        self._waiting.pop(account_id, None)
        order = list(self._cards)
        if (card := self._cards.pop(account_id, None)) is None:
            return
        had_focus = card.isAncestorOf(QApplication.focusWidget() or self) or card.hasFocus()
        if card is self._current:
            self._current = None
            place = min(order.index(account_id), len(self._cards) - 1)
            if place >= 0:
                self._make_current(self.cards[place])
        card.hide()
        self._column.removeWidget(card)
        card.deleteLater()
        if had_focus and self._current is not None:
            self._current.setFocus()

    def select(self, account_id: str) -> None:
        """Make an account's card the current one and bring it into view."""
        if account_id in self._waiting:
            self.finish()
        if (card := self._cards.get(account_id)) is not None:
            self._make_current(card)
            card.setFocus()
            self._bring_into_view(card)

    def show_period(self, period: Period) -> None:
        """Let every card look back this far."""
        self._period = period
        for card in self._cards.values():
            card.show_period(period)

    def tick(self) -> None:
        """Show the times as they are now."""
        for card in self._cards.values():
            card.tick()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move among the cards, or do something with the current one."""
        card, key = self._current, Qt.Key(event.key())
        if card is None:
            super().keyPressEvent(event)
        elif key in _STEPS:
            self._move(_STEPS[key])
        elif key in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            card.history.trigger()
        elif key == Qt.Key.Key_F2:
            card.rename.trigger()
        elif key == Qt.Key.Key_Delete:
            card.remove.trigger()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Let the cards stand in one column where two have no room."""
        for card in self._cards.values():
            card.set_narrow(self._is_narrow())
        super().resizeEvent(event)

    # --- inside ----------------------------------------------------------------------------------

    def _add_next(self) -> None:
        """Make one card: a dozen at once would hold up everything else."""
        if self._waiting:
            self._add(self._waiting.pop(next(iter(self._waiting))))
        if not self._waiting:
            self._filling.stop()

    def _add(self, snapshot: SessionSnapshot) -> None:
        past = PastReader(self._history, snapshot.id, FRESH_S + len(self._cards) % _SPREAD)
        card = AccountCard(snapshot, self._actions, past, self._clock)
        card.show_period(self._period)
        card.set_narrow(self._is_narrow())
        card.history_wanted.connect(self.history_wanted)
        card.rename_wanted.connect(self.rename_wanted)
        card.remove_wanted.connect(self.remove_wanted)
        self._cards[snapshot.id] = card
        self._column.insertWidget(len(self._cards) - 1, card)
        card.show()  # what is not shown cannot have the keyboard
        self.fit()  # before anybody sees the others squeezed
        if self._current is None:
            self._make_current(card)

    def _is_narrow(self) -> bool:
        return self.width() < _TWO_COLUMNS * self.fontMetrics().averageCharWidth()

    def _move(self, step: int) -> None:
        self.finish()
        order = list(self._cards)
        place = next(n for n, card in enumerate(self._cards.values()) if card is self._current)
        self.select(order[min(len(order) - 1, max(0, place + step))])

    def _make_current(self, card: AccountCard) -> None:
        if card is self._current:
            return
        if self._current is not None:
            self._current.set_current(False)
        self._current = card
        card.set_current(True)

    def _bring_into_view(self, card: AccountCard) -> None:
        self._column.activate()  # a card that is new has no place yet
        self.ensureWidgetVisible(card, 0, 10)

    def _on_focus(self, _before: QWidget | None, now: QWidget | None) -> None:
        if now is None:
            return
        for card in self._cards.values():
            if card is now or card.isAncestorOf(now):
                self._make_current(card)
                self._bring_into_view(card)
