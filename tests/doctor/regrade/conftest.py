"""The rollouts of a job, for the tests of a module."""

import pytest

from simulator.training.dataset import Record
from tests.doctor.regrade.stored_samples import StepSamples, rollout_lines, sample_steps


@pytest.fixture(scope="session")
def steps(sums: tuple[Record, ...]) -> list[StepSamples]:
    """The first evaluation and the first training step."""
    return sample_steps(sums)


@pytest.fixture(scope="session")
def lines(steps: list[StepSamples]) -> str:
    """Their rollouts as JSON lines."""
    return rollout_lines(steps)
