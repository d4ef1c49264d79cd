"""What the tests of faults share: each begins with none."""

from collections.abc import Iterator

import pytest

from tests.faults.log_capture import captured_logs
from tests.simulators import RunningSimulator


@pytest.fixture
def faulty_simulator(served_simulator: RunningSimulator) -> Iterator[RunningSimulator]:
    """The module's served simulator, with no fault before the test and none after it."""
    served_simulator.instance.context.fault_registry.clear()
    yield served_simulator
    served_simulator.instance.context.fault_registry.clear()


@pytest.fixture
def server_logs(faulty_simulator: RunningSimulator) -> Iterator[list[str]]:
    """What the served simulator's server logs."""
    with captured_logs() as heard:
        yield heard
