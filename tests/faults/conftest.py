"""What the tests of faults share: each begins with none."""

from collections.abc import Iterator

import pytest

from tests.faults.log_capture import listening
from tests.simulators import World


@pytest.fixture
def faulty(served: World) -> Iterator[World]:
    """The module's served simulator, with no fault before the test and none after it."""
    served.simulator.house.faults.clear()
    yield served
    served.simulator.house.faults.clear()


@pytest.fixture
def noise(faulty: World) -> Iterator[list[str]]:
    """What the served simulator's server logs."""
    with listening() as heard:
        yield heard
