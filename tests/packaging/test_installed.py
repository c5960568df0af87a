"""The .deb, installed in a bare Debian and used there: `python3 dev.py package --check`."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Measure
from tests.desktop import Desktop, start_desktop
from tests.e2e.harness import until
from tests.e2e.matrix import RULES
from tests.packaging.bare_root import BareRoot, InstalledShop, bare_root
from tests.packaging.built import TRAY
from tests.simulator.running import RunningSimulator
from wabot_tray import __version__
from wabot_tray.gui.colours import GREEN

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.skipif(
        "WABOT_PACKAGE_CHECK" not in os.environ,
        reason="needs a built package, and root: python3 dev.py package --check",
    ),
]
ICON_PIXELS = 30


@pytest.fixture(scope="module")
def package() -> Path:
    assert os.geteuid() == 0, "a bare Debian needs root"
    return Path(os.environ["WABOT_PACKAGE_CHECK"])  # the file that is to be published


@pytest.fixture
def root(package: Path) -> Iterator[BareRoot]:
    with bare_root(package) as root:
        root.install(package)
        yield root


@pytest.fixture(scope="module")
def screen() -> Iterator[Desktop]:
    with start_desktop() as desktop:
        yield desktop


def test_installed_program_needs_nothing_but_what_the_package_asks_for(root: BareRoot) -> None:
    said = root.run("wabot", "--version")
    assert (said.returncode, said.stdout) == (0, f"wabot-tray {__version__}\n")
    home = root.folder / "usr" / "lib" / TRAY
    libraries = [
        "/" + str(path.relative_to(root.folder))
        for path in home.rglob("*.so*")
        if path.is_file() and not path.is_symlink()
    ]
    assert len(libraries) > 50
    # As the program's loader finds them: its own folder first.
    said = root.run("env", f"LD_LIBRARY_PATH=/usr/lib/{TRAY}/_internal", "ldd", *libraries)
    assert "not found" not in said.stdout


def test_installed_program_links_answers_restarts_upgrades_and_goes(
    root: BareRoot, package: Path, screen: Desktop, measured: Measure
) -> None:
    with RunningSimulator() as simulator, InstalledShop(simulator, desktop=screen) as shop:
        shop.root = root
        shop.upgraded()
        phone = simulator.add_phone("34600111222", "Shop")
        ana = simulator.add_customer("34655000001", "Ana")
        shop.write_rules(RULES)
        shop.start()
        shop.answering()
        until(lambda: screen.screen.windows("Accounts|wabot"), "the first window", 20)
        measured("installed: scan -> connected", shop.pair(phone), "1 s")
        until(lambda: screen.screen.tray_count(GREEN) >= ICON_PIXELS, "a green icon", 20)
        ana.send(phone, "question one")
        assert ana.wait_for_replies(1, 20)[0].text == "answer to: question one"

        shop.quit()
        began = shop.start("--minimized")
        shop.answering()
        measured("installed: start -> connected", shop.until_state("connected") - began, "3 s")

        shop.kill_main()
        until(lambda: not shop.workers(), "the end of the workers", 20)
        shop.start("--minimized")
        shop.answering()
        shop.until_state("connected")

        survives_an_upgrade(shop, package)
        ana.send(phone, "question two")
        assert ana.wait_for_replies(2, 20)[1].text == "answer to: question two"
        assert simulator.stats.pairings == 1

        shop.quit()
        done = root.run("dpkg", "--purge", TRAY)
        assert done.returncode == 0, done.stderr
        assert not (root.folder / "usr" / "lib" / TRAY).exists()
        assert not list((root.folder / "usr" / "bin").glob("wabot*"))
        assert (shop.data / "auth_sessions" / "shop" / "session.vault").is_file()


def survives_an_upgrade(shop: InstalledShop, package: Path) -> None:
    """Replace every file under the running program, then have a worker replaced, too."""
    shop.root.install(package)
    shop.upgraded()
    assert shop.state() == "connected"
    (worker,) = shop.workers()
    worker.kill()
    until(lambda: [one.pid for one in shop.workers()] not in ([], [worker.pid]), "a new worker")
    shop.until_state("connected")


def test_package_is_as_policy_wants_it(package: Path) -> None:
    said = subprocess.run(
        ["lintian", "--allow-root", "--fail-on", "error,warning", "--tag-display-limit", "0",
         str(package)],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stdout + said.stderr
    assert said.stdout == ""  # nor is one of our own overrides without use


def test_package_asks_before_it_starts_at_login_and_shows_in_the_menu(root: BareRoot) -> None:
    assert not list((root.folder / "etc" / "xdg").glob("autostart/*wabot*"))
    share = root.folder / "usr" / "share"
    assert (share / "applications" / f"{TRAY}.desktop").is_file()
    icons = sorted(path.parts[-3] for path in share.glob(f"icons/hicolor/*/apps/{TRAY}.*"))
    assert icons == sorted(
        ["scalable", *(f"{size}x{size}" for size in (16, 22, 24, 32, 48, 64, 128, 256))]
    )
