"""The faults of the soak: what each does, how long it holds, and what has to come after it."""

import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import psutil

from tests.e2e.harness import Shop
from tests.simulator.faults import Cut, Failure, Mute
from tests.simulator.phone import Phone
from tests.simulator.running import RunningSimulator

# Five crashes of one worker in ten minutes need a person; the soak has none.
MOST_KILLS: Final = 3
KILL_WINDOW_S: Final = 620.0


@dataclass(frozen=True, slots=True)
class Scene:
    """Whom a fault happens to. `phones` are those concerned: one, or all of them.

    Args:
        simulator: The server.
        shop: The computer.
        phones: By account.
        random: What leaves a choice to chance asks this.
    """

    simulator: RunningSimulator
    shop: Shop
    phones: dict[str, Phone]
    random: random.Random

    @property
    def account(self) -> str:
        """The account a fault of one account happens to."""
        (account,) = self.phones
        return account

    @property
    def phone(self) -> Phone:
        """Its phone."""
        return self.phones[self.account]


def _nothing(scene: Scene) -> None:
    del scene


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One kind of fault.

    Args:
        name: How the report calls it.
        begin: Makes it.
        end: Ends what holds.
        hold_s: Between which times it holds; (0, 0) is over at once.
        until_noticed: It holds until the account is no longer shown as connected.
        ends_link: The accounts concerned lose their links and have to come back.
        is_outage: While it holds, WhatsApp itself cannot be reached or lets nobody in.
        kills: A worker may be killed, by this or by the program that gives it up.
    """

    name: str
    begin: Callable[[Scene], None]
    end: Callable[[Scene], None] = _nothing
    hold_s: tuple[float, float] = (0.0, 0.0)
    until_noticed: bool = False
    ends_link: bool = True
    is_outage: bool = False
    kills: bool = False


class FaultNotPossibleError(Exception):
    """There is nothing it could happen to just now."""


def worker_of(shop: Shop, account: str) -> psutil.Process | None:
    """Return the worker that has this account's live file open."""
    for process in shop.workers():
        with contextlib.suppress(psutil.Error):
            if any(f"/live/{account}/" in opened.path for opened in process.open_files()):
                return process
    return None


def _worker(scene: Scene) -> psutil.Process:
    worker = worker_of(scene.shop, scene.account)
    if worker is None:
        raise FaultNotPossibleError("no worker")
    return worker


# --- one account ---------------------------------------------------------------------------------


def _cut(how: Cut, scene: Scene) -> None:
    scene.simulator.faults.cut(scene.phone, how)


def _stream_error(code: int, scene: Scene) -> None:
    scene.simulator.faults.stream_error(code, scene.phone)


def _black_hole(scene: Scene) -> None:
    scene.simulator.faults.black_hole(scene.phone)


def _refuse_login(reason: int, scene: Scene) -> None:
    scene.simulator.faults.of(scene.phone).login_failure = Failure(reason)
    scene.simulator.faults.cut(scene.phone)


def _allow_login(scene: Scene) -> None:
    scene.simulator.faults.of(scene.phone).login_failure = None


def _delay_acks(scene: Scene) -> None:
    scene.simulator.faults.of(scene.phone).ack_delay_ms = scene.random.randrange(200, 1500)


def _hurry_acks(scene: Scene) -> None:
    scene.simulator.faults.of(scene.phone).ack_delay_ms = 0


def _zombie(is_zombie: bool, scene: Scene) -> None:
    scene.simulator.faults.of(scene.phone).is_zombie = is_zombie


def _kill(scene: Scene) -> None:
    _worker(scene).kill()


def _stop(scene: Scene) -> None:
    _worker(scene).suspend()


def _reconnect(scene: Scene) -> None:
    if scene.shop.cli("reconnect", scene.account, check=False).returncode != 0:
        raise FaultNotPossibleError("the program did not take it")


# Those the library repairs by itself come first: they leave the worker alone.
LINK_FAULTS: Final = (
    Fault(name="cut (FIN)", begin=partial(_cut, "fin")),
    Fault(name="cut (RST)", begin=partial(_cut, "rst")),
    Fault(name="cut (WebSocket close)", begin=partial(_cut, "ws")),
    Fault(name="stream error 503", begin=partial(_stream_error, 503)),
    Fault(name="stream error 516", begin=partial(_stream_error, 516)),
    Fault(
        name="slow acknowledgements",
        begin=_delay_acks,
        end=_hurry_acks,
        hold_s=(5, 20),
        ends_link=False,
    ),
)
KILL: Final = Fault(name="worker killed (SIGKILL)", begin=_kill, kills=True)
ACCOUNT_FAULTS: Final = (
    *LINK_FAULTS,
    KILL,
    Fault(name="black hole", begin=_black_hole, kills=True),
    Fault(
        name="login answered 500",
        begin=partial(_refuse_login, 500),
        end=_allow_login,
        hold_s=(3, 15),
        is_outage=True,
    ),
    Fault(
        name="login answered 503",
        begin=partial(_refuse_login, 503),
        end=_allow_login,
        hold_s=(3, 15),
        is_outage=True,
    ),
    Fault(
        name="zombie (only pings answered)",
        begin=partial(_zombie, True),
        end=partial(_zombie, False),
        until_noticed=True,
        kills=True,
    ),
    Fault(name="worker stopped (SIGSTOP)", begin=_stop, kills=True),
    Fault(name="`wabot reconnect`", begin=_reconnect),
)


# --- everybody -----------------------------------------------------------------------------------


def _refuse(scene: Scene) -> None:
    scene.simulator.faults.refuse()
    scene.simulator.faults.cut()


def _accept(scene: Scene) -> None:
    scene.simulator.faults.accept()


def _http_503(scene: Scene) -> None:
    scene.simulator.faults.http_status = 503
    scene.simulator.faults.cut()


def _http_well(scene: Scene) -> None:
    scene.simulator.faults.http_status = None


def _mute(mute: Mute, scene: Scene) -> None:
    scene.simulator.faults.mute = mute
    scene.simulator.faults.cut()


def _speak(scene: Scene) -> None:
    scene.simulator.faults.mute = None


def _kill_main(scene: Scene) -> None:
    scene.shop.kill_main()
    scene.shop.start()


def _quit_and_start(scene: Scene) -> None:
    scene.shop.quit()
    scene.shop.start()


COMMON_FAULTS: Final = (
    Fault(name="port refused", begin=_refuse, end=_accept, hold_s=(4, 40), is_outage=True),
    Fault(name="HTTP 503", begin=_http_503, end=_http_well, hold_s=(4, 30), is_outage=True),
    *(
        Fault(
            name=f"mute {mute.value.replace('-', ' ')}",
            begin=partial(_mute, mute),
            end=_speak,
            hold_s=(4, 25),
            is_outage=True,
            kills=True,
        )
        for mute in Mute
    ),
)
RESTARTS: Final = (
    Fault(name="program killed (SIGKILL), started again", begin=_kill_main, kills=True),
    Fault(name="program quit, started again", begin=_quit_and_start),
)
