"""The tray in a process of its own, over a fake manager that the test moves by lines of JSON.

Reads `{"account-0": ["connected", "logged-in"]}`, or `{"account-1": null}` to remove it, and
`{"language": "es"}` to speak otherwise, on stdin;
writes `{"call": [...]}` for what the manager was asked, `{"said": "..."}` for what was answered to
a click, `{"wanted": "..."}` for windows, `{"present": true}` for panels.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from PySide6.QtWidgets import QApplication
from qasync import QEventLoop

from tests.gui.fake_manager import FakeManager
from tests.gui.scenes import account
from wabot_tray.core.reasons import Reason
from wabot_tray.core.settings import Settings
from wabot_tray.core.states import SessionState
from wabot_tray.gui.actions import AccountActions
from wabot_tray.gui.app import make_application
from wabot_tray.gui.bridge import ManagerBridge
from wabot_tray.gui.tray import Tray
from wabot_tray.gui.traymenu import TrayMenu
from wabot_tray.system.i18n import set_language


class SayingManager(FakeManager):
    """Says each call aloud."""

    def _called(self, *call: str) -> None:
        say(call=call)
        super()._called(*call)


def say(**fact: Any) -> None:
    print(json.dumps(fact), flush=True)


async def live(app: QApplication) -> None:
    manager = SayingManager(account(SessionState.CONNECTED), account(SessionState.CONNECTED, 1))
    bridge, actions = ManagerBridge(manager), AccountActions(manager)
    menu = TrayMenu(bridge, actions, None)
    tray = Tray(bridge, menu, clock=manager.time.clock)
    actions.told.connect(lambda text, _tone: say(said=text))
    actions.pairing_wanted.connect(lambda account_id: say(wanted=f"pair {account_id}"))
    tray.dashboard_wanted.connect(lambda: say(wanted="dashboard"))
    menu.dashboard_wanted.connect(lambda: say(wanted="dashboard"))
    tray.presence_changed.connect(lambda present: say(present=present))
    say(present=tray.is_present)
    over = asyncio.Event()
    menu.quit_wanted.connect(over.set)

    def speak(language: str) -> None:
        set_language(language)
        tray.use_menu(TrayMenu(bridge, actions, None))
        tray.menu.dashboard_wanted.connect(lambda: say(wanted="dashboard"))

    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), obey, manager, over, speak)
    await over.wait()
    asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
    tray.close()
    bridge.close()
    await actions.jobs.close()
    app.processEvents()


def obey(manager: FakeManager, over: asyncio.Event, speak: Callable[[str], None]) -> None:
    # Whole lines at a time: the test writes less than a pipe takes in one piece.
    text = os.read(sys.stdin.fileno(), 65536).decode()
    if not text:
        over.set()
    for line in text.splitlines():
        wish = json.loads(line)
        if "language" in wish:
            speak(wish["language"])
        else:
            move(manager, wish)


def move(manager: FakeManager, changes: dict[str, Any]) -> None:
    for account_id, change in changes.items():
        if change is None:
            asyncio.get_running_loop().create_task(manager.remove(account_id))
        elif account_id not in {s.id for s in manager.snapshots()}:
            manager.add(account_id, account_id.upper())
        else:
            state, reason = change
            manager.change(account_id, state=SessionState(state), reason=Reason(reason))


if __name__ == "__main__":
    set_language("en")
    application = make_application(Settings())
    with QEventLoop(application) as loop:
        loop.run_until_complete(live(application))
