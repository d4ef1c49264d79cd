"""Fixtures of the contract tests."""

from collections.abc import Iterator

import pytest

from tests.simulators import RunningSimulator, simulator_in_process
from tests.training.training_files import make_training_file


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    """A simulator without AWS that knows ten prompts. Base models need no job."""
    with simulator_in_process() as created:
        created.upload(make_training_file(10))
        yield created
