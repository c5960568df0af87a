"""Says which messages the inboxes of a data folder hold, once its program has ended.

Reads {"account": [["chat", "message id"], ...]} from standard input and writes the ids that are
kept as a JSON list. Runs in the environment of the program, whose keyring it asks.
"""

import asyncio
import json
import sys
from datetime import UTC, datetime

from wabot_tray.bot.answering import INBOX_NAME
from wabot_tray.core.messages import IncomingMessage
from wabot_tray.storage.account_keys import AccountKeys
from wabot_tray.storage.inbox import Inbox
from wabot_tray.storage.keyring import KeyringKeys
from wabot_tray.system.paths import find_paths


async def known(asked: dict[str, list[tuple[str, str]]]) -> list[str]:
    """Return the ids of those messages that an inbox holds."""
    paths = find_paths()
    keys = AccountKeys(KeyringKeys(paths), paths)
    found = []
    for account, messages in asked.items():
        inbox = Inbox(paths.session(account) / INBOX_NAME, await keys.data_key(account))
        by_tag = {inbox.tag(message): message for message in map(_message, messages)}
        found += [by_tag[tag].message_id for tag in inbox.known(list(by_tag.values()))]
        inbox.close()
    return found


def _message(name: tuple[str, str]) -> IncomingMessage:
    chat, message_id = name
    return IncomingMessage(
        chat=chat,
        message_id=message_id,
        sender_phone="",
        sender_name="",
        text="",
        sent_at=datetime.now(UTC),
    )


if __name__ == "__main__":
    json.dump(asyncio.run(known(json.load(sys.stdin))), sys.stdout)
