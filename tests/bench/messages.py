"""From a customer's message to the bot's reply, at the server."""

import time
from collections.abc import Sequence
from typing import Final

from tests.bench.figures import Figure, quantile
from tests.bench.stage import BareShop, OurShop
from tests.simulator.people import Customer
from tests.simulator.phone import Phone
from tests.simulator.running import RunningSimulator
from wabot_tray.core.settings import Settings

QUIET_S: Final = Settings().quiet_s
_CUSTOMERS: Final = 16
# Between two messages of different customers. One at a time is under way: a reply leaves halfway
# between two messages, not together with one.
_GAP_S: Final = QUIET_S / 12.5


def replies(
    simulator: RunningSimulator, ours: OurShop, bare: BareShop, rounds: int, messages: int
) -> list[Figure]:
    """Have customers write to ours, to a bare echo, and to one with our database options.

    Args:
        simulator: The server.
        ours: Running.
        bare: Has an account.
        rounds: Turns of each.
        messages: In each turn.
    """
    quick = bare.in_memory()
    plain = bare.accounts[0]
    account, phone = next(iter(ours.phones.items()))
    del account
    delays: dict[str, list[float]] = {"ours": [], "plain": [], "memory": []}
    people = {
        name: [simulator.add_customer(f"346{place}00{who:05}", name) for who in range(_CUSTOMERS)]
        for place, name in enumerate(delays, start=6)
    }
    targets = {"ours": phone, "plain": plain.phone, "memory": quick.phone}
    with bare.running([plain]), bare.running([quick]):
        for name, target in targets.items():
            _ask(people[name], target, _CUSTOMERS)  # sessions are opened, caches filled
        for _ in range(rounds):
            for name, target in targets.items():
                delays[name] += _ask(people[name], target, messages)
    net = [delay - QUIET_S * 1000 for delay in delays["ours"]]
    return [
        *_figures(net, delays["plain"], "a plain database file", goal="0.6 of bare"),
        *_figures(net, delays["memory"], "bare with our options, in memory"),
        Figure(
            name="in the place of ours: bare with our options, in memory, p50",
            unit="ms",
            ours=[quantile(delays["memory"], 0.5)],
            bare=[quantile(delays["plain"], 0.5)],
            beside="a plain database file",
            limit="The library alone: what of ours is added to it cannot take less.",
            digits=1,
        ),
        Figure(
            name=f"message -> reply, the {QUIET_S:g} s of quiet included, p50",
            unit="ms",
            ours=[quantile(delays["ours"], 0.5)],
            limit="The quiet that keeps replies readable (docs/neonize.md).",
            digits=1,
        ),
    ]


def _figures(ours: list[float], bare: list[float], beside: str, goal: str = "") -> list[Figure]:
    return [
        Figure(
            name=f"message -> reply, the quiet subtracted, {name}",
            unit="ms",
            ours=[quantile(ours, part)],
            bare=[quantile(bare, part)],
            beside=beside,
            goal=goal if part == 0.5 else "",
            limit="The library's own work (see bare with our options); then one note in the inbox, "
            "and waking up after the quiet."
            if part == 0.5
            else "Waiting for the processor, and for the disk under the inbox.",
            digits=1,
        )
        for name, part in (("p50", 0.5), ("p99", 0.99))
    ]


def _ask(customers: Sequence[Customer], phone: Phone, count: int) -> list[float]:
    """Return the milliseconds from each message to its reply."""
    asked: list[tuple[Customer, str, float]] = []
    begin = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, begin + number * _GAP_S - time.monotonic()))
        customer = customers[number % len(customers)]
        text = f"question {begin:.3f} {number}"
        asked.append((customer, text, time.monotonic()))
        customer.send(phone, text)
    delays = []
    for customer, text, at in asked:
        customer.home.block_on(_answered(customer, text))
        reply = next(one for one in customer.replies if one.text.endswith(text))
        delays.append((reply.at - at) * 1000)
    return delays


async def _answered(customer: Customer, text: str) -> None:
    await customer.home.until(lambda: any(r.text.endswith(text) for r in customer.replies), 30.0)
