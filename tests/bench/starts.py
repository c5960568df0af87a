"""How long it takes to be logged in, and what stands there then: memory and idle work."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.bench.figures import Figure
from tests.bench.stage import BareAccount, BareShop, Logins, OurShop, samples_by_role
from tests.simulator.running import RunningSimulator
from tests.soak.samples import MIB

SETTLE_S: Final = 3.0  # after a login: keys, receipts and the first seals are done


class Starts:
    """Figures for one, five and twenty accounts, taken in turns.

    Args:
        simulator: The server.
        ours: Our program.
        bare: The accounts of bare neonize.
        idle: At how many accounts, and over how many seconds of doing nothing, work is measured.
    """

    def __init__(
        self,
        simulator: RunningSimulator,
        ours: OurShop,
        bare: BareShop,
        idle: tuple[int, float],
    ) -> None:
        self.figures: list[Figure] = []
        self._simulator = simulator
        self._ours = ours
        self._bare = bare
        self._idle_at, self._idle_s = idle
        self._totals: dict[int, dict[str, float]] = {}

    def measure(self, count: int, rounds: int) -> None:
        """Start so many accounts so often: our program, as many processes, and all in one."""
        self._ours.grow(count)
        self._bare.grow(count)
        self._ours.quit()
        apart = self._figure(count, "program start", "as many bare processes, all at once")
        together = self._figure(count, "program start", "all in one bare process")
        warm = Figure(
            name=f"first worker forked -> {_accounts(count)} logged in",
            unit="s",
            goal="1 s for 20" if count == 20 else "",
            limit="Loading the Go half, unsealing and the login of each worker, on two cores.",
        )
        for number in range(rounds):
            is_last = number == rounds - 1
            took_s, forked_s = self._start_ours(count, is_last=is_last)
            apart.ours.append(took_s)
            warm.ours.append(forked_s)
            accounts = self._bare.accounts[:count]
            apart.bare.append(self._start_bare(accounts, together=False, is_last=is_last))
            if count > 1:
                together.ours.append(took_s)
                together.bare.append(self._start_bare(accounts, together=True, is_last=is_last))
        self.figures += [apart, together, warm] if count > 1 else [apart, warm]

    def memory(self) -> list[Figure]:
        """Return what the processes of all starts weighed, once all were measured."""
        few, many = min(self._totals), max(self._totals)
        figures = []
        for key, name, limit in (
            ("ours", "all processes, PSS", ""),
            ("main", "main process without windows, PSS", "Python, cryptography, asyncio."),
            ("other", "nursery, PSS", "The library's Python half, shared with the workers."),
        ):
            for count in (few, many):
                totals = self._totals[count]
                bare_key = "apart" if key == "ours" else ""
                figures.append(
                    Figure(
                        name=f"{name}, {_accounts(count)}",
                        unit="MiB",
                        ours=[totals[key]],
                        bare=[totals[bare_key]] if bare_key else [],
                        beside="as many bare processes",
                        limit=limit,
                        digits=1,
                    )
                )
        worker = Figure(
            name=f"a worker of {many}, PSS",
            unit="MiB",
            ours=[self._totals[many]["worker"] / many],
            bare=[self._totals[many]["apart"] / many],
            beside=f"a bare process of {many}",
            limit="Go's heap and threads, and what Python touches of the pages it shares.",
            digits=1,
        )
        further = Figure(
            name=f"every further account ({few} to {many}), PSS",
            unit="MiB",
            ours=[self._further("ours", few, many)],
            bare=[self._further("apart", few, many)],
            beside="a further bare process",
            goal="at most 20",
            limit="What Go's heap and its relocated data take for themselves in each process.",
            digits=1,
        )
        shared = Figure(
            name=f"every further account ({few} to {many}), PSS",
            unit="MiB",
            ours=further.ours,
            bare=[self._further("together", few, many)],
            beside="a further account in the one bare process",
            limit="A process each is the price of one account's trouble being its own.",
            digits=1,
        )
        return [*figures, worker, further, shared]

    def idle(self) -> list[Figure]:
        """Return what idling costs with the largest number of accounts."""
        many = self._idle_at
        totals = self._totals[many]
        limit = "Heartbeats every 5 s, keep-alive pings every 20 to 30 s."
        return [
            Figure(
                name=f"idle, main process with {_accounts(many)}, CPU",
                unit="ms a minute",
                ours=[totals["main idle"]],
                limit=limit,
                digits=0,
            ),
            Figure(
                name=f"idle, a worker of {many}, CPU",
                unit="ms a minute",
                ours=[totals["worker idle"]],
                bare=[totals["apart idle"]],
                beside="a bare process",
                limit=limit,
                digits=0,
            ),
        ]

    # --- ours ------------------------------------------------------------------------------------

    def _start_ours(self, count: int, *, is_last: bool) -> tuple[float, float]:
        logins = Logins(self._simulator, list(self._ours.phones.values()))
        began = self._ours.headless()
        done = logins.wait(count)
        self._ours.answering()
        if is_last:
            self._weigh_ours(count)
        seen = self._ours.ended()
        return done - began, done - seen["launches"][0]

    def _weigh_ours(self, count: int) -> None:
        time.sleep(SETTLE_S)
        roles = samples_by_role(self._ours)
        totals = self._totals.setdefault(count, {})
        totals["ours"] = sum(one.pss for group in roles.values() for one in group) / MIB
        for role in ("main", "other", "worker"):
            totals[role] = sum(one.pss for one in roles.get(role, [])) / MIB
        if count == self._idle_at:
            pids = {role: [one.pid for one in group] for role, group in roles.items()}
            work = _idle_ms(pids, self._idle_s)
            totals["main idle"] = work["main"]
            totals["worker idle"] = work["worker"] / count

    # --- bare ------------------------------------------------------------------------------------

    def _start_bare(
        self, accounts: Sequence[BareAccount], *, together: bool, is_last: bool
    ) -> float:
        with self._bare.running(accounts, together=together) as (processes, took_s):
            if is_last:
                time.sleep(SETTLE_S)
                key = "together" if together else "apart"
                totals = self._totals.setdefault(len(accounts), {})
                pss = [process.memory_full_info().pss for process in processes]
                totals[key] = sum(pss) / MIB
                if len(accounts) == 1:
                    totals["together"] = totals["apart"]
                if len(accounts) == self._idle_at and not together:
                    pids = {"bare": [process.pid for process in processes]}
                    totals["apart idle"] = _idle_ms(pids, self._idle_s)["bare"] / len(processes)
        return took_s

    def _further(self, key: str, few: int, many: int) -> float:
        return (self._totals[many][key] - self._totals[few][key]) / (many - few)

    def _figure(self, count: int, what: str, beside: str) -> Figure:
        return Figure(
            name=f"{what} -> {_accounts(count)} logged in",
            unit="s",
            beside=beside,
            limit="Python's own start and the imports of main and nursery, then as below."
            if count > 1
            else "Python's own start, the imports of main and nursery, one login.",
        )


def _accounts(count: int) -> str:
    return "1 account" if count == 1 else f"{count} accounts"


def _idle_ms(groups: dict[str, list[int]], seconds: float) -> dict[str, float]:
    """Return the milliseconds of CPU a minute that each group uses while nothing happens."""

    def used() -> dict[str, float]:
        return {name: sum(_run_time_ms(pid) for pid in group) for name, group in groups.items()}

    before = used()
    time.sleep(seconds)  # the passing of time is what is measured
    after = used()
    return {name: (after[name] - before[name]) * 60 / seconds for name in groups}


def _run_time_ms(pid: int) -> float:
    """Return the processor time of a process's threads; psutil's counts hundredths of seconds."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e6


def restarts(ours: OurShop, bare: BareShop, rounds: int) -> Figure:
    """Replace a worker and start a bare process, in turns. Our program runs before and after."""
    figure = Figure(
        name="restart of a worker (`wabot reconnect`) -> logged in",
        unit="s",
        beside="start of a bare process",
        goal="half of bare",
        limit="The old worker's polite end, sealing included; then fork, Go half, unseal, login.",
    )
    account = next(iter(ours.phones))
    for _ in range(rounds):
        figure.ours.append(ours.reconnect(account))
        with bare.running(bare.accounts[:1]) as (_, took_s):
            figure.bare.append(took_s)
    return figure


def cuts(simulator: RunningSimulator, ours: OurShop, bare: BareShop, rounds: int) -> Figure:
    """Cut links in turns. At most a dozen: more in a moment are a storm to our program."""
    figure = Figure(
        name="cut link -> logged in again",
        unit="ms",
        beside="bare",
        goal="1000",
        limit="The library redials by itself; ours adds nothing to it.",
        digits=1,
    )
    phone, other = next(iter(ours.phones.values())), bare.accounts[0].phone
    with bare.running(bare.accounts[:1]):
        time.sleep(SETTLE_S)
        for _ in range(min(rounds, 12)):
            for whose, values in ((phone, figure.ours), (other, figure.bare)):
                logins = Logins(simulator, [whose])
                began = time.monotonic()
                simulator.faults.cut(whose)
                values.append((logins.wait(1) - began) * 1000)
                time.sleep(0.3)  # the next cut shall meet a link at rest
    return figure
