from pathlib import Path

import pytest

from wabot_tray.control.masking import HIDDEN, Mask

PHONE = "573001234567"
HOME = Path("/home/rosa")


@pytest.fixture
def mask() -> Mask:
    return Mask([PHONE], HOME)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"a{PHONE}b", "a…567b"),  # inside a word, where no pattern would look
        ("call +34 600 111 222", "call …222"),
        ("/home/rosa/.local/x and /home/rosa", "~/.local/x and ~"),
        ("/home/rosalia/x", "/home/rosalia/x"),
        ("proxy http://ana:pw@host:80/", f"proxy http://{HIDDEN}@host:80/"),
        ("socks5://u:p@h", f"socks5://{HIDDEN}@h"),
        ("code ABCD-1234 shown", "code [code] shown"),
        ("2026-11-22 23:41:07 INFO  [Bot] 3 rules in use", None),
    ],
)
def test_mask_hides_what_is_private_alone(mask: Mask, text: str, left: str | None) -> None:
    assert mask(text) == (text if left is None else left)
    assert mask(mask(text)) == mask(text)


def test_mask_of_our_own_words_leaves_figures(mask: Mask) -> None:
    assert mask.own("5.15.0-1052-azure 12345678") == "5.15.0-1052-azure 12345678"
    assert mask.own(f"of {PHONE} in /home/rosa") == "of …567 in ~"


def test_mask_hides_secrets_by_their_name(mask: Mask) -> None:
    body = {
        "proxy_password": "x",
        "token": ["a"],
        "password": "",
        "key_source": "keyring",
        "list": [{"Passphrase": "y", "proxy": "http://u:p@h"}, 7, None, True],
    }
    assert mask.values(body) == {
        "proxy_password": HIDDEN,
        "token": HIDDEN,
        "password": "",
        "key_source": "keyring",
        "list": [{"Passphrase": HIDDEN, "proxy": f"http://{HIDDEN}@h"}, 7, None, True],
    }


def test_mask_without_a_home_and_without_numbers_changes_nothing() -> None:
    assert Mask()("/home/rosa") == "/home/rosa"
    assert Mask(["", "12"], Path("/"))("/ 12") == "/ 12"
