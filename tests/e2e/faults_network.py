"""Faults of the network: links that break, fall silent, or cannot be made."""

import time
from collections.abc import Callable
from typing import Final

from tests.e2e.matrix import VICTIM, Fault, Scene
from tests.e2e.special_shops import BlindShop, NamesShop, ProxiedShop
from tests.simulator.faults import Cut, Mute
from tests.simulator.proxy import ProxyMood

NETWORK_BACK_S: Final = 5.0
SILENCE_S: Final = 45.0


def cut(how: Cut) -> Callable[[Scene], None]:
    """The library repairs it by itself; nobody is restarted."""

    def play(scene: Scene) -> None:
        worker = scene.worker()
        began = scene.begins()
        scene.simulator.faults.cut(scene.phone, how)
        back = scene.recovers(after=scene.sees("reconnecting", "link-lost"))
        scene.took(back - began)
        assert scene.worker() == worker

    return play


def refused_for(seconds: float) -> Callable[[Scene], None]:
    """The port is closed, then open: our own look at the door notices, where it is let out."""

    def play(scene: Scene) -> None:
        scene.begins()
        scene.simulator.faults.refuse()
        scene.simulator.faults.cut(scene.phone)
        scene.sees("waiting", within_s=60)
        scene.lasts(seconds, sample_s=25)
        back_at = time.monotonic()
        scene.simulator.faults.accept()
        scene.took(scene.recovers(after=back_at, within_s=160) - back_at)

    return play


def http_status(status: int) -> Callable[[Scene], None]:
    """The door is open and says no; only the back-off helps, and it must not storm."""

    def play(scene: Scene) -> None:
        scene.begins()
        scene.simulator.faults.http_status = status
        scene.simulator.faults.cut(scene.phone)
        scene.sees("waiting", within_s=60)
        dials = len(scene.simulator.stats.dials)
        time.sleep(20)  # the fault itself
        # The look at the door dials too; a dial of a worker is a look that goes on.
        scene.notes(
            f"{len(scene.simulator.stats.dials) - dials} connections in 20 s, looks included"
        )
        well_at = time.monotonic()
        scene.simulator.faults.http_status = None
        scene.took(scene.recovers(after=well_at, within_s=100) - well_at)

    return play


def offline_at_start(scene: Scene) -> None:
    """neonize does not try again by itself when its first connection fails."""
    scene.shop.quit()
    scene.simulator.faults.refuse()
    scene.shop.running()
    scene.begins()
    scene.sees("waiting", "dial-failed", after=0.0)
    time.sleep(8)  # long enough for the back-off to be longer than the goal
    back_at = time.monotonic()
    scene.simulator.faults.accept()
    scene.took(scene.recovers(after=back_at) - back_at)


def offline_while_linking(scene: Scene) -> None:
    """Linking a phone without a network is said at once, and works when it is tried again."""
    scene.shop.running().cli("add", VICTIM)
    scene.simulator.faults.refuse()
    began = scene.begins()
    done = scene.shop.cli("pair", VICTIM, "--json", check=False)
    assert '"reason": "pairing-no-network"' in done.stdout
    scene.took(scene.sees("logged-out", "pairing-no-network") - began)
    scene.simulator.faults.accept()
    scene.shop.pair(scene.phone)
    scene.answers()


def black_hole(scene: Scene) -> None:
    began = scene.begins()
    scene.simulator.faults.black_hole(scene.phone)
    lost = scene.sees("reconnecting", "keepalive-timeout", within_s=90)
    scene.took(scene.recovers(after=lost) - began)


def healing_black_hole(scene: Scene) -> None:
    """A silence shorter than the library's patience costs nothing but the silence."""
    worker = scene.worker()
    scene.begins()
    scene.simulator.faults.black_hole(scene.phone)
    scene.ana.send(scene.phone, "question into the hole")
    time.sleep(8)  # the fault itself; the library gives a ping 10 s
    assert scene.ana.replies[-1].text != "answer to: question into the hole"
    healed = time.monotonic()
    scene.simulator.faults.heal(scene.phone)
    scene.waits(
        lambda: scene.ana.replies[-1].text == "answer to: question into the hole", within_s=20
    )
    scene.took(scene.ana.replies[-1].at - healed)
    assert scene.session()["state"] == "connected"
    assert scene.worker() == worker
    scene.answers()


def mute(where: Mute) -> Callable[[Scene], None]:
    """The library's redial falls silent; the server is well again when the repair begins."""

    def play(scene: Scene) -> None:
        scene.simulator.faults.mute = where
        began = scene.begins()
        scene.simulator.faults.cut(scene.phone)
        scene.sees("connecting", within_s=60)
        scene.simulator.faults.mute = None
        scene.took(scene.recovers() - began)

    return play


def mute_first_dial(scene: Scene) -> None:
    """At the start nothing has failed yet: the deadline of the first login alone helps."""
    scene.shop.quit()
    scene.simulator.faults.mute = Mute.BEFORE_UPGRADE
    scene.shop.running()
    scene.waits(scene.is_dialling, 20)
    began = scene.begins()
    scene.simulator.faults.mute = None  # the dial hangs all the same
    scene.took(scene.recovers() - began)


def slow_handshake(scene: Scene) -> None:
    """The library gives up after 20 s; ours after 30, and then as often as the back-off says."""
    scene.simulator.faults.handshake_delay_s = 25
    scene.begins()
    scene.simulator.faults.cut(scene.phone)
    scene.sees("connecting", within_s=60)
    scene.waits(lambda: scene.simulator.stats.delayed_handshakes >= 2, 60)
    well_at = time.monotonic()
    scene.simulator.faults.handshake_delay_s = 0
    scene.took(scene.recovers(after=well_at) - well_at)


def back_during_a_hanging_dial(scene: Scene) -> None:
    """A dial made while the network was away may hang for ever; its return does not wait for it."""
    scene.begins()
    scene.simulator.faults.mute = Mute.BEFORE_UPGRADE
    scene.simulator.faults.cut(scene.phone)
    scene.sees("connecting", within_s=60)  # hangs in its dial from here on
    scene.waits(scene.is_dialling, 20)
    scene.simulator.faults.refuse()
    scene.waits(lambda: "WhatsApp cannot be reached" in scene.shop.log(), 20)
    time.sleep(3)  # the dial grows old
    back_at = time.monotonic()
    scene.simulator.faults.mute = None
    scene.simulator.faults.accept()
    scene.took(scene.recovers(after=back_at) - back_at)


def names_lost(how: str) -> Callable[[Scene], None]:
    """Nothing has an address any more, and then again."""

    def play(scene: Scene) -> None:
        assert isinstance(scene.shop, NamesShop)
        scene.begins()
        scene.shop.set_names(how)
        scene.simulator.faults.refuse()
        scene.simulator.faults.cut(scene.phone)
        scene.sees("waiting", "dial-failed", within_s=100)
        scene.simulator.faults.accept()  # what keeps them away now is the name alone
        scene.lasts(45, sample_s=15)
        assert scene.session()["state"] != "connected"
        back_at = time.monotonic()
        scene.shop.set_names("")
        scene.took(scene.recovers(after=back_at) - back_at)

    return play


def behind_a_proxy(mood: ProxyMood, seconds: float) -> Callable[[Scene], None]:
    """The library and our look at the door both take the way through it."""

    def play(scene: Scene) -> None:
        assert isinstance(scene.shop, ProxiedShop)
        proxy = scene.shop.proxy
        assert proxy is not None
        assert proxy.connects
        began = scene.begins()
        proxy.mood = mood
        scene.simulator.faults.cut()
        if mood is ProxyMood.MUTE:
            scene.sees("connecting", within_s=60)
        else:
            scene.sees("waiting", "proxy-closed", within_s=60)
            time.sleep(seconds)  # the fault itself
            began = time.monotonic()
        proxy.mood = ProxyMood.OPEN
        scene.took(scene.recovers(after=began) - began)

    return play


def quit_without_names(scene: Scene) -> None:
    """A question to a resolver that does not answer is nothing to wait for."""
    assert isinstance(scene.shop, NamesShop)
    scene.begins()
    scene.shop.set_names("hangs")
    scene.simulator.faults.refuse()
    scene.simulator.faults.cut()
    scene.sees("waiting", "dial-failed", within_s=100)
    scene.stop_following()
    began = time.monotonic()
    scene.shop.quit()
    scene.took(time.monotonic() - began)
    assert not scene.shop.family()


FAULTS: Final = [
    Fault("cut-fin", "network", "The connection is closed (FIN).", cut("fin"), goal_s=1),
    Fault("cut-rst", "network", "The connection is reset (RST).", cut("rst"), goal_s=1),
    Fault("cut-ws", "network", "The WebSocket is closed.", cut("ws"), goal_s=1),
    Fault(
        "refused", "network", "No connection for a minute, then the network is back.",
        refused_for(60), goal_s=NETWORK_BACK_S, slow=50,
    ),
    Fault(
        "refused-unseen", "network", "The same, and a firewall hides its return from our looks.",
        refused_for(60), goal="the back-off, ≤ 75 s", goal_s=75, slow=80, make_shop=BlindShop,
    ),
    Fault(
        "http-503", "network", "WhatsApp's door answers HTTP 503 for a while, then is well again.",
        http_status(503), goal="the back-off, ≤ 75 s", goal_s=75, slow=50,
    ),
    Fault(
        "http-404", "network", "The same with HTTP 404.",
        http_status(404), goal="the back-off, ≤ 75 s", goal_s=75, slow=70,
    ),
    Fault(
        "offline-at-start", "network", "No network when the program starts, then it comes.",
        offline_at_start, goal_s=NETWORK_BACK_S, everyone=True, slow=15,
    ),
    Fault(
        "offline-while-linking", "network", "No network while a phone is being linked.",
        offline_while_linking, goal_s=2, everyone=True, prepare=lambda _: None,
    ),
    Fault(
        "proxy-mute", "network", "A proxy (HTTPS_PROXY) takes a CONNECT and says nothing.",
        behind_a_proxy(ProxyMood.MUTE, 0), goal_s=SILENCE_S, slow=30, everyone=True,
        make_shop=ProxiedShop,
    ),
    Fault(
        "proxy-refusing", "network", "A proxy has no network for 30 s, then has it again.",
        behind_a_proxy(ProxyMood.REFUSING, 30), goal_s=NETWORK_BACK_S, slow=60, everyone=True,
        make_shop=ProxiedShop,
    ),
    Fault(
        "names-gone", "network", "Names cannot be resolved for a minute: an error at once.",
        names_lost("gone"), goal_s=NETWORK_BACK_S, slow=40, make_shop=NamesShop,
    ),
    Fault(
        "names-hang", "network", "The same, and the resolver does not even answer.",
        names_lost("hangs"), goal_s=NETWORK_BACK_S, slow=40, make_shop=NamesShop,
    ),
    Fault(
        "quit-without-names", "network", "The program is quit while the resolver hangs.",
        quit_without_names, goal="gone ≤ 5 s", goal_s=5, slow=20, everyone=True,
        make_shop=NamesShop,
    ),
    Fault(
        "black-hole", "network", "An open link falls silent for good.",
        black_hole, goal_s=SILENCE_S, slow=50,
    ),
    Fault(
        "black-hole-heals", "network", "An open link is silent for 8 s: a question waits.",
        healing_black_hole, goal="answered ≤ 2 s later, no restart", goal_s=2, slow=10,
    ),
    Fault(
        "mute-before-upgrade", "network", "A redial is accepted, then silence, before HTTP 101.",
        mute(Mute.BEFORE_UPGRADE), goal_s=SILENCE_S, slow=30,
    ),
    Fault(
        "mute-after-upgrade", "network", "The same after HTTP 101, in the handshake.",
        mute(Mute.BEFORE_SERVER_HELLO), goal_s=SILENCE_S, slow=30,
    ),
    Fault(
        "login-unanswered", "network", "A login is never answered.",
        mute(Mute.BEFORE_SUCCESS), goal_s=SILENCE_S, slow=30,
    ),
    Fault(
        "mute-first-dial", "network", "The very first dial hangs, at the program's start.",
        mute_first_dial, goal_s=SILENCE_S, slow=50, everyone=True,
    ),
    Fault(
        "slow-handshake", "network", "Handshakes take 25 s, then are quick again.",
        slow_handshake, goal="≤ 75 s after it is well", goal_s=75, slow=50,
    ),
    Fault(
        "back-during-dial", "network", "The network returns while a dial hangs.",
        back_during_a_hanging_dial, goal_s=NETWORK_BACK_S, slow=30,
    ),
]  # fmt: skip
