"""Training runs: deterministic, and resumable from their rewards."""

from dataclasses import replace

import pytest

from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.training_run import (
    evaluate_held_out,
    initial_state,
    prepare_run,
    sample_held_out,
    sample_step,
    train_step,
)
from tests.training.reward_functions import lenient, strict_hash
from tests.training.training_runs import GPT, score_groups, train


def test_with_a_validation_file_all_records_are_for_training(sums: tuple[Record, ...]) -> None:
    """Both files may use the same line numbers."""
    run = prepare_run(sums[:40], model=GPT, hyperparameters=Hyperparameters(), seed=1, validation=sums[:6])
    assert (len(run.train_sources), len(run.held_out_sources), run.plan.total_steps) == (40, 6, 10)


@pytest.mark.parametrize("rewards", [[], [[1.0] * 8] * 3, [[1.0] * 7] * 4])
def test_rewards_must_match_the_rollouts(sums: tuple[Record, ...], rewards: list[list[float]]) -> None:
    """This is checked before the update."""
    run = prepare_run(sums[:60], model=GPT, hyperparameters=Hyperparameters(), seed=1)
    with pytest.raises(ValueError, match="one for each rollout"):
        train_step(run, initial_state(), sample_step(run, initial_state()), rewards)


@pytest.mark.parametrize("reward", [float("nan"), float("inf"), 1e39])
def test_an_invalid_reward_is_reported_with_its_rollout(sums: tuple[Record, ...], reward: float) -> None:
    """One such number would spoil the whole step."""
    run = prepare_run(sums[:60], model=GPT, hyperparameters=Hyperparameters(), seed=1)
    groups = sample_step(run, initial_state())
    rewards = [[0.0] * 8 for _ in groups]
    rewards[2][5] = reward
    with pytest.raises(ValueError, match=f"line {groups[2].prompt.record.line}, rollout 5"):
        train_step(run, initial_state(), groups, rewards)


def test_a_run_depends_on_its_seed_and_rewards_only(sums: tuple[Record, ...]) -> None:
    """States, metrics and ground truth are equal bit for bit."""
    first = train(sums[:60], strict_hash, steps=12)
    assert train(sums[:60], strict_hash, steps=12).outcomes == first.outcomes
    assert train(sums[:60], strict_hash, steps=12, seed=2).outcomes != first.outcomes


def test_a_run_can_be_restored_from_its_rewards(sums: tuple[Record, ...]) -> None:
    """Even with the records in another order."""
    run = prepare_run(sums[:60], model=GPT, hyperparameters=Hyperparameters(), seed=1)
    state, recorded = initial_state(), []
    for _ in range(6):
        groups = sample_step(run, state)
        recorded.append(score_groups(groups, strict_hash))
        state = train_step(run, state, groups, recorded[-1]).state
    restored = initial_state()
    reordered = prepare_run(sums[59::-1], model=GPT, hyperparameters=Hyperparameters(), seed=1)
    for rewards in recorded:
        restored = train_step(reordered, restored, sample_step(reordered, restored), rewards).state
    assert restored == state


def test_a_group_does_not_depend_on_the_others_of_its_step(sums: tuple[Record, ...]) -> None:
    """Batches of one and of four sample the same rollouts for a record."""
    batch_of_four = prepare_run(sums[:60], model=GPT, hyperparameters=Hyperparameters(batch_size=4), seed=1)
    batch_of_one = prepare_run(sums[:60], model=GPT, hyperparameters=Hyperparameters(batch_size=1), seed=1)
    state = initial_state()
    assert sample_step(batch_of_four, state)[0].rollouts == sample_step(batch_of_one, state)[0].rollouts


def test_all_evaluations_have_the_same_draws(sums: tuple[Record, ...]) -> None:
    """So they differ by the policy only."""
    run = prepare_run(sums, model=GPT, hyperparameters=Hyperparameters(), seed=1)
    state = initial_state()
    groups = sample_held_out(run, state)
    assert [len(group.rollouts) for group in groups] == [1] * 30
    assert sample_held_out(run, replace(state, step=40)) == groups
    result = evaluate_held_out(state, groups, score_groups(groups, lenient))
    assert result.quality_mean == sum(group.rollouts[0].correct for group in groups) / 30
