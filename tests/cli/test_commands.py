"""Commands in situations: what is said, in which language, and the exit code."""

import json
import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli, Program, Result
from tests.control.fake_manager import NOW, FakeManager, session
from wabot_tray import __version__
from wabot_tray.control import server
from wabot_tray.core.reasons import Reason
from wabot_tray.core.states import SessionState

SPANISH = {"LANG": "es_MX.UTF-8"}
BANNED = session("club", state=SessionState.BANNED, reason=Reason.TEMPORARY_BAN, expires_at=NOW)
NEEDS_PROGRAM = [
    ("status",),
    ("status", "--watch"),
    ("verify",),
    ("reconnect",),
    ("add", "new"),
    ("pair", "shop"),
    ("pair", "shop", "--json"),
    ("start", "shop"),
    ("stop", "shop"),
    ("rename", "shop", "X"),
    ("remove", "shop", "--yes"),
    ("settings",),
    ("set", "quiet_s", "2"),
    ("proxy", "none"),
    ("quit",),
]


@pytest.mark.parametrize("words", NEEDS_PROGRAM, ids=" ".join)
def test_command_without_the_program_says_how_to_start_it(cli: Cli, words: tuple[str, ...]) -> None:
    result = cli(*words)
    assert result.code == 3
    assert result.out == ""
    assert "not running" in result.err
    assert "wabot-tray --headless" in result.err


def test_command_without_the_program_speaks_spanish_too(cli: Cli) -> None:
    result = cli("status", env=SPANISH)
    assert (result.code, "no está en marcha" in result.err) == (3, True)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("status", "nobody"), 1, "nobody"),
        (("add", "shop"), 1, "shop"),
        (("add", "new"), 0, "wabot pair new"),
        (("add", "new", "--label", "Café del Sur"), 0, "new"),
        (("rename", "shop", "Café"), 0, "Café"),
        (("rename", "shop", "x" * 81), 2, "80"),
        (("rename", "shop", "a\x1b[2J"), 2, "80"),
        (("start", "bar"), 0, "bar"),
        (("stop", "shop"), 0, "shop"),
        (("remove", "nobody", "--yes"), 1, "nobody"),
        (("remove", "shop"), 2, "--yes"),
        (("remove", "shop", "--yes"), 0, "shop"),
        (("remove", "bar", "--yes"), 0, "Linked devices"),
        (("verify", "shop"), 0, "shop"),
        (("verify", "bar"), 1, "wabot status bar"),
        (("verify",), 1, "bar"),
        (("reconnect", "bar"), 1, "bar"),
        (("reconnect", "nobody"), 1, "nobody"),
        (("pair", "shop"), 1, ""),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
@pytest.mark.usefixtures("program")
def test_command_says_its_outcome(cli: Cli, words: tuple[str, ...], code: int, said: str) -> None:
    result = cli(*words)
    assert result.code == code
    assert said in result.out + result.err
    assert "Traceback" not in result.err
    assert "cli." not in result.out + result.err  # a key without a text
    assert "error." not in result.out + result.err
    assert bool(result.out) != bool(result.err)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "COMMAND"),
        (("fly",), "fly"),
        (("status", "Bad Id"), "Bad Id"),
        (("status", "../etc"), "../etc"),
        (("status", "--fast"), "--fast"),
        (("reconnect", "shop", "--all"), "--all"),
        (("reconnect", "--timeout", "0"), "3600"),
        (("reconnect", "--timeout", "soon"), "3600"),
        (("logs", "-n", "-1"), "whole number"),
        (("rename", "shop"), "LABEL"),
        (("autostart", "maybe"), "maybe"),
        (("--data-dir",), "--data-dir"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_usage_that_is_wrong_is_explained(cli: Cli, words: tuple[str, ...], said: str) -> None:
    result = cli(*words)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("usage: wabot")
    assert said in result.err
    assert "--help" in result.err.splitlines()[-1]


def test_usage_that_is_wrong_is_explained_in_spanish(cli: Cli) -> None:
    result = cli("rename", "shop", env=SPANISH)
    assert result.code == 2
    assert result.err.startswith("uso: wabot rename")
    assert "falta esto: NOMBRE" in result.err


@pytest.mark.parametrize(
    ("env", "said"),
    [({}, "the program (wabot-tray) is not running"), (SPANISH, "códigos de salida")],
)
def test_help_tells_commands_and_exit_codes(cli: Cli, env: dict[str, str], said: str) -> None:
    result = cli("--help", env={**env, "COLUMNS": "80"})
    assert (result.code, result.err) == (0, "")
    assert said in result.out
    assert all(len(line) <= 90 for line in result.out.splitlines())
    for command in ("status", "pair", "diagnose", "key-file", "quit"):
        assert re.search(rf"^    {command} +\w", result.out, re.MULTILINE)


def test_every_command_has_help(cli: Cli) -> None:
    for command in re.findall(r"^    ([a-z-]+) ", cli("--help").out, re.MULTILINE):
        result = cli(command, "--help", env=SPANISH)
        assert (result.code, result.err) == (0, "")
        assert "cli." not in result.out
        assert "show" not in result.out


def test_version_is_told(cli: Cli) -> None:
    assert cli("--version") == Result(0, f"wabot-tray {__version__}\n", "")


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize("front", [True, False])
def test_data_dir_may_stand_before_and_behind_the_command(cli: Cli, front: bool) -> None:
    option = ["--data-dir", str(cli.paths.data)]
    words = [*option, "status", "shop"] if front else ["status", "shop", *option]
    assert cli(*words, env={"WABOT_TRAY_DATA_DIR": "/nowhere"}).code == 0


@pytest.mark.usefixtures("program")
def test_program_is_found_without_the_desktops_environment(cli: Cli, tmp_path: Path) -> None:
    """A cron job has neither XDG_RUNTIME_DIR nor the desktop's TMPDIR."""
    other = tmp_path / "tmp"
    other.mkdir()
    del cli.env["PATH"]
    assert cli("status", "shop", env={"XDG_RUNTIME_DIR": "", "TMPDIR": str(other)}).code == 0


@pytest.mark.usefixtures("program")
def test_remove_of_an_account_without_a_phone_speaks_of_none(
    cli: Cli, manager: FakeManager
) -> None:
    manager.sessions["bar"] = session("bar", paired=False, state=SessionState.LOGGED_OUT)
    assert cli("remove", "bar", "--yes") == Result(0, "Account “bar” was removed.\n", "")


# --- status --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("program")
def test_status_as_json_keeps_its_promise(cli: Cli, manager: FakeManager) -> None:
    manager.sessions["bar"] = session(
        "bar",
        state=SessionState.WAITING,
        reason=Reason.DIAL_FAILED,
        next_attempt_at=NOW + timedelta(days=9999),
        last_verified_at=NOW,
        restarts=3,
        answered_today=12,
        notice=Reason.DISK_FULL,
    )
    result = cli("status", "--json", env=SPANISH)
    assert result.code == 1
    body = json.loads(result.out)
    texts = [item.pop("text") for item in body["sessions"]]
    assert body == {
        "version": __version__,
        "sessions": [
            {
                "id": "shop",
                "label": "Main shop",
                "phone": "34600111222",
                "enabled": True,
                "state": "connected",
                "reason": "logged-in",
                "since": "2026-11-22T12:00:00+00:00",
                "next_attempt_at": None,
                "last_verified_at": None,
                "restarts": 0,
                "answered_today": 0,
                "notice": None,
                "notice_text": "",
            },
            {
                "id": "bar",
                "label": "",
                "phone": "34600111222",
                "enabled": True,
                "state": "waiting",
                "reason": "dial-failed",
                "since": "2026-11-22T12:00:00+00:00",
                "next_attempt_at": "2054-04-08T12:00:00+00:00",
                "last_verified_at": "2026-11-22T12:00:00+00:00",
                "restarts": 3,
                "answered_today": 12,
                "notice": "disk-full",
                "notice_text": "El disco está lleno.",
            },
        ],
    }
    assert texts[0] == "Conectada a WhatsApp."
    assert "WhatsApp" in texts[1]


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize(
    ("sessions", "code"),
    [
        ([], 0),
        ([session("a")], 0),
        ([session("a"), session("b", enabled=False, state=SessionState.STOPPED)], 0),
        ([session("a"), BANNED], 1),
        ([session("a", state=SessionState.RECONNECTING, reason=Reason.LINK_LOST)], 1),
    ],
)
def test_status_is_good_if_what_should_be_connected_is(
    cli: Cli, manager: FakeManager, sessions: list[Any], code: int
) -> None:
    manager.sessions = {item.id: item for item in sessions}
    assert cli("status").code == code


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize("env", [{}, SPANISH])
def test_status_of_every_state_fits_80_columns_and_has_no_colour_in_a_pipe(
    cli: Cli, manager: FakeManager, env: dict[str, str]
) -> None:
    manager.sessions = {
        f"{state.value}-{'x' * 40}": session(
            f"{state.value}-{'x' * 40}",
            label="Panadería la Espiga de Oro, sucursal del mercado central",
            state=state,
            reason=Reason.LINK_LOST,
            notice=Reason.BOT_FILE_BROKEN,
        )
        for state in SessionState
    }
    result = cli("status", env={**env, "COLUMNS": "200"})
    assert "\033" not in result.out
    assert max(map(len, result.out.splitlines())) < 80
    marks = [line[0] for line in result.out.splitlines() if line[0] != " "]
    assert len(marks) == len(SessionState)


@pytest.mark.usefixtures("program")
def test_status_in_an_ascii_terminal_uses_plain_symbols(cli: Cli) -> None:
    result = cli("status", env={"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"})
    assert result.out.isascii()
    assert re.search(r"^\*  shop ", result.out, re.MULTILINE)


@pytest.mark.usefixtures("program")
def test_label_cannot_move_the_cursor(cli: Cli, manager: FakeManager) -> None:
    manager.sessions = {"shop": session("shop", label="evil\x1b[2J\r\nx\u202e")}
    assert not {"\x1b", "\r", "\u202e"} & set(cli("status").out)


@pytest.mark.usefixtures("program")
def test_status_where_nobody_reads_on_is_quiet(cli: Cli) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [sys.executable, "-m", "wabot_tray.cli.main", "status"],
        stdout=write_end,
        stderr=subprocess.PIPE,
        env=cli.env,
        check=False,
        timeout=30,
    )
    os.close(write_end)
    assert (done.returncode, done.stderr) == (0, b"")


def test_watch_tells_each_change_and_ends_with_ctrl_c(cli: Cli, program: Program) -> None:
    with cli.start("status", "--watch") as process:
        assert process.stdout is not None
        first = [process.stdout.readline() for _ in range(2)]
        program.tell(session("shop", state=SessionState.RECONNECTING, reason=Reason.LINK_LOST))
        changed = process.stdout.readline()
        result = cli.interrupted(process)
    assert "shop: Connected" in first[0]
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  ○ shop: ", changed)
    assert result.code == 130
    assert "Traceback" not in result.err


def test_watch_as_json_is_a_whole_status_per_line(cli: Cli, program: Program) -> None:
    with cli.start("status", "--watch", "--json") as process:
        assert process.stdout is not None
        before = json.loads(process.stdout.readline())
        program.tell(session("bar"))
        after = json.loads(process.stdout.readline())
        cli.interrupted(process)
    assert [item["state"] for item in before["sessions"]] == ["connected", "logged-out"]
    assert [item["state"] for item in after["sessions"]] == ["connected", "connected"]
    assert after["version"] == __version__


def test_watch_ends_when_the_program_does(cli: Cli, program: Program) -> None:
    with cli.start("status", "--watch") as process:
        assert process.stdout is not None
        process.stdout.readline()
        program.run(program.server.close())
        _, err = process.communicate(timeout=30)
    assert process.returncode == 3
    assert "ended" in err


# --- reconnect, verify, quit ---------------------------------------------------------------------


@pytest.mark.usefixtures("program")
def test_reconnect_tells_the_way_and_the_outcome(cli: Cli, manager: FakeManager) -> None:
    manager.reconnects_to["shop"] = session("shop")
    result = cli("reconnect", "shop")
    assert result.code == 0
    assert [line[:7] for line in result.out.splitlines()] == ["○ shop:", "● shop:"]


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize("words", [(), ("--all",)])
def test_reconnect_of_all_fails_if_one_does(
    cli: Cli, manager: FakeManager, words: tuple[str, ...]
) -> None:
    manager.reconnects_to["shop"] = session("shop")
    result = cli("reconnect", *words)
    assert result.code == 1
    assert "● shop" in result.out
    assert "bar: " in result.out


@pytest.mark.usefixtures("program")
def test_reconnect_gives_up_in_time(cli: Cli) -> None:
    result = cli("reconnect", "shop", "--timeout", "0.2")
    assert result.code == 4
    assert "shop: not connected after" in result.out


@pytest.mark.usefixtures("program")
def test_reconnect_with_nothing_on_says_so(cli: Cli, manager: FakeManager) -> None:
    manager.sessions = {}
    assert cli("reconnect") == Result(0, "No account is switched on.\n", "")


@pytest.mark.usefixtures("program")
def test_verify_as_json(cli: Cli, manager: FakeManager) -> None:
    manager.unanswered = {"shop"}
    result = cli("verify", "shop", "--json")
    assert result.code == 1
    assert json.loads(result.out) == {
        "results": [{"id": "shop", "connected": True, "answered": False, "took_ms": None}]
    }


def test_quit_waits_until_the_program_is_gone(
    cli: Cli, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    last_moment = subprocess.Popen(["sleep", "60"])
    monkeypatch.setattr(server, "_pid", lambda: last_moment.pid)
    with cli.start("quit") as process:
        program.until(lambda: program.host.quits == 1)
        assert process.poll() is None
        program.run(program.server.close())
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        last_moment.kill()  # and nobody asks how it ended: for us it is gone
        out, err = process.communicate(timeout=30)
    last_moment.wait()
    assert (process.returncode, out, err) == (0, "The program has ended.\n", "")


# --- Language and local commands -----------------------------------------------------------------


@pytest.mark.usefixtures("program")
def test_language_of_the_settings_is_spoken(cli: Cli) -> None:
    cli.paths.settings_file.write_text('language = "es"\n')
    assert "Conectada" in cli("status", "shop").out
    cli.paths.settings_file.write_text("language = [broken")
    assert "Connected" in cli("status", "shop").out


def test_key_file_is_made_once(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "wabot.key"
    assert cli("key-file", "create", str(path)).code == 0
    key = path.read_bytes()
    again = cli("key-file", "create", str(path))
    assert (again.code, path.read_bytes()) == (1, key)
    assert key.decode().strip() not in again.err
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.name == "nt", reason="the Run key is not in a folder of the test")
def test_autostart_is_switched_on_and_off(cli: Cli, tmp_path: Path) -> None:
    env = {"XDG_CONFIG_HOME": str(tmp_path / "config")}
    said = [cli("autostart", what, env=env) for what in ("status", "on", "status", "off", "status")]
    assert [result.code for result in said] == [0] * 5
    assert [("does not" in result.out) for result in said] == [True, False, False, True, True]
