"""What a person can do with accounts, the same from the tray and from the dashboard."""

import asyncio
from collections.abc import Sequence
from enum import StrEnum

from PySide6.QtCore import QObject, Signal

from wabot_tray.core.errors import WabotError
from wabot_tray.core.snapshot import SessionSnapshot, VerifyResult
from wabot_tray.core.states import SessionState
from wabot_tray.gui.jobs import Jobs
from wabot_tray.gui.ports import Sessions
from wabot_tray.system.i18n import sentence, t, tn


class Tone(StrEnum):
    """How a notice is meant."""

    GOOD = "good"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class AccountActions(QObject):
    """Carries out what was clicked and says what came of it."""

    told = Signal(str, object)  # a sentence, its Tone
    pairing_wanted = Signal(str)  # an account's id
    choice_wanted = Signal()  # which account to pair is for the person to say
    account_wanted = Signal()  # there is none to pair yet

    def __init__(self, manager: Sessions, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._manager = manager
        self.jobs = Jobs(self._tell_error)

    def pair(self, account_id: str) -> None:
        """Open the window that links a phone to this account."""
        self.pairing_wanted.emit(account_id)

    def pair_any(self) -> None:
        """Pair the one account that lacks a phone; with none or several, let the person say."""
        lacking = [s for s in self._manager.snapshots() if needs_pairing(s)]
        if len(lacking) == 1:
            self.pair(lacking[0].id)
        elif lacking:
            self.choice_wanted.emit()
        else:
            self.account_wanted.emit()

    def reconnect(self, account_id: str) -> None:
        """Try one account at once and say what was done, or why it cannot help."""
        self.jobs.start(f"reconnect {account_id}", lambda: self._reconnect((account_id,)))

    def reconnect_all(self) -> None:
        """Try every account that is wanted on."""
        wanted = tuple(s.id for s in self._manager.snapshots() if s.enabled)
        if wanted:
            self.jobs.start("reconnect all", lambda: self._reconnect(wanted))
        elif self._manager.snapshots():
            self.told.emit(t("actions.all_stopped"), Tone.INFO)
        else:
            self.told.emit(t("actions.no_accounts"), Tone.INFO)

    def verify(self, account_id: str | None = None) -> None:
        """Ask WhatsApp for a sign of life on one link, or on all, and say what came back."""
        ids = None if account_id is None else (account_id,)
        self.jobs.start(f"verify {account_id or 'all'}", lambda: self._verify(ids))

    def connect_account(self, account_id: str) -> None:
        """Want the account on."""
        self.jobs.start(f"start {account_id}", lambda: self._manager.connect(account_id))

    def stop(self, account_id: str) -> None:
        """Want the account off."""
        self.jobs.start(f"stop {account_id}", lambda: self._manager.stop(account_id))

    def remove(self, account_id: str) -> None:
        """Unlink and erase the account; the question was asked before."""
        self.jobs.start(f"remove {account_id}", lambda: self._remove(account_id))

    def rename(self, account_id: str, label: str) -> None:
        """Give the account another name."""
        try:
            self._manager.rename(account_id, label)
        except WabotError as err:
            self._tell_error(sentence(err))

    def name_of(self, account_id: str) -> str:
        """Return what a person calls this account."""
        try:
            return shown_name(self._manager.snapshot(account_id))
        except WabotError:
            return account_id

    async def _reconnect(self, ids: Sequence[str]) -> None:
        outcomes = await asyncio.gather(*(self._try_one(account_id) for account_id in ids))
        going = [self.name_of(i) for i, problem in zip(ids, outcomes, strict=True) if not problem]
        lines = [problem for problem in outcomes if problem]
        tone = Tone.WARNING if lines else Tone.INFO
        if going:
            lines.insert(0, t("actions.reconnecting", names=", ".join(going)))
        self.told.emit("\n".join(lines), tone)

    async def _try_one(self, account_id: str) -> str:
        """Return why this account cannot be helped, or nothing when it is on its way."""
        try:
            await self._manager.reconnect(account_id)
        except WabotError as err:
            # The sentence names the account as the person does, not by its id.
            return t(err.message_key, **(err.params | {"id": self.name_of(account_id)}))
        return ""

    async def _verify(self, ids: Sequence[str] | None) -> None:
        results = await self._manager.verify(ids)
        self.told.emit(*self._verified(results))

    def _verified(self, results: Sequence[VerifyResult]) -> tuple[str, Tone]:
        if not results:
            return t("actions.no_accounts"), Tone.INFO
        if len(results) == 1:
            one = results[0]
            name = self.name_of(one.id)
            if one.answered:
                return t("actions.answered", name=name, ms=f"{one.took_ms or 0:.0f}"), Tone.GOOD
            key = "actions.unanswered" if one.connected else "actions.not_connected"
            return t(key, name=name), Tone.WARNING
        silent = [self.name_of(r.id) for r in results if not r.answered]
        if not silent:
            return tn("actions.all_answered", len(results)), Tone.GOOD
        return t("actions.some_silent", names=", ".join(silent)), Tone.WARNING

    async def _remove(self, account_id: str) -> None:
        name = self.name_of(account_id)
        paired = self._manager.snapshot(account_id).paired
        unlinked = await self._manager.remove(account_id)
        if unlinked or not paired:
            self.told.emit(t("actions.removed", name=name), Tone.INFO)
        else:
            self.told.emit(t("actions.removed_still_linked", name=name), Tone.WARNING)

    def _tell_error(self, text: str) -> None:
        self.told.emit(text, Tone.ERROR)


def shown_name(snapshot: SessionSnapshot) -> str:
    """Return what a person calls this account."""
    return snapshot.label or snapshot.id


def needs_pairing(snapshot: SessionSnapshot) -> bool:
    """Whether this account has no phone, or lost it."""
    return not snapshot.paired or snapshot.state is SessionState.LOGGED_OUT
