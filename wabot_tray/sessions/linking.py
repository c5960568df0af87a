"""Follows the linking of one account's phone: what is shown of it, and when a code is asked for.

A worker that links shows QR codes for 160 s, whatever the person means to do. A code to type is
asked for on top of that, on the same connection, so both ways are open at once and changing from
one to the other costs nothing (docs/neonize.md, Pairing).
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from wabot_tray.core import commands
from wabot_tray.core import events as ev
from wabot_tray.core.clock import Clock
from wabot_tray.core.reasons import Reason
from wabot_tray.core.snapshot import PairingProgress, PairingStage, PairingWay
from wabot_tray.core.states import SessionState
from wabot_tray.sessions.session import Session

# To fetch the phone, find the place and type eight characters; with less, a new attempt is begun.
ENOUGH_S: Final = 100.0


class Linking:
    """One account's way to a linked phone.

    Args:
        session: The account's state.
        clock: Injected time.
        told: Hears each step.
        send: Hands a command to the worker of this account.
    """

    def __init__(
        self,
        session: Session,
        clock: Clock,
        told: Callable[[PairingProgress], None],
        send: Callable[[commands.Command], None],
    ) -> None:
        self.progress: PairingProgress | None = None
        self._session = session
        self._clock = clock
        self._told = told
        self._send = send
        self._qr: PairingProgress | None = None  # the newest of this attempt
        self._link: PairingProgress | None = None
        self._asked = ""  # the number this attempt has asked a code for

    def reread(self, event: ev.Event) -> ev.Event:
        """Return what `event` amounts to: a QR code spoilt by a typed one is made anew.

        The library changes the secret of its QR codes with each code that is typed, rightly or
        not, and says so to nobody. Whoever then scans is refused, through no fault of his own.
        """
        rejected = isinstance(event, ev.PairingFailed) and event.reason is Reason.QR_REJECTED
        if rejected and self._link is not None and not self._session.phone:
            return ev.PairAsked()
        return event

    def has_ready(self, phone: str) -> bool:
        """Whether going over to this number would show a code that is there, and ask for none."""
        return phone != self._session.phone and self._shows_code_for(phone)

    def change_way(self, phone: str) -> bool:
        """Go on by the number `phone`, or by a QR code without one; False if that needs an attempt.

        What this attempt has shown already is shown again; nothing is asked for twice.
        """
        if self._session.state is SessionState.CONNECTING:  # the codes are on their way
            self._session.choose_way(phone)
            self._tell(self._starting())
            return True
        if self._session.state is not SessionState.PAIRING or phone == self._session.phone:
            return False
        if phone and not self._shows_code_for(phone):
            window_ends_at = self._qr.window_ends_at if self._qr else None
            if self._left_s(window_ends_at) < ENOUGH_S:
                return False
            self._session.choose_way(phone)
            self._tell(self._starting())
            self._ask(phone)
            return True
        found = self._link if phone else self._qr
        if found is None or self._left_s(found.code_expires_at) <= 0:
            return False
        self._session.choose_way(phone)
        if phone:
            self._session.reason = Reason.WAITING_FOR_CODE
        self._tell(found)
        return True

    def clock_set(self, jump: timedelta) -> None:
        """Hear that the wall clock was set: what people are shown moves along."""
        self._qr, self._link = _moved(self._qr, jump), _moved(self._link, jump)
        if self.progress is not None and self.progress.code_expires_at is not None:
            moved = _moved(self.progress, jump)
            assert moved is not None  # noqa: S101 - it was not
            self._tell(moved)

    def hear(self, event: ev.Event, before: SessionState) -> None:
        """Say how far the linking has come, where this event is about that.

        Args:
            event: What the session has just taken in.
            before: Where it stood until then.
        """
        account_id, way = self._session.id, self._way
        match event:
            case ev.PairAsked():
                self._qr = self._link = None
                self._asked = ""
                self._tell(self._starting())
            case ev.QrShown() if self._session.state is SessionState.PAIRING:
                self._on_qr(event)
            case ev.LinkCodeShown() if self._session.state is SessionState.PAIRING:
                self._on_link_code(event)
            case ev.PairingSucceeded():
                stage = PairingStage.LINKING
                self._tell(PairingProgress(id=account_id, stage=stage, way=way, phone=event.phone))
            case ev.LoggedIn() if self.progress is not None:
                stage = PairingStage.DONE
                self._tell(PairingProgress(id=account_id, stage=stage, way=way, phone=event.phone))
            case _ if self.progress is not None and self._has_ended(before):
                stage, reason = PairingStage.FAILED, self._session.reason
                self._tell(PairingProgress(id=account_id, stage=stage, way=way, reason=reason))
            case _:
                pass

    # --- inside ----------------------------------------------------------------------------------

    @property
    def _way(self) -> PairingWay:
        return PairingWay.PHONE if self._session.phone else PairingWay.QR

    def _shows_code_for(self, phone: str) -> bool:
        link = self._link
        return link is not None and link.phone == phone and self._left_s(link.code_expires_at) > 0

    def _on_qr(self, event: ev.QrShown) -> None:
        self._qr = PairingProgress(
            id=self._session.id,
            stage=PairingStage.CODE,
            code=event.code,
            number=event.number,
            code_expires_at=event.code_expires_at,
            window_ends_at=event.window_ends_at,
        )
        phone = self._session.phone
        if not phone:
            self._tell(self._qr)
        elif phone != self._asked:
            # Not sooner: the library takes the question only once QR codes show (pair-code.go).
            self._ask(phone)

    def _on_link_code(self, event: ev.LinkCodeShown) -> None:
        self._link = PairingProgress(
            id=self._session.id,
            stage=PairingStage.CODE,
            way=PairingWay.PHONE,
            code=event.code,
            code_expires_at=event.expires_at,
            window_ends_at=event.expires_at,
            phone=event.phone,
        )
        if event.phone == self._session.phone:
            self._tell(self._link)

    def _ask(self, phone: str) -> None:
        self._asked = phone
        self._send(commands.AskCode(phone=phone))

    def _starting(self) -> PairingProgress:
        return PairingProgress(
            id=self._session.id,
            stage=PairingStage.STARTING,
            way=self._way,
            phone=self._session.phone or None,
        )

    def _tell(self, progress: PairingProgress) -> None:
        over = progress.stage in {PairingStage.DONE, PairingStage.FAILED}
        self.progress = None if over else progress
        if over:
            self._qr = self._link = None
        self._told(progress)

    def _has_ended(self, before: SessionState) -> bool:
        is_off = before.has_worker and not self._session.state.has_worker
        return is_off and not self._session.linking

    def _left_s(self, moment: datetime | None) -> float:
        return (moment - self._clock.now()).total_seconds() if moment is not None else 0.0


def _moved(progress: PairingProgress | None, jump: timedelta) -> PairingProgress | None:
    if progress is None or progress.code_expires_at is None or progress.window_ends_at is None:
        return progress
    return replace(
        progress,
        code_expires_at=progress.code_expires_at + jump,
        window_ends_at=progress.window_ends_at + jump,
    )
