"""The real program, worker and library included, against people who mean it no good."""

import contextlib
import json
import random
import re
import socket
import sys
import time
from typing import Final

import pytest

from tests.e2e import conftest as people
from tests.e2e.harness import Shop, until
from tests.fuzz.profile import AWKWARD
from tests.simulator.people import Customer
from tests.simulator.phone import Phone
from tests.simulator.protobuf import encode
from wabot_tray.bot.rulebook import LONGEST_QUOTE

pytestmark = pytest.mark.e2e

simulator, phone, ana, shop, linked = (
    people.simulator,
    people.phone,
    people.ana,
    people.shop,
    people.linked,
)
ECHO: Final = "[[rule]]\nmatch = '(?s).*'\nreply = '<{name}> {{text}} {text}!'\n"
NAMES: Final = (
    "\x1b[2J\x1b]0;owned\x07\nERROR forged",
    "\u202egnp.exe",
    "<img src='file:///etc/passwd'>",
    "{text} %s {0}",
    "\udcff\udcfe",  # these become bytes that are no UTF-8
    "x" * 20_000,
)


def expected(text: str) -> str:
    return f"{{text}} {text.strip()[:LONGEST_QUOTE]}".rstrip(" ") + "!"


def test_every_text_is_answered_and_the_worker_lives(
    linked: Shop, phone: Phone, ana: Customer
) -> None:
    linked.write_rules(ECHO)
    (worker,) = linked.workers()
    texts = [text.encode(errors="ignore").decode() for text in AWKWARD]
    texts = [text for text in texts if text] + ["語" * 21_000, "a\0b", "👩‍🍳" * 6000]
    for number, text in enumerate(texts):
        ana.name = NAMES[number % len(NAMES)]
        ana.send(phone, text)
    replies = ana.wait_for_replies(len(texts), 90)
    said = [reply.text.partition("> ")[2] for reply in replies]
    assert said == [expected(text) for text in texts]
    assert [process.pid for process in linked.workers()] == [worker.pid]
    _nothing_moves_a_cursor(linked)


def test_text_that_is_no_utf8_ends_no_worker_and_holds_up_nobody(
    linked: Shop, phone: Phone, ana: Customer
) -> None:
    linked.write_rules(ECHO)
    (worker,) = linked.workers()
    hostile = [
        b"\xff\xfe\xfd",
        b"\xc3(",
        b"\xed\xa0\x80",  # half a surrogate pair
        b"\xf5\x80\x80\x80",
        b"fine until \x80",
    ]
    for raw in hostile:
        ana.send(phone, content=encode([(1, raw)]))
        ana.send(phone, content=encode([(6, encode([(1, raw)]))]))
    ana.name = "\udcff\udcfe"
    ana.send(phone, "after all that")
    until(lambda: any("after all that" in reply.text for reply in ana.replies), "the answer", 40)
    assert [process.pid for process in linked.workers()] == [worker.pid]
    linked.cli("verify", "shop")


def _nothing_moves_a_cursor(shop: Shop) -> None:
    """Look for what a terminal would obey in all that the program writes."""
    obeyed = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
    shown = {
        "status": shop.cli("status", check=False).stdout,
        "logs": shop.cli("logs", check=False).stdout,
        "log file": (shop.data / "logs" / "wabot-tray.log").read_text(encoding="utf-8"),
        "console": shop.log(),
    }
    for what, text in shown.items():
        assert obeyed.search(text) is None, what
        assert "forged" not in text, what


@pytest.mark.skipif(sys.platform == "win32", reason="Unix sockets")
def test_program_serves_its_person_through_an_attack_on_its_socket(shop: Shop) -> None:
    shop.running()
    where = next(shop.runtime.glob("wabot-tray-*/control"))
    chance = random.Random(6)  # noqa: S311 - the same attack each time
    crowd: list[socket.socket] = []
    end = time.monotonic() + 6  # the passing of time is the fault
    answered = 0
    while time.monotonic() < end:
        caller = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        caller.setblocking(False)
        crowd.append(caller)
        with contextlib.suppress(OSError):
            caller.connect(str(where))
            caller.send(_attack(chance))
        while len(crowd) > 20:  # of 32 places; the others are open and silent
            crowd.pop(chance.randrange(len(crowd))).close()
        if chance.random() < 0.02:
            done = shop.cli("status", check=False)
            assert done.returncode in {0, 1}, done.stderr
            answered += 1
    assert answered > 1
    for caller in crowd:
        caller.close()
    assert shop.process is not None
    assert shop.process.poll() is None
    shop.cli("add", "after")
    assert "after" in shop.sessions()
    assert "Traceback" not in shop.log()
    shop.quit()
    assert shop.process.returncode == 0


def _attack(chance: random.Random) -> bytes:
    methods = ["hello", "status", "watch", "verify", "reconnect", "diagnose", "pair", "start"]
    line = json.dumps(
        {
            "v": 1,
            "id": chance.choice([1, -1, 10**20, None, "x"]),
            "method": chance.choice(methods),
            "params": {"id": chance.choice(["nobody", "../x", "", None, {}]), "wait_s": 1e999},
        }
    ).encode()
    return chance.choice(
        [
            line + b"\n",
            line[: chance.randrange(len(line))],
            b'{"v":1,"id":1,"method":"watch"}\n',
            chance.randbytes(200),
            b"[" * 60_000 + b"\n",
            b"x" * 150_000,
            b"\n" * 1000,
        ]
    )
