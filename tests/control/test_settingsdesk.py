"""The settings over the control socket: what is set, refused, and never told."""

from pathlib import Path
from typing import Any

import pytest

from tests.sessions.fakes import World
from wabot_tray.control.preferences import Preferences
from wabot_tray.control.protocol import Request
from wabot_tray.control.proxies import Proxies
from wabot_tray.control.settingsdesk import SettingsDesk
from wabot_tray.core.errors import AccountError, SettingsError
from wabot_tray.core.reasons import Reason
from wabot_tray.core.settings import Settings
from wabot_tray.storage.proxy_passwords import ProxyPasswords
from wabot_tray.system.paths import Paths

ADDRESS = "socks5://ana@127.0.0.1:1"


class Keys:
    kind = "keyring"

    async def master_key(self, *, create: bool) -> bytes:
        del create
        return b"k" * 32

    async def is_available(self) -> bool:
        return True


class Desk:
    """The desk of a program with one account."""

    def __init__(self, folder: Path) -> None:
        paths = Paths(data=folder / "data", runtime=folder / "run" / "one", runtime_in_ram=True)
        self.passwords = ProxyPasswords(Keys(), paths)
        self.world = World(folder, accounts=("shop",), passwords=self.passwords)
        self.preferences = Preferences(paths.settings_file, Settings())
        self.preferences.subscribe(lambda: self.world.manager.use(self.preferences.settings))
        self.proxies = Proxies(
            self.world.manager, self.passwords, self.preferences, ("127.0.0.1", 1)
        )
        self.streams = SettingsDesk(self.preferences, self.proxies).streams

    async def ask(self, method: str, **params: object) -> Any:
        return await self.streams[method](Request(1, method, params), _silent)


async def _silent(_event: object) -> None: ...


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def test_settings_are_set_by_their_names(desk: Desk) -> None:
    assert (await desk.ask("settings"))["settings"]["quiet_s"] == 0.6
    await desk.ask("set", name="quiet_s", value="2.5")
    body = await desk.ask("set", name="theme", value="dark")
    assert (body["settings"]["quiet_s"], body["settings"]["theme"]) == (2.5, "dark")
    assert desk.preferences.settings == Settings(quiet_s=2.5, theme="dark")


@pytest.mark.parametrize(
    ("name", "value"),
    [("quiet_s", "soon"), ("quiet_s", "nan"), ("theme", "pink"), ("nothing", "1"), ("proxy", "")],
)
async def test_refused_setting_changes_nothing(desk: Desk, name: str, value: str) -> None:
    with pytest.raises(SettingsError):
        await desk.ask("set", name=name, value=value)
    assert desk.preferences.settings == Settings()


async def test_password_goes_in_and_never_comes_out(desk: Desk) -> None:
    body = await desk.ask("proxy", proxy=ADDRESS, password="geheim")
    assert body["settings"]["proxy"] == ADDRESS
    body = await desk.ask("set", name="proxy", value="http://ana:geheim@proxy:3128")
    assert body["settings"]["proxy"] == "http://ana@proxy:3128"
    assert "geheim" not in str(body)
    assert "geheim" not in _read(desk.world.paths.settings_file)
    assert await desk.passwords.get("http://ana@proxy:3128") == "geheim"
    assert await desk.passwords.get(ADDRESS) == "geheim"
    assert await desk.world.manager.ways.url_of("shop") == "http://ana:geheim@proxy:3128"


async def test_password_written_into_the_file_is_sealed_with_the_next_change(desk: Desk) -> None:
    await desk.preferences.apply(Settings(proxy="http://ana:geheim@proxy:3128"))
    assert "geheim" not in str(await desk.ask("settings"))
    body = await desk.ask("proxy", proxy="http://ana@proxy:3128")
    assert body["settings"]["proxy"] == "http://ana@proxy:3128"
    assert "geheim" not in _read(desk.world.paths.settings_file)
    assert await desk.world.manager.ways.url_of("shop") == "http://ana:geheim@proxy:3128"


async def test_account_has_a_way_of_its_own_until_it_follows_again(desk: Desk) -> None:
    body = await desk.ask("proxy", proxy=ADDRESS, id="shop")
    assert (body["settings"]["proxy"], body["proxies"]) == ("system", {"shop": ADDRESS})
    body = await desk.ask("proxy", id="shop")
    assert body["proxies"] == {}
    with pytest.raises(AccountError):
        await desk.ask("proxy", proxy="none", id="nobody")
    with pytest.raises(SettingsError):
        await desk.ask("proxy", proxy="http://proxy", password="no user", id="shop")


async def test_way_is_tried_before_it_is_taken(desk: Desk) -> None:
    assert await desk.proxies.why_shut("none") is Reason.DIAL_FAILED
    assert await desk.proxies.why_shut(ADDRESS, "geheim") is Reason.PROXY_UNREACHABLE
    with pytest.raises(SettingsError):
        await desk.proxies.why_shut("gopher://x")
    assert desk.preferences.settings == Settings()
    assert not await desk.proxies.has_password(ADDRESS)
    await desk.proxies.set(ADDRESS, password="geheim")
    assert await desk.proxies.has_password(ADDRESS)
    await desk.proxies.set(ADDRESS, password="")
    assert not await desk.proxies.has_password(ADDRESS)
    assert not await desk.proxies.has_password("system")


def _read(path: Path) -> str:
    return path.read_text()
