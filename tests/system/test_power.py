"""The computer slept, or its clock was set."""

from datetime import UTC, datetime, timedelta

from wabot_tray.core.clock import Clock
from wabot_tray.system.power import JumpDetector

START = datetime(2026, 11, 22, tzinfo=UTC)


def test_jump_detector_tells_sleep_and_set_clocks_from_drift() -> None:
    monotonic, wall = 0.0, START
    detector = JumpDetector(Clock(monotonic=lambda: monotonic, now=lambda: wall))
    monotonic, wall = 120.0, START + timedelta(seconds=121)
    assert detector.observe() is None
    wall += timedelta(hours=8)
    assert detector.observe() == timedelta(hours=8)
    assert detector.observe() is None
    monotonic, wall = monotonic + 60, wall - timedelta(hours=1)
    assert detector.observe() == timedelta(hours=-1, seconds=-60)
