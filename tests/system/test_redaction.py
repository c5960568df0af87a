"""No secret passes; what explains a fault does."""

import base64
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wabot_tray.system.redaction import masked_phone, redact

KEY = bytes(range(7, 39))


@pytest.mark.parametrize(
    "secret",
    [
        "34600111222",
        "+34 600 111 222",
        "+34-600-111-222",
        "(55) 1234-5678",
        "+52 1 55 1234 5678",
        "600.111.222",
        "2026-11-22 600111222",
        "34600111222@s.whatsapp.net",
        "34600111222:17@s.whatsapp.net",
        "34600111222.0:17@s.whatsapp.net",
        "120363041234567890@g.us",
        "981726354433221@lid",
    ],
)
def test_redact_phone_number_leaves_three_digits(secret: str) -> None:
    line = redact(f"session tienda: message from {secret}, answered")
    assert not any(part in line for part in ("600111", "600 111", "600-111", "600.111"))
    assert not any(part in line for part in ("1234", "9817", "12036"))
    assert line.endswith(", answered")


@pytest.mark.parametrize(
    "secret",
    [
        "https://wa.me/settings/linked_devices#2@AbC/d+e==,f0O,bar,baz",
        "2@QmFzZTY0QmFzZTY0QmFzZTY0,abc+/=,def,ghi",
        "ABCD-1234",
        base64.b64encode(KEY).decode(),
        base64.urlsafe_b64encode(KEY).decode(),
        KEY.hex(),
        KEY.hex().upper(),
        repr(KEY),
        repr(b"A" * 32),
    ],
)
def test_redact_code_or_key_leaves_nothing(secret: str) -> None:
    line = redact(f"before {secret} after")
    assert line.startswith("before [")
    assert line.endswith("] after")
    assert len(line) < 30


def test_redact_leaves_a_date_in_brackets() -> None:
    assert redact("right (2026-11-22T10:00+00:00).") == "right (2026-11-22T10:00+00:00)."
    assert redact("(2026-11-22) (600) 111-222-333") == "(2026-11-22) …333"


def test_redact_named_pairing_code_without_hyphen_is_gone() -> None:
    assert redact("Pair code: ABCD1234") == "Pair code: [code]"


@pytest.mark.parametrize(
    "line",
    [
        "verify: 3 sessions, 3 answered, 41 ms",
        "since 2026-11-22 23:41:07 and 2026-11-22T23:41:07.123456",
        "server 192.168.100.200 refused",
        "Restoring session for: cmhc22zw20000kmhgvx5ubazy",
        "/home/ana/.local/share/wabot-tray/auth_sessions/Tienda2/session.vault is full",
        'File "/usr/lib/python3.11/Site-packages/SomethingWithCapitals/more/x.py", line 3',
        "test_session_after_logout_is_not_restarted_by_anybody_else",
        "worker 1234567 ended with status -9",
    ],
)
def test_redact_plain_line_is_unchanged(line: str) -> None:
    assert redact(line) == line


def test_masked_phone_shows_three_digits() -> None:
    assert masked_phone("34600111222") == "…222"


@given(st.text(), st.integers(10_000_000, 999_999_999_999_999))
def test_redact_any_number_anywhere_is_gone(around: str, number: int) -> None:
    assert str(number) not in redact(f"{around} {number} {around}")


@given(st.binary(min_size=32, max_size=64))
def test_redact_any_key_is_gone(key: bytes) -> None:
    assert base64.b64encode(key).decode().rstrip("=") not in redact(
        f"key {base64.b64encode(key).decode()}"
    )


@given(st.text(alphabet="0123456789+-() .@…:/ab\n", max_size=80))
def test_redact_twice_changes_nothing(text: str) -> None:
    assert redact(redact(text)) == redact(text)


def test_redact_of_a_long_line_is_quick() -> None:
    line = "a" * 50_000 + " " + "1.2-" * 10_000 + os.urandom(20_000).hex()
    assert "[key]" in redact(line)


@pytest.mark.parametrize("login", ["ana:geheim", "ana:s%40l", "geheim", ":geheim", "a:b:geheim"])
def test_redact_login_of_a_proxy_leaves_where_it_is(login: str) -> None:
    line = redact(f'proxyconnect "http://{login}@proxy.example:3128": refused')
    assert line == 'proxyconnect "http://[login]@proxy.example:3128": refused'
    assert redact(line) == line
    assert redact("see https://example.org/a@b") == "see https://example.org/a@b"
