"""Faults that take their time."""

import contextlib
import time
from pathlib import Path

import pytest

from tests.simulator import (
    Mute,
    RunningSimulator,
)
from tests.simulator.bare_process import BareProcess, pair
from tests.simulator.connection import Connection

pytestmark = pytest.mark.e2e


def is_mute_hello(connection: Connection) -> bool:
    """Whether silence began there before anybody logged in; a TCP connection alone is not it."""
    return connection.number is None and connection.is_frozen


@pytest.mark.slow(45)
def test_silence_is_noticed_late_or_never(tmp_path: Path) -> None:
    """Four clients side by side: no test of its own for each, since each takes half a minute."""
    with RunningSimulator() as simulator, contextlib.ExitStack() as stack:
        phones = [simulator.add_phone(f"3460033300{n}") for n in range(4)]
        clients = []
        for number, phone in enumerate(phones):
            client = stack.enter_context(BareProcess(simulator, tmp_path / f"{number}.db"))
            pair(simulator, phone, client)
            clients.append(client)
        hole, mute_login, mute_hello, slow_hello = clients
        faults = simulator.faults

        faults.mute = Mute.BEFORE_SERVER_HELLO
        faults.cut(phones[2])
        simulator.wait_until(lambda: any(is_mute_hello(one) for one in simulator.connections))
        faults.mute = None

        faults.handshake_delay_s = 21
        began = time.monotonic()
        faults.cut(phones[3])
        slow_hello.wait_for("Disconnected")
        simulator.wait_until(lambda: simulator.stats.delayed_handshakes == 1)
        faults.handshake_delay_s = 0

        faults.of(phones[1]).is_login_mute = True
        faults.cut(phones[1])
        simulator.wait_until(lambda: simulator.stats.logins_of(phones[1].number, "mute"))
        faults.black_hole(phones[0])

        mute_hello.wait_for("Connected", 40)
        slow_hello.wait_for("Connected", 40)
        assert time.monotonic() - began > 19
        hole.wait_for("KeepAliveTimeout", 40)
        mute_login.wait_for("KeepAliveTimeout", 40)
        assert hole.names.count("Disconnected") == 0
        faults.clear()
        hole.do("passive")
        hole.wait_for("passive")
