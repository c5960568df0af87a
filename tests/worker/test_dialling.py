"""The library's words for a dial that failed, as neonize 0.5.2 said them."""

import pytest

from wabot_tray.core.reasons import Reason
from wabot_tray.worker.dialling import dial_reason

BEFORE = (
    "failed to dial whatsapp web websocket: failed to WebSocket dial: "
    'failed to send handshake request: Get "https://web.whatsapp.com/ws/chat": '
)
SOCKS = "socks connect tcp 10.0.0.1:1080->web.whatsapp.com:443: "


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("Proxy Authentication Required", Reason.PROXY_REFUSED),
        (SOCKS + "username/password authentication failed", Reason.PROXY_REFUSED),
        (SOCKS + "no acceptable authentication methods", Reason.PROXY_REFUSED),
        (
            "proxyconnect tcp: dial tcp 10.0.0.1:1: connect: connection refused",
            Reason.PROXY_UNREACHABLE,
        ),
        (
            "proxyconnect tcp: dial tcp: lookup nobody.invalid: no such host",
            Reason.PROXY_UNREACHABLE,
        ),
        (SOCKS + "dial tcp 10.0.0.1:1080: i/o timeout", Reason.PROXY_UNREACHABLE),
        ("Bad Gateway", Reason.PROXY_CLOSED),
        ("Forbidden", Reason.PROXY_CLOSED),
        (SOCKS + "unknown error connection refused", Reason.PROXY_CLOSED),
        (
            "dial tcp: lookup web.whatsapp.com on 10.0.0.53:53: no such host",
            Reason.DIAL_FAILED,
        ),
        ("dial tcp 10.0.0.9:443: connect: connection refused", Reason.DIAL_FAILED),
        ("EOF", Reason.DIAL_FAILED),
    ],
)
def test_reason_follows_from_the_words(words: str, reason: Reason) -> None:
    assert dial_reason(BEFORE + words) is reason


def test_refusal_by_whatsapp_itself_is_no_proxys() -> None:
    words = "failed to WebSocket dial: expected handshake response status code 101 but got 503"
    assert dial_reason(words) is Reason.DIAL_FAILED
