"""The course of a run: its plan, what a step reports, and that it can be driven again."""

from dataclasses import replace
from struct import pack, unpack

import pytest

from simulator.training.convergence import StepProgress, detect_convergence
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.metrics import StepMetrics, float32
from simulator.training.training_plan import PlanError, TrainingPlan
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


def make_plan(records: tuple[Record, ...], *, batch_size: int = 4, n_epochs: int = 1) -> TrainingPlan:
    """Plan a run."""
    settings = Hyperparameters(batch_size=batch_size, n_epochs=n_epochs)
    return prepare_run(records, model=GPT, hyperparameters=settings, seed=3).plan


def test_300_records_make_67_steps_and_4_checkpoints(sums: tuple[Record, ...]) -> None:
    """As in Amazon's sample run with batch size 4 and one epoch."""
    plan = make_plan(sums)
    assert (plan.total_steps, plan.checkpoint_steps) == (67, (20, 40, 60, 67))
    assert plan.evaluation_steps == (0, 20, 40, 60, 67)


@pytest.mark.parametrize(("count", "steps"), [(80, (18,)), (89, (20,)), (100, (20, 22))])
def test_the_last_step_is_a_checkpoint_once(sums: tuple[Record, ...], count: int, steps: tuple[int, ...]) -> None:
    """Also when it is a twentieth."""
    assert make_plan(sums[:count]).checkpoint_steps == steps


def test_an_epoch_uses_each_record_once_and_each_is_shuffled_anew(sums: tuple[Record, ...]) -> None:
    """Two records of 270 are left over each time, and not the same ones."""
    plan = make_plan(sums, n_epochs=2)
    first = [line for step in range(1, 68) for line in plan.batch(step)]
    second = [line for step in range(68, 135) for line in plan.batch(step)]
    assert first != sorted(first)
    assert len(set(first)) == 268
    assert len(set(second)) == 268
    assert second != first


def test_a_validation_file_leaves_every_record_to_training(sums: tuple[Record, ...]) -> None:
    """Both files may use the same line numbers."""
    run = prepare_run(sums[:40], model=GPT, hyperparameters=Hyperparameters(), seed=1, validation=sums[:6])
    assert (len(run.train_sources), len(run.held_out_sources), run.plan.total_steps) == (40, 6, 10)


def test_too_few_records_for_a_batch_are_refused_in_words(sums: tuple[Record, ...]) -> None:
    """The job can fail with this sentence."""
    with pytest.raises(PlanError) as caught:
        make_plan(sums[:20], batch_size=32)
    assert str(caught.value) == "18 training records do not fill one batch of 32: add records, or lower batch_size"


def test_a_step_reports_the_eight_keys_as_single_precision_numbers(sums: tuple[Record, ...]) -> None:
    """Those of the sample event, and no other."""
    data = train(sums, strict_hash, steps=1).outcomes[0].metrics.as_data()
    assert set(data) == {
        "step", "total_steps", "critic_rewards_mean", "critic_advantages_mean", "actor_pg_loss", "actor_entropy",
        "actor_grad_norm", "response_length_mean",
    }  # fmt: skip
    assert (data.pop("step"), data.pop("total_steps")) == (1, 67)
    assert [unpack("<f", pack("<f", value))[0] for value in data.values()] == list(data.values())


def test_the_published_numbers_follow_from_rollouts_and_rewards(sums: tuple[Record, ...]) -> None:
    """Reward and length are plain means, advantages weigh by tokens, and the loss is that of one shard."""
    run = prepare_run(
        sums[:60], model=GPT, hyperparameters=Hyperparameters(batch_size=1, rollouts_per_prompt=4), seed=1
    )
    (group,) = sample_step(run, initial_state())
    group = replace(group, rollouts=tuple(replace(r, response_length=100 * (r.index + 1)) for r in group.rollouts))
    metrics = train_step(run, initial_state(), [group], [[0.0, 0.0, 0.0, 2.0]]).metrics
    gain, pain = 1.5 / (1 + 1e-6), -0.5 / (1 + 1e-6)
    assert metrics == StepMetrics(
        step=1,
        total_steps=54,
        critic_rewards_mean=0.5,
        critic_advantages_mean=float32((600 * pain + 400 * gain) / 1000),
        actor_pg_loss=float32(-(400 * gain + 200 * pain) / 600),
        actor_entropy=float32(run.entropy_scale * sum(r.entropy for r in group.rollouts) / 4),
        actor_grad_norm=metrics.actor_grad_norm,
        response_length_mean=250.0,
    )


@pytest.mark.parametrize("rewards", [[], [[1.0] * 8] * 3, [[1.0] * 7] * 4])
def test_rewards_must_fit_the_rollouts(sums: tuple[Record, ...], rewards: list[list[float]]) -> None:
    """A caller's mistake, found before anything is learned."""
    run = prepare_run(sums[:60], model=GPT, hyperparameters=Hyperparameters(), seed=1)
    with pytest.raises(ValueError, match="one for each rollout"):
        train_step(run, initial_state(), sample_step(run, initial_state()), rewards)


@pytest.mark.parametrize("reward", [float("nan"), float("inf"), 1e39])
def test_a_reward_that_is_no_number_names_its_rollout(sums: tuple[Record, ...], reward: float) -> None:
    """One such number would silently spoil the whole step."""
    run = prepare_run(sums[:60], model=GPT, hyperparameters=Hyperparameters(), seed=1)
    groups = sample_step(run, initial_state())
    rewards = [[0.0] * 8 for _ in groups]
    rewards[2][5] = reward
    with pytest.raises(ValueError, match=f"line {groups[2].prompt.record.line}, rollout 5"):
        train_step(run, initial_state(), groups, rewards)


def test_a_run_driven_again_with_the_same_rewards_is_the_same(sums: tuple[Record, ...]) -> None:
    """States, metrics and truth, to the last bit; another seed gives another run."""
    first = train(sums[:60], strict_hash, steps=12)
    assert train(sums[:60], strict_hash, steps=12).outcomes == first.outcomes
    assert train(sums[:60], strict_hash, steps=12, seed=2).outcomes != first.outcomes


def test_an_interrupted_run_goes_on_from_its_recorded_rewards(sums: tuple[Record, ...]) -> None:
    """Nothing but the rewards of the steps done is needed to be where it was."""
    run = prepare_run(sums[:60], model=GPT, hyperparameters=Hyperparameters(), seed=1)
    state, recorded = initial_state(), []
    for _ in range(6):
        groups = sample_step(run, state)
        recorded.append(score_groups(groups, strict_hash))
        state = train_step(run, state, groups, recorded[-1]).state
    again = initial_state()
    other = prepare_run(sums[59::-1], model=GPT, hyperparameters=Hyperparameters(), seed=1)
    for rewards in recorded:
        again = train_step(other, again, sample_step(other, again), rewards).state
    assert again == state


def test_a_group_does_not_depend_on_the_others_of_its_step(sums: tuple[Record, ...]) -> None:
    """Draws are addressed by line: a batch of one and a batch of four sample the same rollouts for it."""
    four = prepare_run(sums[:60], model=GPT, hyperparameters=Hyperparameters(batch_size=4), seed=1)
    one = prepare_run(sums[:60], model=GPT, hyperparameters=Hyperparameters(batch_size=1), seed=1)
    state = initial_state()
    assert sample_step(four, state)[0].rollouts == sample_step(one, state)[0].rollouts


def test_an_evaluation_scores_each_held_out_record_once_with_the_same_draws(sums: tuple[Record, ...]) -> None:
    """So that two evaluations differ by the policy alone."""
    run = prepare_run(sums, model=GPT, hyperparameters=Hyperparameters(), seed=1)
    state = initial_state()
    groups = sample_held_out(run, state)
    assert [len(group.rollouts) for group in groups] == [1] * 30
    assert sample_held_out(run, replace(state, step=40)) == groups
    result = evaluate_held_out(state, groups, score_groups(groups, lenient))
    assert result.quality_mean == sum(group.rollouts[0].correct for group in groups) / 30


def test_single_precision_saturates() -> None:
    """JSON has no infinity."""
    assert float32(1e300) == pytest.approx(3.4028235e38)
    assert float32(0.1) == 0.10000000149011612


def progress(*windows: float, dead: float = 0.5) -> list[StepProgress]:
    """Make windows of ten like steps."""
    return [StepProgress(reward_mean=reward, dead_groups=dead) for reward in windows for _ in range(10)]


@pytest.mark.parametrize(
    ("history", "verdict"),
    [
        ([], None),
        (progress(0.995, dead=0.95), "saturated"),
        (progress(0.995, dead=0.95)[:-1], None),
        (progress(0.995), None),
        (progress(0.5, 0.7, 0.705), None),
        (progress(0.5, 0.7, 0.705, 0.709), "plateau"),
        (progress(0.5, 0.7, 0.705, 0.72), None),
    ],
)
def test_convergence_is_judged_where_a_window_ends(history: list[StepProgress], verdict: str | None) -> None:
    """Saturation at once; a plateau after two windows that better the best by no more than .01."""
    assert detect_convergence(history) == verdict
