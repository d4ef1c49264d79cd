"""The metrics of a step."""

from dataclasses import replace
from struct import pack, unpack

from simulator.training.dataset import Record
from simulator.training.float32 import float32
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.metrics import StepMetrics
from simulator.training.training_run import initial_state, prepare_run, sample_step, train_step
from tests.training.reward_functions import strict_hash
from tests.training.training_runs import GPT, train


def test_step_metrics_are_eight_single_precision_numbers(sums: tuple[Record, ...]) -> None:
    """With the keys of the sample event."""
    data = train(sums, strict_hash, steps=1).outcomes[0].metrics.as_data()
    assert set(data) == {
        "step", "total_steps", "critic_rewards_mean", "critic_advantages_mean", "actor_pg_loss", "actor_entropy",
        "actor_grad_norm", "response_length_mean",
    }  # fmt: skip
    assert (data.pop("step"), data.pop("total_steps")) == (1, 67)
    assert [unpack("<f", pack("<f", value))[0] for value in data.values()] == list(data.values())


def test_step_metrics_are_computed_from_rollouts_and_rewards(sums: tuple[Record, ...]) -> None:
    """Means of rewards and lengths, token-weighted advantages, and the loss of one shard."""
    run = prepare_run(
        sums[:60], model=GPT, hyperparameters=Hyperparameters(batch_size=1, rollouts_per_prompt=4), seed=1
    )
    (group,) = sample_step(run, initial_state())
    group = replace(group, rollouts=tuple(replace(r, response_length=100 * (r.index + 1)) for r in group.rollouts))
    metrics = train_step(run, initial_state(), [group], [[0.0, 0.0, 0.0, 2.0]]).metrics
    high, low = (float32(centered / float32(1 + 1e-6)) for centered in (1.5, -0.5))
    assert metrics == StepMetrics(
        step=1,
        total_steps=54,
        critic_rewards_mean=0.5,
        critic_advantages_mean=float32((600 * low + 400 * high) / 1000),
        actor_pg_loss=float32(-(400 * high + 200 * low) / 600),
        actor_entropy=float32(run.entropy_scale * sum(r.entropy for r in group.rollouts) / 4),
        actor_grad_norm=metrics.actor_grad_norm,
        response_length_mean=250.0,
    )
