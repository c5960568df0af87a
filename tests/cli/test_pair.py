"""Pairing in a terminal: the code is read back from what the terminal shows."""

import codecs
import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import zxingcpp
from PIL import Image

from tests.cli.conftest import Cli, Program
from tests.control.fake_manager import FakeManager, step
from wabot_tray.core.reasons import Reason
from wabot_tray.core.snapshot import PairingProgress, PairingStage, PairingWay

# As long as a real one: "2@" and four base64 fields (measured with neonize 0.5.2: 230 to 240).
CODES = [f"2@{letter * 110},{'k' * 43}=,{'i' * 43}=,{'s' * 30}=" for letter in "AB"]
LIMIT_S = 30.0


def steps(*ends: PairingProgress) -> list[PairingProgress]:
    now = datetime.now(UTC)
    shown = [
        step(
            "bar",
            PairingStage.CODE,
            code=code,
            number=number,
            code_expires_at=now + timedelta(seconds=20),
            window_ends_at=now + timedelta(seconds=160),
        )
        for number, code in enumerate(CODES, start=1)
    ]
    return [step("bar", PairingStage.STARTING), *shown, *ends]


LINKED = (
    step("bar", PairingStage.LINKING, phone="34600111222"),
    step("bar", PairingStage.DONE, phone="34600111222"),
)
FAILED = (step("bar", PairingStage.FAILED, reason=Reason.QR_EXPIRED),)


@pytest.mark.usefixtures("program")
def test_pair_as_json_keeps_its_promise(cli: Cli, manager: FakeManager) -> None:
    manager.pairing_steps = steps(*LINKED)
    result = cli("pair", "bar", "--json")
    assert (result.code, result.err) == (0, "")
    lines = [json.loads(line) for line in result.out.splitlines()]
    expires_at = [manager.pairing_steps[n].code_expires_at for n in (1, 2)]
    assert lines == [
        {
            "event": "qr",
            "code": CODES[0],
            "expires_at": f"{expires_at[0]:%Y-%m-%dT%H:%M:%S.%f}+00:00",
        },
        {
            "event": "qr",
            "code": CODES[1],
            "expires_at": f"{expires_at[1]:%Y-%m-%dT%H:%M:%S.%f}+00:00",
        },
        {"event": "paired", "phone": "34600111222"},
    ]


@pytest.mark.usefixtures("program")
def test_pair_that_fails_says_why(cli: Cli, manager: FakeManager) -> None:
    manager.pairing_steps = steps(*FAILED)
    as_json = cli("pair", "bar", "--json")
    assert as_json.code == 1
    assert json.loads(as_json.out.splitlines()[-1]) == {"event": "failed", "reason": "qr-expired"}
    manager.progress.clear()
    for_people = cli("pair", "bar", env={"LANG": "es"})
    assert for_people.code == 1
    assert "Traceback" not in for_people.err
    assert "reason." not in for_people.err
    assert for_people.err.strip()


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize(
    ("number", "said"),
    [("600111222", "Choose the country"), ("+34 600", "too short"), ("+999 1234567", "No country")],
)
def test_number_that_cannot_be_is_said(
    cli: Cli, manager: FakeManager, number: str, said: str
) -> None:
    result = cli(
        "pair", "bar", "--phone", number, env={"LANG": "en", "LC_ALL": "", "LC_TELEPHONE": ""}
    )
    assert result.code != 0
    assert said in result.err
    assert not manager.asked


def test_ctrl_c_cancels_the_attempt(cli: Cli, program: Program, manager: FakeManager) -> None:
    manager.pairing_steps = steps()
    with cli.start("pair", "bar", "--json") as process:
        assert process.stdout is not None
        process.stdout.readline()
        result = cli.interrupted(process)
    assert result.code == 130
    assert "Traceback" not in result.err
    program.until(lambda: manager.asked[-1] == ("cancel_pairing", "bar"))


# --- In a real terminal --------------------------------------------------------------------------


class Terminal:
    """A command in a pseudo-terminal of a given size."""

    def __init__(
        self, cli: Cli, *words: str, rows: int = 60, columns: int = 100, **env: str
    ) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "wabot_tray.cli.main", *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**cli.env, "TERM": "xterm-256color", **env},
            start_new_session=True,
        )
        os.close(slave)
        self.text = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def read_until(self, pattern: str) -> str:
        """Read until `pattern` was shown and return everything so far."""
        end = time.monotonic() + LIMIT_S
        while not re.search(pattern, self.text):
            ready, _, _ = select.select([self._master], [], [], max(0, end - time.monotonic()))
            assert ready, f"never shown: {pattern}\n{self.text}"
            self.text += self._read() or pytest.fail(f"ended without {pattern}\n{self.text}")
        return self.text

    def rest(self) -> str:
        """Read to the end."""
        while chunk := self._read():
            self.text += chunk
        return self.text

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def close(self) -> None:
        self.process.kill()
        self.process.wait(LIMIT_S)
        os.close(self._master)

    def _read(self) -> str:
        try:
            while raw := os.read(self._master, 1 << 16):
                if text := self._decoder.decode(raw):  # a read may end inside a character
                    return text
        except OSError:  # the other end is closed
            pass
        return ""


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.close()


def read_code(text: str) -> str:
    """Point a camera at the last code in `text`."""
    lines = [
        found[1]
        for line in text.splitlines()
        if (found := re.fullmatch(r"\x1b\[97;40m([ ▀▄█]+)\x1b\[0m\s*", line))
    ]
    size = len(lines[-1])
    rows = lines[-((size + 1) // 2) :]
    image = Image.new("L", (size, 2 * len(rows)), 255)
    for y, row in enumerate(rows):
        for x, char in enumerate(row):
            image.putpixel((x, 2 * y), 255 if char in "▀█" else 0)
            image.putpixel((x, 2 * y + 1), 255 if char in "▄█" else 0)
    image = image.resize((size * 6, len(rows) * 12), Image.Resampling.NEAREST)
    (found_code,) = zxingcpp.read_barcodes(image)
    return str(found_code.text)


@pytest.mark.parametrize("columns", [100, 80])
def test_code_in_a_terminal_is_read_and_renewed(
    cli: Cli, program: Program, manager: FakeManager, terminals: list[Terminal], columns: int
) -> None:
    manager.pairing_steps = steps()[:2]
    terminal = Terminal(cli, "pair", "bar", columns=columns)
    terminals.append(terminal)
    assert read_code(terminal.read_until(r"Code 1: a new one in \d+ s")) == CODES[0]
    program.tell(steps()[2])
    shown = terminal.read_until(r"Code 2: a new one in \d+ s, 1[56]\d s left")
    assert read_code(shown) == CODES[1]
    assert shown.count("\033[H\033[2J\033[3J") == 2
    program.tell(*LINKED)
    done = terminal.rest()
    assert terminal.process.wait(LIMIT_S) == 0
    assert "+34600111222" in done
    assert done.rindex("\033[2J") > done.rindex("▀")  # the code is wiped off the screen


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize(
    ("rows", "columns", "said"), [(60, 50, "too narrow"), (24, 100, r"at least \d\d lines")]
)
def test_small_terminal_is_told_what_it_lacks(
    cli: Cli, manager: FakeManager, terminals: list[Terminal], rows: int, columns: int, said: str
) -> None:
    manager.pairing_steps = steps()[:2]
    terminals.append(Terminal(cli, "pair", "bar", rows=rows, columns=columns))
    terminals[0].read_until(said)


def test_ctrl_c_in_a_terminal_ends_cleanly(
    cli: Cli, program: Program, manager: FakeManager, terminals: list[Terminal]
) -> None:
    manager.pairing_steps = steps()[:2]
    terminal = Terminal(cli, "pair", "bar")
    terminals.append(terminal)
    terminal.read_until("Code 1")
    terminal.process.send_signal(2)
    assert "Traceback" not in terminal.rest()
    assert terminal.process.wait(LIMIT_S) == 130
    program.until(lambda: ("cancel_pairing", "bar") in manager.asked)


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize(
    ("answer", "env", "code"),
    [
        ("y", {}, 0),
        ("n", {}, 1),
        ("", {}, 1),
        ("sí", {"LANG": "es_ES.UTF-8"}, 0),
        ("y", {"LANG": "es_ES.UTF-8"}, 1),
    ],
)
def test_remove_in_a_terminal_asks_first(
    cli: Cli,
    manager: FakeManager,
    terminals: list[Terminal],
    answer: str,
    env: dict[str, Any],
    code: int,
) -> None:
    terminal = Terminal(cli, "remove", "shop", **env)
    terminals.append(terminal)
    terminal.read_until(r"\[./N\]")
    terminal.type(f"{answer}\n")
    terminal.rest()
    assert terminal.process.wait(LIMIT_S) == code
    assert (("remove", "shop") in manager.asked) == (code == 0)


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize(("env", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_are_for_terminals_that_want_them(
    cli: Cli, terminals: list[Terminal], env: dict[str, Any], coloured: bool
) -> None:
    terminal = Terminal(cli, "status", **env)
    terminals.append(terminal)
    assert ("\033[32m●\033[0m" in terminal.rest()) == coloured


def test_watch_in_a_terminal_redraws(cli: Cli, program: Program, terminals: list[Terminal]) -> None:
    terminal = Terminal(cli, "status", "--watch")
    terminals.append(terminal)
    terminal.read_until("bar")
    program.tell(*(program.manager.snapshot("shop"),))
    shown = terminal.read_until(r"(?s)\x1b\[2J.*\x1b\[2J.*bar")
    assert shown.count("\033[2J") == 2


@pytest.mark.usefixtures("program")
def test_pair_by_number_asks_with_digits_and_shows_a_code_to_type(
    cli: Cli, manager: FakeManager, terminals: list[Terminal]
) -> None:
    way = {"way": PairingWay.PHONE, "phone": "34600111222"}
    ends = datetime.now(UTC) + timedelta(seconds=160)
    manager.pairing_steps = [
        step("bar", PairingStage.STARTING, **way),
        step(
            "bar",
            PairingStage.CODE,
            code="K7RM-4XTP",
            code_expires_at=ends,
            window_ends_at=ends,
            **way,
        ),
    ]
    terminal = Terminal(cli, "pair", "bar", "--phone", "600 111 222", LC_ALL="es_ES.UTF-8")
    terminals.append(terminal)
    shown = terminal.read_until(r"Quedan 1[56]\d s para escribirlo")
    assert "K7RM-4XTP" in shown
    assert manager.asked[-1] == ("pair", "bar", "34600111222")
