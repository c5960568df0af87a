"""A device that takes part in Signal conversations: its keys and its sessions."""

import secrets
from typing import Final

from tests.simulator.keys import KeyPair
from tests.simulator.protobuf import Fields
from tests.simulator.signal_session import (
    CURVE,
    Bundle,
    Session,
    SignalMessage,
    UndecryptableError,
)

_SIGNED_ID: Final = 1
_MAX_SESSIONS: Final = 40


class SignalDevice:
    """Keys of one device and its sessions with others, the newest first.

    Old sessions stay: a device that drops them when it asks for a retry cannot read what is
    already on its way, asks again for each of those, and so on.
    """

    def __init__(self) -> None:
        self.identity = KeyPair.generate()
        self.registration_id = secrets.randbelow(1 << 14)
        self._signed = KeyPair.generate()
        self._signature = self.identity.sign(CURVE + self._signed.public)
        self._one_time: dict[int, KeyPair] = {}
        self._next_id = 1
        self._sessions: dict[str, list[Session]] = {}

    def bundle(self) -> Bundle:
        """Return public keys for somebody who wants to write, each time with a new one-time key."""
        one_time = KeyPair.generate()
        key_id, self._next_id = self._next_id, self._next_id + 1
        self._one_time[key_id] = one_time
        return Bundle(
            registration_id=self.registration_id,
            identity=self.identity.public,
            signed_id=_SIGNED_ID,
            signed_key=self._signed.public,
            signature=self._signature,
            one_time=(key_id, one_time.public),
        )

    def has_session(self, address: str) -> bool:
        """Whether something can be encrypted to `address` without a bundle."""
        return bool(self._sessions.get(address))

    def forget_sessions(self) -> None:
        """Lose every session."""
        self._sessions.clear()

    def open_session(self, address: str, bundle: Bundle) -> None:
        """Begin a new session with `address`; the next message goes through it."""
        session = Session.initiate(self.identity, self.registration_id, bundle)
        self._put_first(address, session)

    def encrypt(self, address: str, plaintext: bytes) -> tuple[str, bytes]:
        """Return the type and the bytes of a message to `address`."""
        sessions = self._sessions[address]
        kind, data, sessions[0] = sessions[0].encrypt(plaintext)
        return kind, data

    def decrypt(self, address: str, kind: str, data: bytes) -> bytes:
        """Return the plaintext of a message from `address`.

        Raises:
            UndecryptableError: No session and no key of this device fits.
        """
        if kind == "pkmsg":
            return self._decrypt_first(address, data)
        if kind != "msg":
            raise UndecryptableError(f"no such type: {kind}")
        return self._decrypt_known(address, data)

    def _decrypt_first(self, address: str, data: bytes) -> bytes:
        fields = Fields(data[1:])
        base, message = fields.data(2)[1:], fields.data(4)
        if any(session.base == base for session in self._sessions.get(address, [])):
            return self._decrypt_known(address, message)
        one_time_id = fields.number(1)
        if 1 in fields and one_time_id not in self._one_time:
            raise UndecryptableError("the one-time key was used before")
        if fields.number(6) != _SIGNED_ID:
            raise UndecryptableError("no such signed key")
        session = Session.respond(
            self.identity, self._signed, self._one_time.get(one_time_id), base, fields.data(3)[1:]
        )
        plaintext, session = session.decrypt(message)
        self._one_time.pop(one_time_id, None)
        self._put_first(address, session)
        return plaintext

    def _decrypt_known(self, address: str, data: bytes) -> bytes:
        SignalMessage.parse(data)
        sessions = self._sessions.get(address, [])
        reason = "no session"
        for number, session in enumerate(sessions):
            try:
                plaintext, after = session.decrypt(data)
            except UndecryptableError as err:
                reason = str(err) if number == 0 else reason
                continue
            del sessions[number]
            sessions.insert(0, after)
            return plaintext
        raise UndecryptableError(reason)

    def _put_first(self, address: str, session: Session) -> None:
        sessions = self._sessions.setdefault(address, [])
        sessions.insert(0, session)
        del sessions[_MAX_SESSIONS:]
