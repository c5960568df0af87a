"""Faults of the process that workers are forked from."""

import psutil

from tests.e2e.matrix import Fault, Scene

NURSERY: str = "wabot-nursery"


def nursery_of(scene: Scene) -> psutil.Process:
    """Return the process the shop's workers are forked from."""
    (found,) = [process for process in scene.shop.family() if process.name() == NURSERY]
    return found


def killed(scene: Scene) -> None:
    """Nobody notices, until a worker has to be started: a new nursery does that."""
    nursery, worker = nursery_of(scene), scene.worker()
    scene.begins()
    nursery.kill()
    scene.waits(lambda: nursery not in scene.shop.family(), 10)
    scene.answers_on_the_books()
    assert scene.worker() == worker
    began = scene.begins()
    worker.kill()
    scene.took(scene.recovers(after=scene.sees("waiting")) - began)
    assert scene.worker().ppid() == nursery_of(scene).pid


def hung(scene: Scene) -> None:
    """A nursery that does not answer is given up after 5 s, and another one started."""
    nursery = nursery_of(scene)
    nursery.suspend()
    began = scene.begins()
    scene.worker().kill()
    scene.took(scene.recovers(after=scene.sees("waiting")) - began)
    assert not nursery.is_running()
    assert scene.worker().ppid() == nursery_of(scene).pid


FAULTS = [
    Fault(
        "nursery-killed",
        "processes",
        "The process that workers are forked from is killed, then a worker",
        killed,
        goal_s=5.0,
    ),
    Fault(
        "nursery-hung",
        "processes",
        "The process that workers are forked from hangs, and a worker is killed",
        hung,
        goal_s=15.0,
        slow=15,
    ),
]
