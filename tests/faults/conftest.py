"""Fixtures of the fault tests."""

from collections.abc import Iterator

import pytest

from tests.faults.log_capture import captured_logs
from tests.simulators import RunningSimulator


@pytest.fixture
def faulty_simulator(served_simulator: RunningSimulator) -> Iterator[RunningSimulator]:
    """The module's served simulator, without faults before and after each test."""
    served_simulator.instance.context.fault_registry.clear()
    yield served_simulator
    served_simulator.instance.context.fault_registry.clear()


@pytest.fixture
def server_logs(faulty_simulator: RunningSimulator) -> Iterator[list[str]]:
    """The log messages of the served simulator's server."""
    with captured_logs() as messages:
        yield messages
