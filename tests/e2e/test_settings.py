"""Settings that change under a running program: its workers, its way to WhatsApp, its files."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import ROOT, Shop, until
from tests.e2e.special_shops import LoginProxyShop, SocksShop
from tests.simulator.people import Customer
from tests.simulator.phone import Phone
from tests.simulator.running import RunningSimulator

pytestmark = pytest.mark.e2e
PASSWORD = "s3cr@t:ñ"


@pytest.fixture(params=[LoginProxyShop, SocksShop], ids=["http", "socks5"])
def behind(request: pytest.FixtureRequest, simulator: RunningSimulator) -> Iterator[LoginProxyShop]:
    with request.param(simulator) as shop:
        yield shop.running()


def set_proxy(shop: Shop, *words: str, password: str | None = None) -> None:
    """Run `wabot proxy`, the password by a pipe."""
    more = [] if password is None else ["--password"]
    done = subprocess.run(
        shop.command(sys.executable, "-m", "wabot_tray.cli.main", "proxy", *words, *more),
        cwd=ROOT,
        env=shop.env,
        input=None if password is None else f"{password}\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert PASSWORD not in done.stdout


def reason(shop: Shop) -> str:
    return str(shop.sessions()["shop"]["reason"])


def test_proxy_with_a_password_is_the_way_and_its_faults_are_told_apart(
    behind: LoginProxyShop, phone: Phone
) -> None:
    proxy = behind.proxy
    assert proxy is not None
    behind.cli("add", "shop")
    # Without it there is no way at all; with a wrong password the proxy says so.
    set_proxy(behind, behind.address, password="wrong")
    failed = behind.cli("pair", "shop", "--json", check=False)
    assert "proxy-refused" in failed.stdout
    assert proxy.refusals
    set_proxy(behind, behind.address, password=PASSWORD)
    behind.pair(phone)
    connects = proxy.connects
    assert connects > proxy.refusals
    # A password that becomes wrong, and right again.
    set_proxy(behind, behind.address, password="wrong")
    until(lambda: reason(behind) == "proxy-refused", "the reason")
    set_proxy(behind, behind.address, password=PASSWORD)
    behind.until_state("connected")
    # The account's own way: one that leads nowhere, then as the settings say again.
    set_proxy(behind, "http://127.0.0.1:1", "--account", "shop")
    until(lambda: reason(behind) == "proxy-unreachable", "the reason")
    assert json.loads(behind.cli("settings", "--json").stdout)["proxies"] == {
        "shop": "http://127.0.0.1:1"
    }
    set_proxy(behind, "default", "--account", "shop")
    behind.until_state("connected")
    assert_kept_secret(behind)
    behind.quit()
    behind.running().until_state("connected")  # the password was kept


def assert_kept_secret(shop: Shop) -> None:
    """Nobody who looks at the processes, the files or the log finds the password."""
    secrets = [PASSWORD.encode(), b"s3cr%40t"]
    found = [
        (process.pid, part)
        for process in shop.family()
        for part in ("environ", "cmdline")
        for secret in secrets
        if secret in Path(f"/proc/{process.pid}/{part}").read_bytes()
    ]
    assert found == []
    for path in (*shop.data.rglob("*"), shop.folder / "console.txt"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(secret in content for secret in secrets), path


def test_running_worker_takes_another_pace(linked: Shop, phone: Phone, ana: Customer) -> None:
    (worker,) = linked.workers()
    linked.cli("set", "quiet_s", "2.5")
    asked = time.monotonic()
    ana.send(phone, "question")
    ana.wait_for_replies(1)
    assert 2.4 < time.monotonic() - asked < 10
    # By hand, in the file, as well.
    path = linked.data / "settings.toml"
    path.write_text(path.read_text().replace("2.5", "0.7"))
    until(lambda: "quiet_s = 0.7" in linked.cli("settings").stdout, "the change by hand")
    assert [one.pid for one in linked.workers()] == [worker.pid]
    path.write_text("quiet_s = ] nonsense")
    refused = linked.cli("set", "theme", "dark", check=False)
    assert refused.returncode == 1
    assert "line 1" in refused.stderr
    assert path.read_text() == "quiet_s = ] nonsense"
