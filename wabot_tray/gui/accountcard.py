"""One account on the dashboard: how it stands, how it has been, and what can be done with it."""

from typing import Final

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QAction, QContextMenuEvent, QMouseEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from wabot_tray.core.clock import Clock
from wabot_tray.core.history import Period
from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.core.states import SessionState
from wabot_tray.gui.accountmenu import AccountCommands
from wabot_tray.gui.actions import AccountActions, needs_pairing, shown_name
from wabot_tray.gui.flow import FlowLayout
from wabot_tray.gui.icons import picture, state_icon
from wabot_tray.gui.parts import NameLabel, button, label, restyle
from wabot_tray.gui.pasttime import LAST_KEYS, PastReader, percent_words, uptime_sentence
from wabot_tray.gui.uptimestrip import UptimeStrip
from wabot_tray.gui.wording import ago, no_markup, phone, point_in_time
from wabot_tray.system.i18n import t, tn
from wabot_tray.system.texts import advice, duration_words, reason_sentence, state_word

_PICTURE: Final = 36
_TROUBLED: Final = frozenset(
    {SessionState.WAITING, SessionState.REPLACED, SessionState.FAILED, SessionState.BANNED}
)


class AccountCard(QFrame):
    """Follows one account. One card of a list is the current one; Tab goes through that alone."""

    history_wanted = Signal(str)  # the account's id
    rename_wanted = Signal(str)
    remove_wanted = Signal(str)

    def __init__(
        self,
        snapshot: SessionSnapshot,
        actions: AccountActions,
        past: PastReader,
        clock: Clock,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setProperty("role", "account")
        self._clock = clock
        self._shown = snapshot
        self._past = past
        self._period = Period.DAY
        self._uptime = ""
        self.commands = AccountCommands(actions, self)
        self.history = self._action("action.history", self.history_wanted)
        self.rename = self._action("action.rename", self.rename_wanted)
        self.remove = self._action("action.remove", self.remove_wanted)
        self.picture = QLabel()
        self.name = NameLabel()
        self.name.setProperty("role", "heading")
        self.phone = label("", role="quiet", wrap=False)
        self.state = label("")
        self.sentence = label("")
        self.hint = label("", role="quiet")
        self.figures = label("", role="quiet")
        self.percent = label("", role="heading", wrap=False)
        self.spell = label("", role="quiet")
        self.strip = UptimeStrip()
        self.buttons = {action: _action_button(action) for action in self.commands.all}
        self.details = button(t("action.history"), self.history.trigger)
        self.more = button(t("action.more"), _nothing, role="flat")
        self._build()
        self.set_current(False)
        self.show_for(snapshot)

    @property
    def shown(self) -> SessionSnapshot:
        """The account as it was last shown."""
        return self._shown

    @property
    def all_actions(self) -> tuple[QAction, ...]:
        """Everything the context menu offers."""
        return *self.commands.all, self.history, self.rename, self.remove

    def show_for(self, snapshot: SessionSnapshot) -> None:
        """Follow `snapshot`."""
        self._shown = snapshot
        self.commands.show_for(snapshot)
        self.picture.setPixmap(picture(state_icon(snapshot.state), _PICTURE, self))
        _say(self.name, shown_name(snapshot))
        name = no_markup(shown_name(snapshot))
        self.name.setToolTip(t("card.id_hint", name=name, id=snapshot.id))
        _say(self.phone, phone(snapshot.phone) if snapshot.phone else "")
        is_well = snapshot.state is SessionState.CONNECTED
        _say(self.hint, "" if is_well else advice(snapshot))
        self.sentence.setHidden(is_well)
        self.state.setToolTip(t("card.since_hint", moment=point_in_time(snapshot.since)))
        self.figures.setToolTip(point_in_time(snapshot.last_verified_at))
        self._emphasise(snapshot)
        self.tick()

    def show_period(self, period: Period) -> None:
        """Look back this far."""
        self._period = period
        self.tick()

    def tick(self) -> None:
        """Show the times as they are now."""
        now, snapshot = self._clock.now(), self._shown
        held_s = max(0.0, (now - snapshot.since).total_seconds())
        state = state_word(snapshot.state)
        _say(self.state, t("card.state", state=state, held=duration_words(_whole(held_s))))
        if snapshot.state is not SessionState.CONNECTED:
            _say(self.sentence, reason_sentence(snapshot, now))
        answered = t("card.none_answered")
        if snapshot.answered_today:
            answered = tn("card.answered", snapshot.answered_today)
        verified = t("card.unverified")
        if snapshot.last_verified_at is not None:
            verified = t("card.verified", ago=ago(snapshot.last_verified_at, now))
        _say(self.figures, t("card.figures", answered=answered, verified=verified))
        self._look_back()
        self._describe()

    def set_current(self, current: bool) -> None:
        """Be the card that the keyboard is at, or one of the others."""
        restyle(self, "current", "true" if current else "false")
        wanted = Qt.FocusPolicy.StrongFocus if current else Qt.FocusPolicy.ClickFocus
        for part in (self, *self.buttons.values(), self.details, self.more):
            part.setFocusPolicy(wanted)

    def set_narrow(self, narrow: bool) -> None:
        """Stand in one column, or in two."""
        directions = QBoxLayout.Direction
        self._halves.setDirection(directions.TopToBottom if narrow else directions.LeftToRight)
        self._halves.setSpacing(10 if narrow else 24)

    def pop_up_menu(self, where: QPoint) -> None:
        """Show everything that can be done, at a point of the screen."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addActions(self.all_actions)
        menu.popup(where)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Show the menu at the pointer, or, for the menu key, at the name."""
        self.setFocus()
        if event.reason() is QContextMenuEvent.Reason.Keyboard:
            self.pop_up_menu(self.name.mapToGlobal(self.name.rect().bottomLeft()))
        else:
            self.pop_up_menu(event.globalPos())
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Open the account's history."""
        if event.button() is Qt.MouseButton.LeftButton:
            self.history.trigger()

    # --- inside ----------------------------------------------------------------------------------

    def _look_back(self) -> None:
        if (past := self._past.read(self._period, self._clock.now())) is None:
            return
        spent = past.spent[self._period]
        _say(self.percent, percent_words(spent))
        key = "card.spell" if spent.share is not None else "card.spell_unknown"
        _say(self.spell, t(key, period=t(LAST_KEYS[self._period])))
        self.strip.show_bars(past.bars, past.outages, past.at)
        self._uptime = uptime_sentence(self._period, spent)
        self.strip.setAccessibleName(self._uptime)

    def _describe(self) -> None:
        """Tell a screen reader what eyes see."""
        name = f"{shown_name(self._shown)}: {self.state.text()}"
        parts = ("" if self.sentence.isHidden() else self.sentence.text(), self.hint.text())
        told = " ".join(part for part in (*parts, self._uptime, self.figures.text()) if part)
        if (name, told) != (self.accessibleName(), self.accessibleDescription()):
            self.setAccessibleName(name)
            self.setAccessibleDescription(told)

    def _emphasise(self, snapshot: SessionSnapshot) -> None:
        """Give the accent to the one action that helps most now, if any is needed."""
        helpful = None
        if needs_pairing(snapshot):
            helpful = self.commands.pair
        elif snapshot.state is SessionState.STOPPED:
            helpful = self.commands.toggle
        elif snapshot.state in _TROUBLED:
            helpful = self.commands.reconnect
        for action, made in self.buttons.items():
            wanted = "primary" if action is helpful else None
            if made.property("role") != wanted:
                restyle(made, "role", wanted)
            made.setVisible(action.isEnabled())

    def _action(self, key: str, signal: object) -> QAction:
        made = QAction(t(key), self)
        made.triggered.connect(lambda: signal.emit(self._shown.id))  # type: ignore[attr-defined]
        return made

    def _build(self) -> None:
        self._halves = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._halves.setSpacing(24)
        self._halves.addLayout(self._build_present(), 5)
        self._halves.addLayout(self._build_past(), 4)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 14, 18, 12)
        column.setSpacing(10)
        column.addLayout(self._halves)
        column.addLayout(self._build_buttons())

    def _build_present(self) -> QHBoxLayout:
        self.name.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(self.name)
        head.addWidget(self.phone)
        head.addStretch(1)
        words = QVBoxLayout()
        words.setSpacing(3)
        words.addLayout(head)
        for part in (self.state, self.sentence, self.hint):
            words.addWidget(part)
        words.addStretch(1)
        row = QHBoxLayout()
        row.setSpacing(14)
        row.addWidget(self.picture, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        return row

    def _build_past(self) -> QVBoxLayout:
        share = QHBoxLayout()
        share.setSpacing(8)
        share.addWidget(self.percent)
        share.addWidget(self.spell, 1)
        column = QVBoxLayout()
        column.setSpacing(6)
        column.addLayout(share)
        column.addWidget(self.strip)
        column.addWidget(self.figures)
        column.addStretch(1)
        return column

    def _build_buttons(self) -> QHBoxLayout:
        menu = QMenu(self.more)
        menu.addActions((self.rename, self.remove))
        self.more.setMenu(menu)
        flow = FlowLayout(8)  # large print on a small screen takes two lines
        for made in (*self.buttons.values(), self.details):
            flow.addWidget(made)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addLayout(flow, 1)
        row.addWidget(self.more, 0, Qt.AlignmentFlag.AlignTop)
        return row


def _whole(seconds: float) -> float:
    """Cut to the largest unit: what is read at a glance need not change every second."""
    unit = next((size for size in (86_400, 3_600, 60) if seconds >= size), 1)
    return seconds // unit * unit


def _say(where: QLabel, text: str) -> None:
    """Show `text`, or nothing without any; a label that stays the same is not laid out anew."""
    if where.text() != text:
        where.setText(text)
    if where.isHidden() == bool(text):
        where.setHidden(not text)


def _action_button(action: QAction) -> QPushButton:
    """Return a button that says and does what `action` says and does."""
    made = button(action.text(), action.trigger)

    def follow() -> None:
        made.setText(action.text())
        made.setEnabled(action.isEnabled())

    action.changed.connect(follow)
    follow()
    return made


def _nothing() -> None:
    """A button with a menu does nothing else."""
