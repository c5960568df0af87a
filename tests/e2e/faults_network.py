"""Faults of the network: links that break, fall silent, or cannot be made."""

from collections.abc import Callable
from typing import Final

from tests.e2e.matrix import Fault, Scene
from tests.simulator.faults import Cut


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


FAULTS: Final = [
    Fault("cut-fin", "network", "The connection is closed (FIN).", cut("fin"), goal_s=1),
    Fault("cut-rst", "network", "The connection is reset (RST).", cut("rst"), goal_s=1),
    Fault("cut-ws", "network", "The WebSocket is closed.", cut("ws"), goal_s=1),
]
