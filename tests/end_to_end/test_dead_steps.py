"""Dead steps as `rft diagnose` sees them in the published metrics, against the truth that only the simulator has."""

import io

import pytest

from client.diagnosis.dead_steps import find_dead_steps
from client.diagnosis.time_series import extract_metric_series
from client.mantle_types import Event
from simulator.training.dataset import DatasetLimits, Record, read_records
from simulator.training.hyperparameters import Hyperparameters
from tests.training.reward_functions import RewardFunction
from tests.training.training_files import make_training_file
from tests.training.training_runs import train


def is_right(record: Record, text: str) -> bool:
    """Return whether the last line is the marked reference answer."""
    reference = record.fields["reference_answer"]
    assert isinstance(reference, dict)
    return text.rsplit("\n", 1)[-1] == f"#### {reference['answer']}"


@pytest.mark.parametrize(
    "reward",
    [
        pytest.param(lambda record, text: float(is_right(record, text)), id="0 or 1"),
        pytest.param(lambda record, text: 0.9 if is_right(record, text) else 0.1, id="0.1 or 0.9"),
        pytest.param(lambda _record, _text: 0.0, id="always 0"),
        pytest.param(lambda _record, _text: 0.9, id="always 0.9"),
    ],
)
def test_the_steps_that_are_called_dead_are_those_in_which_all_groups_are_dead(reward: RewardFunction) -> None:
    """A run of four epochs, whose late steps have only the pull of the KL penalty and rounding errors."""
    records = read_records(io.BytesIO(make_training_file(60)), DatasetLimits(min_records=1))
    training = train(records, reward, hyperparameters=Hyperparameters(n_epochs=4))
    log = [
        Event(id="", created_at=0, level="info", message="", metrics=outcome.metrics.as_data(), body={})
        for outcome in training.outcomes
    ]
    truly_dead = {outcome.metrics.step for outcome in training.outcomes if outcome.ground_truth.dead_groups == 1.0}
    assert find_dead_steps(extract_metric_series(log)) == truly_dead
    assert truly_dead
