"""What every test may use: the place where measured times are reported."""

from collections.abc import Callable

import pytest

Measure = Callable[[str, float, str], None]


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Measure:
    """Report a measured time beside its goal; goals are not asserted here, machines are noisy."""

    def note(what: str, seconds: float, goal: str) -> None:
        record_property("measured", f"{what}: {seconds:.2f} s (goal {goal})")

    return note


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
