"""Every fault a shop meets, against the clock: the rows of `faults_*.py`, one test each."""

import pytest

from tests.conftest import Measure
from tests.e2e.matrix import Fault, Scene, all_faults
from tests.simulator.running import RunningSimulator

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(
            fault, id=fault.key, marks=[pytest.mark.slow(fault.slow)] if fault.slow else []
        )
        for fault in all_faults()
    ],
)
def test_fault(fault: Fault, simulator: RunningSimulator, measured: Measure) -> None:
    with Scene(fault, simulator, measured) as scene:
        fault.play(scene)
