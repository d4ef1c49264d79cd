"""The metrics of a step: the eight numbers that Bedrock publishes, and the ground truth that only a simulator has."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from math import fsum, sqrt

from simulator.training.float32 import float32
from simulator.training.grpo import Update, compute_token_weights
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.sampling import Group, Rollout

# INFERRED: the published pg_loss varies around -advantages like the token mean of one data-parallel rank.
_SHARDS = 2
_EQUAL_REWARDS = 1e-8


@dataclass(frozen=True, slots=True, kw_only=True)
class StepMetrics:
    """The `data` of a metrics event: these eight keys exactly (SAMPLE), verl's names with `/` as `_`.

    The six measurements are float32 numbers widened to double, as in the event of the sample.

    Attributes:
        critic_rewards_mean: mean reward of the rollouts. There is no critic; the name is verl's.
        critic_advantages_mean: mean advantage per token; positive if longer answers get higher rewards.
        actor_pg_loss: the policy loss on one of two data-parallel shards.
        actor_entropy: entropy of the actions, scaled to the reported entropy per token of the base model.
        actor_grad_norm: norm of the gradient before clipping.
        response_length_mean: tokens per rollout, reasoning included.
    """

    step: int
    total_steps: int
    critic_rewards_mean: float
    critic_advantages_mean: float
    actor_pg_loss: float
    actor_entropy: float
    actor_grad_norm: float
    response_length_mean: float

    def as_data(self) -> dict[str, int | float]:
        """Return the eight keys with their numbers."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundTruthMetrics:
    """The ground truth about a step, which only the simulator knows.

    Attributes:
        quality_mean: share of rollouts whose answer is right.
        dead_groups: share of groups whose rewards are all equal, whatever rounding makes of their advantages.
        exploits: share of rollouts that exploit the reward function.
        truncated: share of rollouts cut off by the token budget.
        kl: divergence from the base model, per token.
        clip_fraction: share of actions whose loss is clipped.
        length_reward_correlation: Pearson correlation over the rollouts; 0.0 if either is constant.
    """

    quality_mean: float
    dead_groups: float
    exploits: float
    truncated: float
    kl: float
    clip_fraction: float
    length_reward_correlation: float

    def as_data(self) -> dict[str, float]:
        """Return the measurements by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutMetrics:
    """An evaluation on the held-out records, one rollout each."""

    step: int
    reward_mean: float
    quality_mean: float
    response_length_mean: float

    def as_data(self) -> dict[str, int | float]:
        """Return the measurements by name."""
        return asdict(self)


def compute_step_metrics(
    groups: Sequence[Group],
    rewards: Sequence[Sequence[float]],
    advantages: Sequence[Sequence[float]],
    *,
    step: int,
    total_steps: int,
    grad_norm: float,
    entropy_scale: float,
    settings: Hyperparameters,
) -> StepMetrics:
    """Compute the eight published numbers of a step."""
    rollouts = _list_rollouts(groups)
    lengths = [rollout.response_length for rollout in rollouts]
    flat_advantages = _flatten(advantages)
    return StepMetrics(
        step=step,
        total_steps=total_steps,
        critic_rewards_mean=float32(_mean(_flatten(rewards))),
        critic_advantages_mean=float32(_token_mean(flat_advantages, lengths)),
        actor_pg_loss=float32(_shard_loss(flat_advantages, lengths, settings)),
        actor_entropy=float32(entropy_scale * _mean([rollout.entropy for rollout in rollouts])),
        actor_grad_norm=float32(grad_norm),
        response_length_mean=float32(_mean(lengths)),
    )


def compute_ground_truth_metrics(
    groups: Sequence[Group], rewards: Sequence[Sequence[float]], update: Update
) -> GroundTruthMetrics:
    """Compute the ground truth of a step."""
    rollouts = _list_rollouts(groups)
    return GroundTruthMetrics(
        quality_mean=_mean([rollout.correct for rollout in rollouts]),
        dead_groups=_mean([max(group) - min(group) < _EQUAL_REWARDS for group in rewards]),
        exploits=_mean([rollout.exploit is not None for rollout in rollouts]),
        truncated=_mean([rollout.truncated for rollout in rollouts]),
        kl=float32(update.kl),
        clip_fraction=float32(update.clip_fraction),
        length_reward_correlation=float32(
            _correlation([rollout.response_length for rollout in rollouts], _flatten(rewards))
        ),
    )


def compute_held_out_metrics(
    groups: Sequence[Group], rewards: Sequence[Sequence[float]], *, step: int
) -> HeldOutMetrics:
    """Compute the means of an evaluation."""
    rollouts = _list_rollouts(groups)
    return HeldOutMetrics(
        step=step,
        reward_mean=float32(_mean(_flatten(rewards))),
        quality_mean=_mean([rollout.correct for rollout in rollouts]),
        response_length_mean=float32(_mean([rollout.response_length for rollout in rollouts])),
    )


def _shard_loss(advantages: Sequence[float], lengths: Sequence[int], settings: Hyperparameters) -> float:
    """Return the mean of -advantage over the first shard. The rollouts go to the shards in turn, the longest first.

    The ratio of the sampled actions counts as one, which is exact for a single PPO epoch and mini-batch.
    """
    shard_indices = sorted(range(len(lengths)), key=lambda index: -lengths[index])[::_SHARDS]
    shard_lengths = [lengths[index] for index in shard_indices]
    weights = compute_token_weights(shard_lengths, settings)
    # 0.0 - x: a loss of zero is 0.0 and not -0.0.
    return 0.0 - fsum(
        [
            weight * length * advantages[index]
            for weight, length, index in zip(weights, shard_lengths, shard_indices, strict=True)
        ]
    )


def _token_mean(values: Sequence[float], lengths: Sequence[int]) -> float:
    return fsum([value * length for value, length in zip(values, lengths, strict=True)]) / sum(lengths)


def _list_rollouts(groups: Iterable[Group]) -> list[Rollout]:
    return [rollout for group in groups for rollout in group.rollouts]


def _flatten(groups: Iterable[Sequence[float]]) -> list[float]:
    return [value for group in groups for value in group]


def _mean(values: Sequence[float]) -> float:
    return fsum(values) / len(values) if values else 0.0


def _correlation(xs: Sequence[float], ys: Sequence[float]) -> float:
    x_mean, y_mean = _mean(xs), _mean(ys)
    x_deviations = [x - x_mean for x in xs]
    y_deviations = [y - y_mean for y in ys]
    scale = sqrt(fsum([x * x for x in x_deviations])) * sqrt(fsum([y * y for y in y_deviations]))
    if min(xs) == max(xs) or min(ys) == max(ys) or scale == 0.0:
        return 0.0
    return fsum([x * y for x, y in zip(x_deviations, y_deviations, strict=True)]) / scale
