"""The benchmark runs from end to end, and its figures say what was measured."""

import json

import pytest

from tests.bench.__main__ import Plan, measure
from tests.bench.figures import Figure, quantile
from tests.bench.report import as_json, page


@pytest.mark.e2e
@pytest.mark.slow(130)
def test_smallest_benchmark_has_every_figure() -> None:
    plan = Plan(rounds=1, counts=(2,), messages=8, idle_s=1.0, sizes_mb=(1.0,), busy_s=1.0)
    groups, sealing = measure(plan)
    figures = [figure for group in groups.values() for figure in group]
    assert all(figure.ours for figure in figures)
    # Both sides took their time. What idling or one account more costs may be lost in the noise.
    timed = [figure for figure in groups["Start"] + groups["Links"] if figure.bare]
    assert len(timed) >= 4
    assert all(value > 0 for figure in timed for value in figure.ours + figure.bare)
    names = " ".join(figure.name for figure in figures)
    for word in ("tray", "2 accounts logged in", "reconnect", "reply", "cut", "PSS", "idle", "lag"):
        assert word in names
    text = page(groups, sealing, quick=True)
    assert all(figure.name in text for figure in figures)
    assert "## Sealing" in text
    assert json.loads(json.dumps(as_json(groups, sealing)))["figures"].keys() == groups.keys()


def test_ratio_is_of_the_medians() -> None:
    figure = Figure(name="start", unit="s", ours=[1.0, 2.0, 9.0], bare=[4.0], beside="bare")
    assert figure.ratio == 0.5
    assert figure.row() == ["start, s", "2.00 (1.00 to 9.00)", "4.00 (bare)", "0.50", "-"]


def test_figure_without_counterpart_has_no_ratio() -> None:
    figure = Figure(name="lag", unit="ms", ours=[1.5], goal="16", digits=1)
    assert figure.row() == ["lag, ms", "1.5", "-", "-", "16"]


def test_quantiles_are_measured_values() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert (quantile(values, 0.5), quantile(values, 0.99), quantile(values, 1.0)) == (51, 100, 100)
