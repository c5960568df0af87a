"""What every test may use: the place where measured times are reported."""

import signal
from collections.abc import Callable

import pytest

Measure = Callable[[str, float, str], None]


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Measure:
    """Report a measured time beside its goal; goals are not asserted here, machines are noisy."""

    def note(what: str, seconds: float, goal: str) -> None:
        record_property("measured", f"{what}: {seconds:.2f} s (goal {goal})")

    return note


def pytest_configure() -> None:
    """Let Ctrl+C reach the programs under test.

    A shell starts what runs in the background with SIGINT ignored, and programs pass that on.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests that wait longest begin first, so that none is left over at the end."""
    items.sort(key=_waits_s, reverse=True)


def _waits_s(item: pytest.Item) -> float:
    """Return what `slow` says, for about how many seconds this test waits."""
    mark = item.get_closest_marker("slow")
    return float(mark.args[0]) if mark is not None and mark.args else 0.0


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the tests measured, one line each."""
    lines = [
        value
        for report in terminalreporter.stats.get("passed", [])
        for name, value in getattr(report, "user_properties", [])
        if name == "measured"
    ]
    if lines:
        terminalreporter.section("measured")
        for line in lines:
            terminalreporter.line(str(line))
