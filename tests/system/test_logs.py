"""Real files and streams; the faults of disks are made by real folders and by /dev/full."""

import io
import logging
import re
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from wabot_tray.system import logs
from wabot_tray.system.paths import Paths

LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (DEBUG|INFO |WARN |ERROR|FATAL) \[\S+\] .+")


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(data=tmp_path / "data", runtime=tmp_path / "run", runtime_in_ram=False)


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    levels = {name: logging.getLogger(name).level for name in ("", logs.OURS, "neonize")}
    yield
    logs.teardown()
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def fail(text: str) -> None:
    raise RuntimeError(text)


def read(paths: Paths) -> str:
    return paths.log_file.read_text(encoding="utf-8")


def test_log_line_names_the_component(paths: Paths) -> None:
    logs.setup(paths, console=False)
    logging.getLogger("wabot_tray.sessions.manager").info("Ready")
    line = read(paths).rstrip("\n")
    assert LINE.fullmatch(line)
    assert line.endswith(" INFO  [SessionManager] Ready")


@pytest.mark.parametrize(
    ("logger", "name"),
    [
        ("wabot_tray.sessions.manager", "SessionManager"),
        ("wabot_tray.sessions.supervisor", "Supervisor"),
        ("wabot_tray.storage.vault", "Vault"),
        ("wabot_tray.storage.inbox", "Inbox"),
        ("wabot_tray.system.autostart", "Autostart"),
        ("wabot_tray.bot.answering", "Bot"),
        ("wabot_tray.gui.tray", "Tray"),
        ("wabot_tray.gui.icons", "Window"),
        ("wabot_tray.control.server", "Control"),
        ("wabot_tray.worker.client", "Worker"),
        ("wabot_tray", "Program"),
        ("asyncio", "asyncio"),
        ("neonize.utils.log", "neonize"),
    ],
)
def test_component_is_a_name_people_know(logger: str, name: str) -> None:
    assert logs.component(logger) == name


def test_log_hides_secrets_in_text_arguments_and_tracebacks(paths: Paths) -> None:
    logs.setup(paths, "debug", console=False)
    log = logging.getLogger("wabot_tray.bot.answering")
    log.info("from 34600111222")
    log.info("from %s", "+34 600 111 222")
    try:
        fail("no session for 34600111222@s.whatsapp.net, code ABCD-1234")
    except RuntimeError:
        log.exception("send failed", stack_info=True)
    text = read(paths)
    assert "Traceback" in text
    assert "Stack (most recent call last)" in text
    for secret in ("600111", "600 111", "ABCD-1234"):
        assert secret not in text


def test_log_with_a_wrong_format_string_keeps_the_line() -> None:
    record = logging.LogRecord("wabot_tray.bot", logging.INFO, "", 0, "%d answers", ("many",), None)
    assert logs.LineFormatter().format(record).endswith("[Bot] %d answers")


def test_log_file_is_this_users_alone(paths: Paths) -> None:
    paths.logs.mkdir(parents=True)
    paths.log_file.write_text("old\n")
    paths.log_file.chmod(0o644)
    logs.setup(paths, console=False)
    logging.getLogger("wabot_tray").info("x")
    assert stat.S_IMODE(paths.log_file.stat().st_mode) == 0o600
    assert read(paths).startswith("old\n")


def test_log_file_rotates_and_keeps_five_more(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "LARGEST_BYTES", 1000)
    logs.setup(paths, console=False)
    for number in range(200):
        logging.getLogger("wabot_tray").info("line %d", number)
    files = sorted(paths.logs.iterdir())
    assert len(files) == 6
    assert all(file.stat().st_size <= 1100 for file in files)
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
    assert "line 199" in read(paths)


def test_log_that_cannot_rotate_goes_on_in_the_same_file(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "LARGEST_BYTES", 300)
    paths.logs.mkdir(parents=True)
    for number in range(1, 6):  # nothing can be renamed onto a folder
        (paths.logs / f"wabot-tray.log.{number}").mkdir()
    logs.setup(paths, console=False)
    for number in range(20):
        logging.getLogger("wabot_tray").info("line %d", number)
    assert read(paths).count("line") == 20


def test_setup_twice_writes_each_line_once(paths: Paths) -> None:
    logs.setup(paths, console=False)
    logs.setup(paths, "warning", console=False)
    logging.getLogger("wabot_tray").info("hidden by the level")
    logging.getLogger("wabot_tray").warning("once")
    assert read(paths).count("\n") == 1
    logs.set_level("debug")
    logging.getLogger("wabot_tray").debug("now shown")
    assert read(paths).count("\n") == 2


def test_teardown_twice_is_harmless_and_closes(paths: Paths) -> None:
    before = list(logging.getLogger().handlers)
    logs.setup(paths, console=False)
    logs.teardown()
    logs.teardown()
    assert logging.getLogger().handlers == before


def test_other_libraries_speak_from_warnings_up(paths: Paths) -> None:
    logs.setup(paths, "debug", console=False)
    logging.getLogger("asyncio").info("chatter")
    logging.getLogger("asyncio").warning("slow")
    assert not logging.getLogger("neonize.utils.log").isEnabledFor(logging.INFO)
    assert "chatter" not in read(paths)
    assert " WARN  [asyncio] slow" in read(paths)


def test_log_on_the_console_too(paths: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    logs.setup(paths)
    logging.getLogger("wabot_tray").info("to 34600111222")
    assert capsys.readouterr().err == read(paths)
    assert "600111" not in read(paths)


def test_log_without_a_console_writes_the_file(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    logs.setup(paths)
    logging.getLogger("wabot_tray").info("x")
    assert "x" in read(paths)


def test_log_with_a_dead_console_writes_the_file(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Gone())
    logs.setup(paths)
    logging.getLogger("wabot_tray").info("x")
    assert "x" in read(paths)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_log_on_a_full_disk_says_so_once_and_recovers(
    paths: Paths, capsys: pytest.CaptureFixture[str]
) -> None:
    paths.logs.mkdir(parents=True)
    paths.log_file.symlink_to("/dev/full")
    logs.setup(paths, console=False)
    log = logging.getLogger("wabot_tray")
    log.info("first, from 34600111222")
    log.info("second")
    told = capsys.readouterr().err
    assert told.count("cannot be written") == 1
    assert "first" in told
    assert "second" in told
    assert "600111" not in told
    paths.log_file.unlink()
    log.info("third")
    assert "third" in read(paths)
    assert "written again" in capsys.readouterr().err


def test_log_folder_that_cannot_be_made_falls_back_to_the_console(
    paths: Paths, capsys: pytest.CaptureFixture[str]
) -> None:
    paths.data.parent.mkdir(exist_ok=True)
    paths.data.write_text("a file where the folder should be")
    logs.setup(paths)
    logging.getLogger("wabot_tray").info("one")
    logging.getLogger("wabot_tray").info("two")
    told = capsys.readouterr().err
    assert told.count("cannot be written") == 1
    assert told.count("[Program] one") == 1
    assert told.count("[Program] two") == 1


def test_worker_log_crosses_as_one_line_and_is_logged_under_its_account(
    paths: Paths, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.setup_worker("debug")
    try:
        fail("C:\\new for 34600111222")
    except RuntimeError:
        logging.getLogger("wabot_tray.bot.answering").warning("failed", exc_info=True)
    (line,) = capsys.readouterr().err.splitlines()
    assert "600111" not in line
    logs.setup(paths, console=False)
    logs.log_worker_line("tienda", line + "\n")
    text = read(paths)
    assert " WARN  [Worker(tienda)] Bot: failed\nTraceback (most recent" in text
    assert "C:\\new for …222" in text


def test_worker_line_of_the_native_library_is_logged_redacted(paths: Paths) -> None:
    logs.setup(paths, console=False)
    logs.log_worker_line("tienda", "panic: send to 34600111222@s.whatsapp.net\n")
    logs.log_worker_line("tienda", "Press Ctrl+C to exit\n")
    logs.log_worker_line("tienda", "\n")
    (line,) = read(paths).splitlines()
    assert line.endswith("INFO  [Worker(tienda)] panic: send to …222@s.whatsapp.net")


def test_log_that_somebody_removed_begins_anew(paths: Paths) -> None:
    logs.setup(paths, console=False)
    log = logging.getLogger("wabot_tray.gui")
    log.info("before")
    shutil.rmtree(paths.logs)
    log.info("after")
    paths.log_file.rename(paths.logs / "moved by another program")
    log.info("later")
    assert "later" in paths.log_file.read_text(encoding="utf-8")
    assert "after" in (paths.logs / "moved by another program").read_text(encoding="utf-8")
