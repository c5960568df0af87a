"""A bare neonize that echoes, without our program around it.

`python -m tests.simulator.bare_client PORT ROOTKEYHEX DATABASE [--quiet-s S]`

Writes what happens as JSON lines ({"event": ..., "at": time.monotonic(), ...}) and reads
commands as JSON lines: {"do": "echo", "on": true}, {"do": "passive"}, {"do": "send", "to": number,
"text": ...}, {"do": "status"}, {"do": "logout"},
{"do": "code", "number": ..., "os": ...}. It ends, by os._exit, when its input does.
Start it with NEONIZE_BOT_TAG=off in the environment: the Go library looks at the environment of the
start of the process.
"""

import argparse
import asyncio
import ctypes
import json
import logging
import os
import sys
import threading
import time
from collections import defaultdict
from types import SimpleNamespace
from typing import Any, TextIO

_SEND_TIMEOUT_S = 90.0


def _take_stdout() -> TextIO:
    """Return the output for our lines; the library's own go to the error output from now on."""
    ours = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return ours


class BareClient:
    """One neonize client and its JSON lines."""

    def __init__(self, out: TextIO, database: str, quiet_s: float) -> None:
        from neonize.aioze.client import NewAClient  # noqa: PLC0415  # loads the Go library

        self._out = out
        self._quiet_s = quiet_s
        self._is_echoing = True
        self._waiting: defaultdict[str, list[Any]] = defaultdict(list)
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.client = NewAClient(database)
        self.client._NewAClient__onLoginStatus = self._on_login_status
        self._subscribe()

    def say(self, event: str, **details: object) -> None:
        """Write one line."""
        line = json.dumps({"event": event, "at": time.monotonic(), **details})
        self._out.write(line + "\n")

    def _on_login_status(self, _: int, status: int) -> None:
        self.say("login-status", status=(ctypes.string_at(status) or b"").decode())

    def _subscribe(self) -> None:
        """Subscribe to every event: those nobody subscribes to are dropped in silence."""
        from neonize.events import INT_TO_EVENT  # noqa: PLC0415

        self.client.event.qr(self._on_qr)
        for code, kind in INT_TO_EVENT.items():
            self.client.event.list_func[code] = self._handler(kind.__name__)

    def _handler(self, name: str) -> Any:  # neonize has no types
        async def on_event(_: object, event: Any) -> None:
            if name == "Message":
                self._on_message(event)
            else:
                self.say(name, text=str(event)[:1000])

        return on_event

    async def _on_qr(self, _: object, data: bytes) -> None:
        self.say("qr", text=data.decode())

    def _on_message(self, event: Any) -> None:
        source = event.Info.MessageSource
        text = event.Message.conversation or event.Message.extendedTextMessage.text
        self.say(
            "Message",
            id=event.Info.ID,
            t=event.Info.Timestamp,
            text=text,
            chat=f"{source.Chat.User}@{source.Chat.Server}",
            is_from_me=source.IsFromMe,
        )
        if not self._is_echoing or source.IsFromMe:
            return
        chat = source.Chat.User
        self._waiting[chat].append((source.Chat, text))
        if timer := self._timers.pop(chat, None):
            timer.cancel()
        loop = asyncio.get_running_loop()
        self._timers[chat] = loop.call_later(self._quiet_s, self._start_reply, chat)

    def _start_reply(self, chat: str) -> None:
        self._run(self._reply(self._waiting.pop(chat, [])))

    async def _reply(self, messages: list[Any]) -> None:
        for chat, text in messages:
            await self._send(chat, f"echo {text}")

    async def _send(self, to: Any, text: str) -> None:
        from neonize.proto.waE2E.WAWebProtobufsE2E_pb2 import Message  # noqa: PLC0415

        try:
            message = Message(conversation=text)
            sent = await asyncio.wait_for(self.client.send_message(to, message), _SEND_TIMEOUT_S)
        except Exception as err:  # noqa: BLE001  # neonize's errors have no common base
            self.say("send-error", text=str(err))
        else:
            self.say("sent", id=sent.ID, text=text)

    async def connect(self) -> None:
        """Connect, and say what becomes of the task that neonize leaves behind."""
        self.say("connecting")
        task = await self.client.connect()
        task.add_done_callback(self._on_end)

    def _on_end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self.say("task-ended", error=str(task.exception() or ""))

    def obey(self, command: dict[str, Any]) -> None:
        """Do what a line of the input says."""
        match command["do"]:
            case "echo":
                self._is_echoing = bool(command["on"])
            case "passive":
                self._run(self._go_round())
            case "send":
                self._run(self._send(command["to"], command["text"]))
            case "logout":
                self._run(self._log_out())
            case "status":
                self._run(self._tell_status())
            case "code":
                self._run(self._ask_code(command["number"], command.get("os", "Linux")))
            case unknown:
                self.say("unknown", command=unknown)

    async def _go_round(self) -> None:
        began = time.monotonic()
        try:
            await self.client.set_passive(False)
        except Exception as err:  # noqa: BLE001
            self.say("passive-error", text=str(err))
        else:
            self.say("passive", took_s=time.monotonic() - began)

    async def _log_out(self) -> None:
        try:
            await self.client.logout()
        except Exception as err:  # noqa: BLE001  # neonize's errors have no common base
            self.say("logout-error", text=str(err))
        else:
            self.say("logged-out")

    async def _ask_code(self, number: str, system: str) -> None:
        from neonize.utils.enum import ClientType  # noqa: PLC0415

        name = SimpleNamespace(name=system)
        try:
            code = await self.client.PairPhone(number, True, name, ClientType.CHROME)
        except Exception as err:  # noqa: BLE001  # neonize's errors have no common base
            self.say("code-error", text=str(err))
        else:
            self.say("code", text=code)

    async def _tell_status(self) -> None:
        self.say("status", connected=await self.client.is_connected())

    def _run(self, coroutine: Any) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _follow_input(client: BareClient, loop: asyncio.AbstractEventLoop) -> None:
    for line in sys.stdin:
        loop.call_soon_threadsafe(client.obey, json.loads(line))
    os._exit(0)  # a client that hangs in a dial, or has shown a QR code, does not end otherwise


async def run(arguments: argparse.Namespace, out: TextIO) -> None:
    """Echo until the input ends."""
    from tests.simulator.redirect import redirect  # noqa: PLC0415

    client = BareClient(out, arguments.database, arguments.quiet_s)
    redirect(arguments.port, bytes.fromhex(arguments.root_key))
    loop = asyncio.get_running_loop()
    threading.Thread(target=_follow_input, args=(client, loop), daemon=True).start()
    await client.connect()
    await asyncio.Event().wait()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("root_key")
    parser.add_argument("database")
    parser.add_argument("--quiet-s", type=float, default=0.0)
    out = _take_stdout()
    import pylibmagic  # noqa: F401, PLC0415  # must come before neonize

    logging.getLogger("neonize.utils.log").setLevel(logging.WARNING)
    asyncio.run(run(parser.parse_args(), out))


if __name__ == "__main__":
    main()
