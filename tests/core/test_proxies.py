"""How a way to WhatsApp is written, and what is none."""

import pytest

from wabot_tray.core.errors import SettingsError
from wabot_tray.core.proxies import checked_proxy, parse_proxy, shown_proxy
from wabot_tray.core.settings import Settings


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("http://proxy.example:3128", "http://proxy.example:3128"),
        ("proxy.example", "http://proxy.example:80"),
        ("proxy:3128", "http://proxy:3128"),
        ("  https://Proxy.Example/ ", "https://proxy.example:443"),
        ("socks5://10.0.0.1", "socks5://10.0.0.1:1080"),
        ("socks5h://10.0.0.1:9", "socks5://10.0.0.1:9"),
        ("http://[2001:db8::1]:8080", "http://[2001:db8::1]:8080"),
        ("http://ana@proxy", "http://ana@proxy:80"),
        ("http://ana:s%40l:t@proxy", "http://ana:s%40l%3At@proxy:80"),
        ("system", "system"),
        ("none", "none"),
    ],
)
def test_proxy_is_kept_in_one_spelling(text: str, kept: str) -> None:
    assert checked_proxy(text) == kept
    assert checked_proxy(kept) == kept
    assert Settings.from_mapping({"proxy": text}).proxy == kept


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("", "error.proxy_address"),
        (3128, "error.proxy_address"),
        ("http://", "error.proxy_address"),
        ("http://pro xy", "error.proxy_address"),
        ("http://proxy:port", "error.proxy_address"),
        ("http://proxy:0", "error.proxy_address"),
        ("http://proxy:70000", "error.proxy_address"),
        ("http://proxy/path", "error.proxy_address"),
        ("http://proxy?x=1", "error.proxy_address"),
        ("http://-proxy", "error.proxy_address"),
        ("http://[::1", "error.proxy_address"),
        ("http://a\u202eb", "error.proxy_address"),
        ("http://" + "a" * 400, "error.proxy_address"),
        ("http://ana:" + "x" * 256 + "@proxy", "error.proxy_address"),
        ("http://:secret@proxy", "error.proxy_user"),
        ("gopher://proxy", "error.proxy_kind"),
        ("ftp://proxy", "error.proxy_kind"),
    ],
)
def test_what_is_no_proxy_is_refused_with_its_sentence(text: object, key: str) -> None:
    with pytest.raises(SettingsError) as raised:
        checked_proxy(text)
    assert raised.value.message_key == key
    assert "secret" not in str(raised.value)


def test_account_may_follow_the_settings_and_they_may_not_follow_themselves() -> None:
    assert checked_proxy("", of_account=True) == ""
    with pytest.raises(SettingsError):
        checked_proxy("")


def test_password_is_shown_nowhere() -> None:
    proxy = parse_proxy("socks5://ana:geheim@proxy:1080")
    assert proxy.url == "socks5://ana:geheim@proxy:1080"
    assert proxy.bare == shown_proxy(proxy.url) == "socks5://ana@proxy:1080"
    assert "geheim" not in repr(proxy)
    assert (
        parse_proxy(proxy.bare).with_password("ä/@").url == "socks5://ana:%C3%A4%2F%40@proxy:1080"
    )
