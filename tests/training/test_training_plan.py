"""The plan of a run."""

import pytest

from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.training_plan import PlanError, TrainingPlan
from simulator.training.training_run import prepare_run
from tests.training.training_runs import GPT


def make_plan(records: tuple[Record, ...], *, batch_size: int = 4, n_epochs: int = 1) -> TrainingPlan:
    """Plan a run."""
    settings = Hyperparameters(batch_size=batch_size, n_epochs=n_epochs)
    return prepare_run(records, model=GPT, hyperparameters=settings, seed=3).plan


def test_300_records_give_67_steps_and_4_checkpoints(sums: tuple[Record, ...]) -> None:
    """As in Amazon's sample run, with batch size 4 and one epoch."""
    plan = make_plan(sums)
    assert (plan.total_steps, plan.checkpoint_steps) == (67, (20, 40, 60, 67))
    assert plan.evaluation_steps == (0, 20, 40, 60, 67)


@pytest.mark.parametrize(("count", "steps"), [(80, (18,)), (89, (20,)), (100, (20, 22))])
def test_the_last_step_is_one_checkpoint(sums: tuple[Record, ...], count: int, steps: tuple[int, ...]) -> None:
    """Also if it is a multiple of 20."""
    assert make_plan(sums[:count]).checkpoint_steps == steps


def test_each_epoch_uses_a_record_once_in_a_new_order(sums: tuple[Record, ...]) -> None:
    """Two of 270 records are left out each time."""
    plan = make_plan(sums, n_epochs=2)
    first = [line for step in range(1, 68) for line in plan.batch(step)]
    second = [line for step in range(68, 135) for line in plan.batch(step)]
    assert first != sorted(first)
    assert len(set(first)) == 268
    assert len(set(second)) == 268
    assert second != first


def test_too_few_records_for_a_batch_are_refused(sums: tuple[Record, ...]) -> None:
    """The job fails with this message."""
    with pytest.raises(PlanError) as exc_info:
        make_plan(sums[:20], batch_size=32)
    assert str(exc_info.value) == "18 training records do not fill one batch of 32: add records, or lower batch_size"
