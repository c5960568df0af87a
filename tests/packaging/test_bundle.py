"""The bundle, built and used as it is, without any Python of this machine."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.conftest import Measure
from tests.desktop import Desktop, Screen, start_desktop
from tests.e2e.harness import until
from tests.e2e.matrix import RULES
from tests.packaging.built import LINE, TRAY, BundleShop, build
from tests.simulator.phone import Phone
from tests.simulator.running import RunningSimulator
from wabot_tray import __version__
from wabot_tray.gui.colours import GREEN

pytestmark = pytest.mark.e2e
ICON_PIXELS = 30  # of one colour: more than an outline, less than a 16 px disc


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("bundle", tmp_path_factory.mktemp("dist"))[0]


@pytest.fixture(scope="module")
def screen() -> Iterator[Desktop]:
    with start_desktop() as desktop:
        yield desktop


def run(*words: str | Path, language: str = "en") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in words],
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LANG": f"{language}_XX.UTF-8"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_bundle_links_answers_and_survives_without_a_new_code(
    bundle: Path, screen: Desktop, measured: Measure
) -> None:
    with RunningSimulator() as simulator, BundleShop(simulator, bundle, desktop=screen) as shop:
        phone: Phone = simulator.add_phone("34600111222", "Shop")
        ana = simulator.add_customer("34655000001", "Ana")
        shop.write_rules(RULES)
        shop.start("--minimized")
        shop.answering()
        measured("the bundle: scan -> connected", shop.pair(phone), "1 s")
        until(lambda: screen.screen.tray_count(GREEN) >= ICON_PIXELS, "a green icon", 20)
        ana.send(phone, "question")
        assert ana.wait_for_replies(1, 20)[0].text == "answer to: question"
        checks_processes(shop)

        (worker,) = shop.workers()
        worker.kill()
        until(lambda: [one.pid for one in shop.workers()] not in ([], [worker.pid]), "a new worker")
        shop.until_state("connected")

        shop.kill_main()
        until(lambda: not shop.family(), "the end of the workers", 20)
        began = shop.start("--minimized")
        shop.answering()
        measured("the bundle: start -> connected", shop.until_state("connected") - began, "3 s")
        assert simulator.stats.pairings == 1

        checks_login_item(shop)
        draws_a_code_in_the_terminal(shop)
        survives_an_update(shop, screen.screen)
        ana.send(phone, "question two")
        assert ana.wait_for_replies(2, 20)[1].text == "answer to: question two"
        shop.quit()
        assert shop.family() == []


def checks_processes(shop: BundleShop) -> None:
    """Everything that runs is the one executable; what it starts gets no library of ours."""
    own = str(shop.home / TRAY)
    running = [one for one in shop.family() if one.is_running()]
    assert len(running) == 3, running  # the program, the nursery and its worker
    assert {one.exe() for one in running} == {own}
    commands = {tuple(one.cmdline()[1:]) for one in running}
    assert commands == {("--minimized",), ("worker", "nursery")}
    main = psutil.Process(shop.process.pid if shop.process else 0)
    mapped = {Path(region.path) for region in main.memory_maps() if region.path.startswith("/")}
    assert any(path.name.startswith("libQt6Gui") for path in mapped)
    strangers = [path for path in mapped if "site-packages" in path.parts or ".venv" in path.parts]
    assert strangers == []


def checks_login_item(shop: BundleShop) -> None:
    shop.cli("autostart", "on")
    (entry,) = Path(shop.env["HOME"]).glob(".config/autostart/*.desktop")
    text = entry.read_text(encoding="utf-8")
    assert f'Exec="{shop.home / TRAY}" --minimized --data-dir {shop.data}\n' in text
    shop.cli("autostart", "off")
    assert not entry.exists()


def draws_a_code_in_the_terminal(shop: BundleShop) -> None:
    """The command line brings what draws the code; nothing else of it needs that."""
    shop.cli("add", "second")
    command = [*shop.cli_entry(), "pair", "second"]
    env = shop.env | {"LC_ALL": "C.UTF-8"}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as pairing:
        assert pairing.stdout is not None
        drawn = 0
        for line in pairing.stdout:
            drawn += line.count("▀") + line.count("█") > 10
            if drawn > 10:
                break
        pairing.terminate()
    assert drawn > 10
    shop.cli("remove", "second", "--yes")


def survives_an_update(shop: BundleShop, screen: Screen) -> None:
    """Put another file in the executable's place, as an update does, and use what is not loaded.

    A window is imported when it is first opened, and a worker loads the library when it is forked.
    """
    other = shop.home / "other"
    other.write_bytes(b"another version" * 1_000_000)
    other.rename(shop.home / TRAY)
    (worker,) = shop.workers()
    worker.kill()
    until(lambda: [one.pid for one in shop.workers()] not in ([], [worker.pid]), "a new worker")
    shop.until_state("connected")

    def large() -> list[str]:
        boxes = {window: screen.window_box(window) for window in screen.windows(".")}
        return [window for window, box in boxes.items() if box[2] - box[0] > 400]

    before = large()
    screen.click(*screen.tray_centre(), button=3)
    until(lambda: len(screen.windows("")) > 1, "the menu", 10)
    screen.press(*["Up"] * 4, "Return")  # past quit, the start at login and the log: a window
    until(lambda: set(large()) - set(before), "a window that was not loaded", 15)


def test_command_line_of_the_bundle_speaks_both_languages(bundle: Path, tmp_path: Path) -> None:
    said = run(bundle / LINE, "--version")
    assert (said.returncode, said.stdout) == (0, f"wabot-tray {__version__}\n")
    where = ("--data-dir", tmp_path)
    english, spanish = (
        run(bundle / LINE, "status", *where, language=language) for language in ("en", "es")
    )
    assert english.returncode == spanish.returncode == 3
    assert "The program is not running." in english.stderr
    assert "El programa no está en marcha." in spanish.stderr
    assert run(bundle / TRAY, "--version").stdout == f"wabot-tray {__version__}\n"


def test_bundle_finds_every_command(bundle: Path, tmp_path: Path) -> None:
    help_text = run(bundle / LINE, "--help").stdout
    commands = re.findall(r"^    ([a-z][a-z-]+)", help_text, flags=re.MULTILINE)
    assert {"status", "pair", "diagnose", "quit"} <= set(commands)
    said = run(bundle / LINE, "diagnose", "--data-dir", tmp_path, "--json")
    assert said.returncode in {0, 1}, said.stderr
    assert '"6.' in said.stdout or "6." in said.stdout


def test_bundle_holds_what_it_should_and_no_more(bundle: Path) -> None:
    inside = {str(path.relative_to(bundle)) for path in bundle.rglob("*")}
    names = {Path(path).name for path in inside}
    for language in ("en", "es"):
        for domain in ("core", "gui", "cli"):
            place = f"_internal/wabot_tray/resources/locale/{language}/LC_MESSAGES/{domain}.mo"
            assert place in inside
    assert "_internal/wabot_tray/resources/icons/wabot-tray.svg" in inside
    assert {"libqxcb.so", "libqwayland.so", "libqsvgicon.so", "libqopensslbackend.so"} <= names
    translations = {name for name in names if name.endswith(".qm")}
    assert translations == {"qtbase_en.qm", "qtbase_es.qm"}
    for unwanted in ("PIL", "numpy", "requests", "libqgtk3.so", "libX11.so.6", "libQt6Qml.so.6"):
        assert unwanted not in names
    notices = (bundle / "THIRD-PARTY-NOTICES").read_text(encoding="utf-8")
    for part in ("neonize", "PySide6", "cryptography", "go.mau.fi/whatsmeow", "Python 3."):
        assert part in notices
    assert "The wabot-tray authors" in (bundle / "LICENSE").read_text(encoding="utf-8")
