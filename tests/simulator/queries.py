"""Answers to the questions (iq) of a companion that is logged in."""

from collections.abc import Callable
from typing import Final, Protocol

from tests.simulator import messages
from tests.simulator.companion import Companion
from tests.simulator.nodes import SERVER, Attrs, Jid, Node
from tests.simulator.people import Person
from tests.simulator.phone import Phone
from tests.simulator.stats import Stats


class Registry(Protocol):
    """Who there is."""

    stats: Stats

    def find(self, user: str) -> Person | None:
        """Return the account with this number or LID."""


Answer = Callable[[Registry, Companion, Node], list[Node]]


def answer(registry: Registry, companion: Companion, query: Node) -> Node:
    """Return the answer to `query`; an empty result where nothing is known about it."""
    key = (query.text("xmlns"), query.text("type"))
    content = _ANSWERS[key](registry, companion, query) if key in _ANSWERS else []
    attrs: Attrs = {"from": query.jid("to") or SERVER, "type": "result", "id": query.text("id")}
    return Node("iq", attrs, content or None)


def _ping(registry: Registry, companion: Companion, _: Node) -> list[Node]:
    registry.stats.pings[companion.owner.pn.user] += 1
    return []


def _activate(registry: Registry, companion: Companion, query: Node) -> list[Node]:
    if query.child("active"):
        registry.stats.passive_round_trips[companion.owner.pn.user] += 1
    return []


def _get_keys(registry: Registry, companion: Companion, query: Node) -> list[Node]:
    if (wanted := query.child("key")) is None:
        return [Node("count", {"value": str(companion.one_time_keys)})]
    users = [jid for user in wanted.all("user") if (jid := user.jid("jid"))]
    return [Node("list", content=[_keys_of(registry, jid) for jid in users])]


def _keys_of(registry: Registry, jid: Jid) -> Node:
    person = registry.find(jid.user)
    device = person.companion(jid.device) if isinstance(person, Phone) else None
    if jid.device:
        bundle = device.take_bundle() if device else None
    else:
        bundle = person.bundle() if person else None
    if bundle is None:
        error = Node("error", {"code": "404", "text": "item-not-found"})
        return Node("user", {"jid": jid}, [error])
    registration = messages.registration_bytes(bundle.registration_id)
    content = [Node("registration", content=registration), *messages.key_nodes(bundle)]
    return Node("user", {"jid": jid}, content)


def _set_keys(registry: Registry, companion: Companion, query: Node) -> list[Node]:
    companion.store_keys(query)
    registry.stats.prekey_uploads[companion.owner.pn.user] += 1
    return []


def _look_up(registry: Registry, _: Companion, query: Node) -> list[Node]:
    usync = query.child("usync")
    users = usync.child("list") if usync else None
    found = [_user(registry, user) for user in users.all("user")] if users else []
    return [Node("usync", content=[Node("list", content=found)])]


def _user(registry: Registry, asked: Node) -> Node:
    jid, contact = asked.jid("jid"), asked.child("contact")
    number = contact.data.decode().lstrip("+") if contact else ""
    person = registry.find(jid.user if jid else number)
    if person is None:
        return Node("user", {"jid": jid or Jid(number)}, [Node("contact", {"type": "out"})])
    ids = [0, *(companion.device for companion in person.companions)]
    devices = [Node("device", {"id": str(device)}) for device in ids]
    content = [
        Node("devices", content=[Node("device-list", content=devices)]),
        Node("lid", {"val": person.lid}),
    ]
    if contact:
        content.append(Node("contact", {"type": "in"}, contact.content))
    return Node("user", {"jid": jid or person.pn}, content)


_ANSWERS: Final[dict[tuple[str, str], Answer]] = {
    ("w:p", "get"): _ping,
    ("passive", "set"): _activate,
    ("encrypt", "get"): _get_keys,
    ("encrypt", "set"): _set_keys,
    ("usync", "get"): _look_up,
}
