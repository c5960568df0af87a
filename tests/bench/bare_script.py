"""What people write with neonize: every account in one process, each message echoed.

`python -m tests.bench.bare_script PORT ROOTKEYHEX DATABASE ...`

Codes are written to standard output as "QR number text"; it ends when its standard input does.
"""

import asyncio
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TextIO


def add_client(number: int, database: str, out: TextIO) -> Any:  # neonize has no types
    """Return a client that answers every message."""
    from neonize.aioze.client import NewAClient  # noqa: PLC0415  # loads the Go library
    from neonize.aioze.events import MessageEv  # noqa: PLC0415

    client = NewAClient(database)

    @client.event(MessageEv)  # type: ignore[untyped-decorator,unused-ignore]
    async def on_message(client: Any, message: Any) -> None:
        source = message.Info.MessageSource
        text = message.Message.conversation or message.Message.extendedTextMessage.text
        if not source.IsFromMe:
            await client.send_message(source.Chat, f"echo {text}")

    @client.event.qr  # type: ignore[untyped-decorator,unused-ignore]
    async def on_qr(_: Any, data: bytes) -> None:
        out.write(f"QR {number} {data.decode()}\n")
        out.flush()

    return client


async def run(port: int, root_key: str, databases: list[str], out: TextIO) -> None:
    """Answer until the process is killed."""
    from tests.simulator.redirect import redirect  # noqa: PLC0415

    clients = [add_client(number, name, out) for number, name in enumerate(databases)]
    redirect(port, bytes.fromhex(root_key))
    # Without this the seventh client never starts on two cores: each holds a thread.
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(2 * len(clients) + 8))
    for client in clients:
        await client.connect()
    await asyncio.Event().wait()


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)  # a pairing that was given up leaves a thread that never ends


if __name__ == "__main__":
    threading.Thread(target=_end_with_input, daemon=True).start()
    ours = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # the library prints
    import pylibmagic  # noqa: F401  # must come before neonize

    asyncio.run(run(int(sys.argv[1]), sys.argv[2], sys.argv[3:], ours))
