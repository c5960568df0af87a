"""The panel below the table: the chosen account in full sentences, and what can be done with it."""

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QPushButton, QVBoxLayout, QWidget

from wabot_tray.core.clock import Clock
from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.core.states import SessionState
from wabot_tray.gui.accountmenu import AccountCommands
from wabot_tray.gui.actions import AccountActions, needs_pairing, shown_name
from wabot_tray.gui.icons import picture, state_icon
from wabot_tray.gui.parts import button, label, restyle
from wabot_tray.gui.wording import phone
from wabot_tray.system.i18n import t
from wabot_tray.system.texts import advice, reason_sentence, state_word

_PICTURE = 40
_TROUBLED = frozenset(
    {SessionState.WAITING, SessionState.REPLACED, SessionState.FAILED, SessionState.BANNED}
)


class Details(QFrame):
    """Follows one account; hidden without one."""

    rename_wanted = Signal(str)
    remove_wanted = Signal(str)

    def __init__(
        self, actions: AccountActions, clock: Clock, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._clock = clock
        self._shown: SessionSnapshot | None = None
        self.commands = AccountCommands(actions, self)
        self.rename = QAction(t("action.rename"), self)
        self.remove = QAction(t("action.remove"), self)
        self.rename.triggered.connect(self._on_rename)
        self.remove.triggered.connect(self._on_remove)
        self.picture = QLabel()
        self.heading = label("", role="heading")
        self.sentence = label("")
        self.hint = label("", role="quiet")
        self._buttons = {action: _action_button(action) for action in self.commands.all}
        self._build()
        self.show_for(None)

    @property
    def all_actions(self) -> tuple[QAction, ...]:
        """Everything the context menu offers."""
        return *self.commands.all, self.rename, self.remove

    @property
    def shown(self) -> SessionSnapshot | None:
        """The account in view."""
        return self._shown

    def show_for(self, snapshot: SessionSnapshot | None) -> None:
        """Follow `snapshot`."""
        self._shown = snapshot
        self.commands.show_for(snapshot)
        self.setVisible(snapshot is not None)
        if snapshot is None:
            return
        self.picture.setPixmap(picture(state_icon(snapshot.state), _PICTURE, self))
        self.picture.setAccessibleName(state_word(snapshot.state))
        number = f" · {phone(snapshot.phone)}" if snapshot.phone else ""
        self.heading.setText(shown_name(snapshot) + number)
        hint = advice(snapshot)
        self.hint.setText(hint)
        self.hint.setVisible(bool(hint))
        self.tick()
        self._emphasise(snapshot)

    def tick(self) -> None:
        """Show the times as they are now."""
        if self._shown is not None:
            self.sentence.setText(reason_sentence(self._shown, self._clock.now()))

    def _emphasise(self, snapshot: SessionSnapshot) -> None:
        """Give the accent to the one action that helps most now, if any is needed."""
        helpful = None
        if needs_pairing(snapshot):
            helpful = self.commands.pair
        elif snapshot.state is SessionState.STOPPED:
            helpful = self.commands.toggle
        elif snapshot.state in _TROUBLED:
            helpful = self.commands.reconnect
        for action, made in self._buttons.items():
            restyle(made, "role", "primary" if action is helpful else None)
            made.setVisible(action.isEnabled())

    def _build(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(self.heading)
        words.addWidget(self.sentence)
        words.addWidget(self.hint)
        top = QHBoxLayout()
        top.setSpacing(14)
        top.addWidget(self.picture)
        top.addLayout(words, 1)
        row = QHBoxLayout()
        row.setSpacing(8)
        for made in self._buttons.values():
            row.addWidget(made)
        row.addStretch(1)
        more = button(t("action.more"), _nothing, role="flat")
        menu = QMenu(more)
        menu.addActions((self.rename, self.remove))
        more.setMenu(menu)
        self.more = more
        row.addWidget(more)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 16, 18, 14)
        column.setSpacing(14)
        column.addLayout(top)
        column.addLayout(row)

    def _on_rename(self) -> None:
        if self._shown is not None:
            self.rename_wanted.emit(self._shown.id)

    def _on_remove(self) -> None:
        if self._shown is not None:
            self.remove_wanted.emit(self._shown.id)


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
