"""The certificate chain that the server shows in its Noise handshake."""

from datetime import UTC, datetime, timedelta

from tests.simulator.keys import KeyPair
from tests.simulator.protobuf import encode

_SERIAL_OF_INTERMEDIATE = 7
_VALID_FOR = timedelta(days=30)


def certificate_chain(root: KeyPair, server: KeyPair) -> bytes:
    """Return the chain from `root`, the pinned key, to the static key of the server."""
    intermediate = KeyPair.generate()
    leaf = _certificate(
        serial=8, issuer=_SERIAL_OF_INTERMEDIATE, key=server.public, signer=intermediate
    )
    middle = _certificate(
        serial=_SERIAL_OF_INTERMEDIATE, issuer=0, key=intermediate.public, signer=root
    )
    return encode([(1, leaf), (2, middle)])


def _certificate(*, serial: int, issuer: int, key: bytes, signer: KeyPair) -> bytes:
    now = datetime.now(UTC)
    details = encode(
        [
            (1, serial),
            (2, issuer),
            (3, key),
            (4, int((now - _VALID_FOR).timestamp())),
            (5, int((now + _VALID_FOR).timestamp())),
        ]
    )
    return encode([(1, details), (2, signer.sign(details))])
