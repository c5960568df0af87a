"""What a soak saw, as a page to read, and what is wrong with it."""

import math
import os
import platform
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import psutil

from tests.soak.chaos import Incident, recoveries
from tests.soak.run import ACCOUNTS, VERIFY_S, Record
from tests.soak.samples import (
    MIB,
    Growth,
    Sample,
    growth_between_lives,
    growth_in_one_life,
)
from tests.soak.timeline import CONNECTED, overlap
from wabot_tray.system.logs import KEPT_FILES, LARGEST_BYTES

_ROWS: Final = 12  # of the table over time
_LOG_LIMIT: Final = (KEPT_FILES + 1) * LARGEST_BYTES + 64 * 1024  # the last line may stick out


def verdict(record: Record) -> list[str]:
    """Return what is wrong, a sentence each; empty for a good run."""
    outcome = record.outcome
    wrong = [f"the soak itself failed: {error}" for error in record.errors]
    wrong += [f"{account} was lost between two faults" for account in record.unlucky]
    wrong += [
        f"{account} did not come back from: {one.fault.name}"
        for one in record.incidents
        for account, at in one.back.items()
        if at is None
    ]
    wrong += [
        f"{account} is {state} at the end"
        for account, state in record.at_the_end.items()
        if state != CONNECTED
    ]
    wrong += [f"never answered: {one.text}" for one in outcome.lost]
    wrong += [f"answered twice without a kill: {one.text}" for one in outcome.doubled]
    kills = sum(one.fault.kills * len(one.accounts) for one in record.incidents)
    wrong += [
        f"{count} {what} in {kills} kills, more than one each"
        for count, what in (
            (len(outcome.doubled_in_doubt), "answers doubled"),
            (len(outcome.lost_in_library), "messages lost in the library"),
        )
        if count > kills
    ]
    if record.pairings != ACCOUNTS:
        wrong.append(f"{record.pairings} pairings, there are {ACCOUNTS} accounts")
    wrong += [
        f"{one.quantity.name} of {one.whose} grew from {one.early:.1f} to {one.late:.1f}"
        for one in growths(record)
        if one.is_too_much
    ]
    largest = max((disk.logs for disk in record.disk), default=0)
    if largest > _LOG_LIMIT:
        wrong.append(f"the logs took {largest / MIB:.1f} MiB")
    if tracebacks := record.log.count("Traceback"):
        wrong.append(f"{tracebacks} tracebacks in the program's log")
    return wrong


def growths(record: Record) -> list[Growth]:
    """Return every comparison that the samples allow."""
    return [
        *growth_in_one_life(record.samples, "main"),
        *growth_in_one_life(record.samples, "worker"),
        *growth_in_one_life(record.samples, "other"),
        *growth_between_lives(record.samples, "main"),
        *growth_between_lives(record.samples, "worker"),
    ]


def page(record: Record) -> str:
    """Return the whole report in Markdown."""
    parts = [
        _head(record),
        _verdict(record),
        _uptime(record),
        _faults(record),
        _messages(record),
        _growth(record),
        _over_time(record),
    ]
    return "\n\n".join(parts) + "\n"


def journal(record: Record) -> str:
    """Return every fault with its times, and the program's log: what a bad run is read by."""
    begin = record.span[0]
    lines = [f"the run begins at {_clock(record.started)}"]
    for one in record.incidents:
        back = ", ".join(
            f"{account} {'never' if at is None else f'{at - begin:.2f}'}"
            for account, at in one.back.items()
        )
        lines.append(
            f"{one.begun - begin:8.2f} {one.ended - begin:8.2f} {one.fault.name}: "
            f"{' '.join(one.accounts)}; back: {back}"
        )
    slowest = sorted(record.outcome.answers, key=lambda one: one[1], reverse=True)[:20]
    lines += ["", "the slowest answers"]
    lines += [f"{one.at - begin:8.2f} +{s:7.2f} {one.account} {one.text}" for one, s in slowest]
    for what, questions in (
        ("lost", record.outcome.lost),
        ("lost in the library", record.outcome.lost_in_library),
        ("doubled", record.outcome.doubled),
        ("doubled in doubt", record.outcome.doubled_in_doubt),
    ):
        lines += ["", what]
        lines += [f"{one.at - begin:8.2f} {one.account} {one.text}" for one in questions]
    lines += ["", "what somebody's phone could not read"]
    lines += [f"{one.number} {one.message_id}: {one.reason}" for one in record.undecryptable]
    return "\n".join([*lines, "", "the program's log", record.log])


def _clock(at: datetime) -> str:
    return at.strftime("%H:%M:%S.%f")[:-3]


def _head(record: Record) -> str:
    memory = psutil.virtual_memory().total / 1024**3
    return (
        "# Soak\n\n"
        f"`python3 dev.py soak --minutes {record.minutes:g} --seed {record.seed}`: the program, "
        f"headless, with a real keyring and {ACCOUNTS} accounts against the simulated server; "
        "customers write all the time, and faults come to every account in a stream of its own "
        "and to all of them in another, so that they overlap. The first account has only faults "
        "that the library repairs by itself, and the program is restarted in the first third "
        "only, so that one worker and one program grow old. `verify_interval_s` is "
        f"{VERIFY_S:g}; everything else is as installed.\n\n"
        f"{os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}, "
        f"{platform.system()}. Faults and messages for {record.minutes:g} minutes, then quiet "
        f"until the last answer; {(record.span[1] - record.span[0]) / 60:.1f} minutes in all."
    )


def _verdict(record: Record) -> str:
    wrong = verdict(record)
    lines = [f"- {one}" for one in wrong] or ["Nothing lost, nothing grown, everybody connected."]
    return "## Verdict\n\n" + "\n".join(lines)


def _uptime(record: Record) -> str:
    rows = [
        (account, _percent(whole), _percent(fair))
        for account, (whole, fair) in record.uptime.items()
    ]
    return (
        "## Uptime\n\nShare of the time that `wabot status --watch` showed the account as "
        "connected; the second figure leaves out the time in which the server refused, was mute "
        "or let nobody in.\n\n" + _table(("account", "connected", "without outages"), rows)
    )


def _faults(record: Record) -> str:
    counts = Counter(one.fault.name for one in record.incidents)
    apart = {id(one): _is_apart(one, record.incidents) for one in record.incidents}
    rows = []
    for name, count in sorted(counts.items()):
        mine = [one for one in record.incidents if one.fault.name == name]
        if not mine[0].fault.ends_link:
            rows.append((name, str(count), "-", "-", "-"))
            continue
        alone = recoveries(mine, lambda one, account: account in apart[id(one)])
        every = recoveries(mine, lambda *_: True)
        rows.append(
            (name, str(count), _seconds(alone, 0.5), _seconds(alone, 1.0), _seconds(every, 1.0))
        )
    return (
        f"## Faults\n\n{len(record.incidents)} faults, {record.logins} logins. Seconds from the "
        "end of the fault (from its beginning, where nothing holds) until the account was "
        "connected again: where no other fault overlapped, and whatever came between.\n\n"
        + _table(("fault", "times", "p50, s", "max, s", "max with others, s"), rows)
    )


def _messages(record: Record) -> str:
    outcome = record.outcome
    kills = sum(one.fault.kills * len(one.accounts) for one in record.incidents)
    rows = [
        ("sent", outcome.sent),
        ("answered", len(outcome.answers)),
        ("lost", len(outcome.lost)),
        ("lost in the library's own window (see below)", len(outcome.lost_in_library)),
        ("answered twice without a kill", len(outcome.doubled)),
        ("answered twice, in doubt at a kill", len(outcome.doubled_in_doubt)),
        ("answered out of order", record.out_of_order),
        ("retry receipts", record.retries),
        ("QR pairings", record.pairings),
    ]
    delays = [seconds for _, seconds in outcome.answers]
    return (
        "## Messages\n\n"
        + _table(("messages", "count"), [(name, str(count)) for name, count in rows])
        + f"\n\nFrom message to answer, 0.6 s of quiet included: p50 {_seconds(delays, 0.5)} s, "
        f"p99 {_seconds(delays, 0.99)} s, longest {_seconds(delays, 1.0)} s (the outages are in "
        f"it). {kills} times a worker was, or may have been, killed. A message that the library "
        "had acknowledged to the server, and that went with a killed process before it reached "
        "our inbox, cannot be had again from anywhere; it is counted apart. So is an answer that "
        "was inside the library's send when its process was killed: without a delivery receipt "
        "within 30 s it is sent again, once."
    )


def _growth(record: Record) -> str:
    rows = [
        (
            one.whose,
            one.quantity.name,
            f"{one.early:.1f}",
            f"{one.late:.1f}",
            f"{one.quantity.limit:g}",
            str(one.samples),
        )
        for one in growths(record)
    ]
    if not rows:
        return "## Growth\n\nThe run was too short to judge growth."
    head = ("processes", "what", "early", "late", "growth allowed", "samples")
    return "## Growth\n\nMedians.\n\n" + _table(head, rows)


def _over_time(record: Record) -> str:
    begin = record.span[0]
    step = max(1, math.ceil(len(record.disk) / _ROWS))
    rows = []
    for disk in record.disk[::step]:
        near = [one for one in record.samples if abs(one.at - disk.at) < 2.0]
        rows.append(
            (
                f"{(disk.at - begin) / 60:.1f}",
                *_of_role(near, "main"),
                *_of_role(near, "worker"),
                f"{sum(one.pss for one in near) / MIB:.0f}",
                f"{disk.logs / 1024:.0f}",
                f"{disk.data / 1024:.0f}",
                f"{disk.live / MIB:.1f}",
            )
        )
    head = (
        *("min", "main PSS / RSS", "fds", "threads"),
        *("worker PSS / RSS", "fds", "threads", "PSS of all"),
        *("logs, KiB", "other data, KiB", "live, MiB"),
    )
    hours = (record.span[1] - begin) / 3600
    grown = (record.disk[-1].logs - record.disk[0].logs) / MIB if record.disk else 0.0
    return (
        "## Over time\n\nMemory in MiB; workers by their median. The logs grew by "
        f"{grown / hours:.1f} MiB an hour under these faults and never take more than "
        f"{_LOG_LIMIT / MIB:.0f} MiB: the oldest goes.\n\n" + _table(head, rows)
    )


def _of_role(samples: Iterable[Sample], role: str) -> tuple[str, str, str]:
    mine = [one for one in samples if one.role == role]
    if not mine:
        return ("-", "-", "-")
    pss = statistics.median(one.pss for one in mine) / MIB
    rss = statistics.median(one.rss for one in mine) / MIB
    return (
        f"{pss:.1f} / {rss:.1f}",
        f"{statistics.median(one.descriptors for one in mine):.0f}",
        f"{statistics.median(one.threads for one in mine):.0f}",
    )


def _is_apart(incident: Incident, others: Sequence[Incident]) -> set[str]:
    """Return the accounts that met no other fault from the beginning of this one to its end."""

    def span(one: Incident, account: str) -> tuple[float, float]:
        return one.begun - 1.0, (one.back.get(account) or one.ended) + 1.0

    return {
        account
        for account in incident.accounts
        if not any(
            overlap(span(incident, account), span(other, account)) > 0
            for other in others
            if other is not incident and account in other.accounts
        )
    }


def _seconds(values: Sequence[float], quantile: float) -> str:
    if not values:
        return "-"
    ordered = sorted(values)
    return f"{ordered[min(len(ordered) - 1, int(quantile * len(ordered)))]:.2f}"


def _percent(value: float) -> str:
    return f"{value * 100:.2f} %"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
