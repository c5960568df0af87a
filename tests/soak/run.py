"""One soak: five accounts, faults and customers, for as long as was asked."""

import contextlib
import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from tests.e2e.harness import ROOT, Shop
from tests.simulator.running import RunningSimulator
from tests.simulator.stats import Undecryptable
from tests.soak.chaos import Chaos, Incident, scene_of
from tests.soak.samples import Disk, Recorder, Sample
from tests.soak.timeline import Span, Timeline, joined, share
from tests.soak.traffic import RULES, Outcome, Question, Traffic, judge, out_of_order

ACCOUNTS: Final = 5
VERIFY_S: Final = 60.0  # a zombie is found by the watch, and the soak has no five minutes for each
_SAMPLES: Final = 60  # about as many in a run, never more often than every
_SHORTEST_INTERVAL_S: Final = 5.0
_SETTLE_S: Final = 180.0  # a send nobody acknowledged ends after 75 s; evidence takes 30 s more


@dataclass(slots=True)
class Record:
    """Everything a soak saw.

    Args:
        minutes: How long faults and messages went on.
        seed: What dealt them.
        span: From the first message to the end, the settling included.
    """

    minutes: float
    seed: int
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    span: Span = (0.0, 0.0)
    uptime: dict[str, tuple[float, float]] = field(default_factory=dict)
    incidents: list[Incident] = field(default_factory=list)
    unlucky: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    outcome: Outcome = field(default_factory=Outcome)
    out_of_order: int = 0
    retries: int = 0
    pairings: int = 0
    logins: int = 0
    samples: list[Sample] = field(default_factory=list)
    disk: list[Disk] = field(default_factory=list)
    at_the_end: dict[str, str] = field(default_factory=dict)
    undecryptable: list[Undecryptable] = field(default_factory=list)
    log: str = ""


def soak(minutes: float, seed: int, pause_s: Span | None = None) -> Record:
    """Run a soak of so many minutes and return what it saw; settling comes on top."""
    record = Record(minutes, seed)
    with RunningSimulator() as simulator, Shop(simulator) as shop:
        shop.write_rules(RULES)
        (shop.data / "settings.toml").write_text(
            f"verify_interval_s = {VERIFY_S}\n", encoding="utf-8"
        )
        shop.running()
        phones = {
            f"shop{number}": simulator.add_phone(f"3460011122{number}", f"Shop {number}")
            for number in range(ACCOUNTS)
        }
        for account, phone in phones.items():
            shop.pair(phone, account)
        length_s = minutes * 60
        interval_s = max(_SHORTEST_INTERVAL_S, length_s / _SAMPLES)
        with contextlib.ExitStack() as stack:
            timeline = stack.enter_context(Timeline(shop))
            for account in phones:
                timeline.wait_until(account, connected=True, timeout_s=30)
            recorder = stack.enter_context(Recorder(shop, interval_s))
            traffic = stack.enter_context(Traffic(simulator, phones, seed))
            scene = scene_of(simulator, shop, phones)
            begin, record.started = time.monotonic(), datetime.now(UTC)
            with Chaos(scene, timeline, seed, length_s, pause_s) as chaos:
                time.sleep(length_s)  # the passing of time is what is asked for
            traffic.stop()
            _settle(traffic)
            record.span = (begin, time.monotonic())
            record.incidents = sorted(chaos.incidents, key=lambda one: one.begun)
            record.unlucky, record.errors = chaos.unlucky, chaos.errors
            record.at_the_end = {account: timeline.state(account) for account in phones}
            record.uptime = {account: _uptime(timeline, account, record) for account in phones}
        shop.quit()
        record.samples, record.disk = recorder.samples, recorder.disk
        stats = simulator.stats
        unanswered = traffic.unanswered()
        record.outcome = judge(
            traffic.questions, record.incidents, stats.receipts, _in_inbox(shop, unanswered)
        )
        record.out_of_order = sum(out_of_order(traffic.questions).values())
        record.retries = stats.retries_from_companions + stats.retries_from_customers
        record.pairings, record.logins = stats.pairings, len(stats.logins)
        record.undecryptable = stats.undecryptable
        record.log = shop.log()
    return record


def _settle(traffic: Traffic) -> None:
    """Wait until everything is answered, or nothing more can come."""
    deadline = time.monotonic() + _SETTLE_S
    while traffic.unanswered() and time.monotonic() < deadline:
        time.sleep(1)


def _uptime(timeline: Timeline, account: str, record: Record) -> tuple[float, float]:
    """Return the share of time connected: of all, and of that in which the server let us in."""
    up = timeline.connected_spans(account, record.span[1])
    outages = joined(
        [
            (one.begun, one.ended)
            for one in record.incidents
            if one.fault.is_outage and account in one.accounts
        ]
    )
    return share(up, record.span), share(up, record.span, without=outages)


def _in_inbox(shop: Shop, questions: Sequence[Question]) -> set[str]:
    asked: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for one in questions:
        asked[one.account].append((str(one.customer.lid), one.message_id))
    answer = subprocess.run(
        [sys.executable, "-m", "tests.soak.inbox_entry"],
        cwd=ROOT,
        env=shop.env,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(json.loads(answer.stdout))
