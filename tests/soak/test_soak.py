"""The soak runs, and what it must find is found."""

from collections import defaultdict
from dataclasses import replace

import pytest

from tests.simulator import RunningSimulator
from tests.soak.catalogue import KILL, LINK_FAULTS
from tests.soak.chaos import Incident
from tests.soak.report import growths, journal, page, verdict
from tests.soak.run import ACCOUNTS, Record, soak
from tests.soak.samples import MIB, Disk, Sample
from tests.soak.timeline import joined, share
from tests.soak.traffic import Question, judge

BEGIN = 1000.0
# Kills a worker and the program, and has nothing that takes the program half a minute to notice.
SEED = 1731


def good_record() -> Record:
    """Return a run in which all went well."""
    record = Record(minutes=60, seed=1, span=(BEGIN, BEGIN + 3600), pairings=ACCOUNTS)
    record.at_the_end = {f"shop{number}": "connected" for number in range(ACCOUNTS)}
    record.uptime = dict.fromkeys(record.at_the_end, (1.0, 1.0))
    return record


def life(role: str, pid: int, *, grows_mib: float = 0.0, descriptors: int = 0) -> list[Sample]:
    """Return an hour of one process, which grows evenly by so much."""
    return [
        Sample(
            at=BEGIN + age,
            role=role,
            pid=pid,
            age_s=float(age),
            rss=0,
            pss=int((30 + grows_mib * age / 3600) * MIB),
            descriptors=25 + descriptors * age // 3600,
            threads=8,
        )
        for age in range(0, 3600, 60)
    ]


@pytest.fixture
def questions() -> "list[Question]":
    """Three messages of one customer, the first of which is answered."""
    with RunningSimulator() as simulator:
        customer = simulator.add_customer("34655000001", "Ana")
    return [
        Question("shop", customer, f"ID{number}", f"question {number}", BEGIN + number)
        for number in range(3)
    ]


@pytest.mark.e2e
@pytest.mark.slow(45)
def test_short_soak_loses_nothing_and_reports_what_it_did() -> None:
    record = soak(0.5, seed=SEED, pause_s=(1.0, 6.0))
    assert verdict(record) == [], journal(record)
    assert len(record.incidents) >= ACCOUNTS
    assert len(record.outcome.answers) == record.outcome.sent > 20
    assert {one.role for one in record.samples} >= {"main", "worker"}
    text = page(record)
    assert all(one.fault.name in text for one in record.incidents)
    assert all(0.0 < whole <= fair <= 1.0 for whole, fair in record.uptime.values())


def test_good_run_has_nothing_to_complain_of() -> None:
    assert verdict(good_record()) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pairings": ACCOUNTS + 1}, "pairings"),
        ({"at_the_end": {"shop0": "failed"}}, "shop0 is failed"),
        ({"unlucky": ["shop1"]}, "shop1 was lost"),
        ({"errors": ["chaos"]}, "chaos"),
        ({"log": "Traceback (most recent call last)"}, "traceback"),
        ({"disk": [Disk(BEGIN, 20 * MIB, 0, 0)]}, "logs"),
        ({"samples": life("main", 1, grows_mib=12)}, "PSS, MiB of main"),
        ({"samples": life("main", 1, descriptors=8)}, "descriptors of main"),
        ({"samples": life("worker", 1, descriptors=8)}, "descriptors of worker"),
    ],
)
def test_bad_run_says_what_is_wrong(change: dict[str, object], words: str) -> None:
    (sentence,) = verdict(replace(good_record(), **change))  # type: ignore[arg-type]
    assert words in sentence


def test_account_that_does_not_return_is_said() -> None:
    incident = Incident(LINK_FAULTS[0], BEGIN, ("shop0",), BEGIN, {"shop0": None})
    record = replace(good_record(), incidents=[incident])
    assert verdict(record) == [f"shop0 did not come back from: {LINK_FAULTS[0].name}"]
    assert LINK_FAULTS[0].name in page(record)


def test_steady_hour_is_no_growth() -> None:
    record = replace(good_record(), samples=life("main", 1, grows_mib=2))
    assert [one.is_too_much for one in growths(record)] == [False] * 3


def test_processes_started_late_are_compared_at_equal_age() -> None:
    early = life("worker", 1)[:15]
    late = [
        replace(sample, pid=2, at=sample.at + 2640, descriptors=35) for sample in life("w", 2)[:15]
    ]
    samples = early + [replace(sample, role="worker") for sample in late]
    found = [one for one in growths(replace(good_record(), samples=samples)) if one.is_too_much]
    assert [one.quantity.name for one in found] == ["descriptors"]
    assert (found[0].early, found[0].late) == (25, 35)


def test_unanswered_message_without_a_kill_is_lost(questions: list[Question]) -> None:
    outcome = judge(questions, [], defaultdict(list), set())
    assert [one.message_id for one in outcome.lost] == ["ID0", "ID1", "ID2"]


def test_message_gone_with_a_killed_process_is_counted_apart(questions: list[Question]) -> None:
    kill = Incident(KILL, BEGIN + 1, ("shop",), BEGIN + 1, {"shop": BEGIN + 4})
    receipts = {"ID0": ["delivered"], "ID1": ["delivered"]}  # ID2 never left the server
    outcome = judge(questions, [kill], receipts, known={"ID1"})
    assert [one.message_id for one in outcome.lost_in_library] == ["ID0"]
    assert [one.message_id for one in outcome.lost] == ["ID1", "ID2"]
    elsewhere = replace(kill, accounts=("other",))
    assert len(judge(questions, [elsewhere], receipts, {"ID1"}).lost) == 3


def test_share_of_time_leaves_out_what_is_asked_to() -> None:
    up = [(0.0, 50.0), (80.0, 100.0)]
    assert share(up, (0.0, 100.0)) == pytest.approx(0.7)
    outages = [(50.0, 70.0), (60.0, 80.0), (90.0, 95.0)]
    assert joined(outages) == [(50.0, 80.0), (90.0, 95.0)]
    assert share(up, (0.0, 100.0), without=outages) == pytest.approx(1.0)
    assert share(up, (0.0, 100.0), without=[(60.0, 80.0)]) == pytest.approx(70 / 80)
