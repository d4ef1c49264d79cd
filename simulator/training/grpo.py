"""Group relative policy optimisation, as verl computes it (volcengine/verl, `core_algos.py`).

For each prompt a group of rollouts is scored. A rollout's advantage is how far its reward lies above its group's mean,
in standard deviations. The policy then makes the decisions of good rollouts likelier: with rho the ratio of the new
probability of a decision to the one it was sampled with, A the advantage and w the weight of one token,

    loss = sum over rollouts and decisions of  w * ( max(-A rho, -A clip(rho)) + beta * KL )

The remaining tokens of a response do not depend on the policy: they carry A in the token means, and no gradient.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, isfinite, sqrt

from simulator.training.hyperparameters import Hyperparameters
from simulator.training.optimizer import Moments, adamw_step, gradient_norm
from simulator.training.prompt_features import PROMPT_FEATURE_COUNT
from simulator.training.response_features import RESPONSE_FEATURE_COUNT
from simulator.training.sampling import Group
from simulator.training.softmax import Distribution
from simulator.training.weights import BASE_WEIGHTS, NUISANCE_SIZE, ZERO_COLUMN, Weights

_EPSILON = 1e-6
# verl clamps log-ratios and the k3 estimate, so that one freak token cannot overflow the batch.
_MOST_LOG_RATIO = 20.0
_MOST_KL = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Experience:
    """A group with what is learned from it: per rollout an advantage, and a draw of the nuisance head's Gaussian."""

    group: Group
    advantages: tuple[float, ...]
    nuisance_draws: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """The outcome of one GRPO step; norm (before clipping), clip fraction and KL are means over its updates."""

    weights: Weights
    moments: Moments
    grad_norm: float
    clip_fraction: float
    kl: float


def compute_advantages(rewards: Sequence[float], *, normalize_by_std: bool = True) -> tuple[float, ...]:
    """Return (r - mean) / (std + 1e-6), with the group's unbiased deviation; all equal gives exact zeros.

    A group of one keeps its reward, as in verl: mean 0, standard deviation 1.
    """
    if len(rewards) == 1:
        return (rewards[0] / (1.0 + _EPSILON) if normalize_by_std else rewards[0],)
    if min(rewards) == max(rewards):
        return (0.0,) * len(rewards)
    mean = sum(rewards) / len(rewards)
    centred = [reward - mean for reward in rewards]
    if not normalize_by_std:
        return tuple(centred)
    deviation = sqrt(sum([value * value for value in centred]) / (len(rewards) - 1))
    return tuple([value / (deviation + _EPSILON) for value in centred])


def compute_token_weights(lengths: Sequence[int], settings: Hyperparameters) -> tuple[float, ...]:
    """Return the weight of one token of each response in the loss, by verl's `loss_agg_mode`."""
    count = len(lengths)
    if settings.loss_agg_mode == "token-mean":
        return (1.0 / sum(lengths),) * count
    if settings.loss_agg_mode == "seq-mean-token-mean":
        return tuple([1.0 / (count * length) for length in lengths])
    if settings.loss_agg_mode == "seq-mean-token-sum":
        return (1.0 / count,) * count
    return (1.0 / (count * settings.max_tokens),) * count


def update_policy(weights: Weights, moments: Moments, batch: Sequence[Experience], settings: Hyperparameters) -> Update:
    """Take one GRPO step: for every PPO epoch and mini-batch a gradient and an AdamW update.

    A gradient that is not finite is not applied, as in verl. Weights where every advantage is zero, at the base
    model, give a gradient of exactly zero.
    """
    sampler, slopes = weights, []
    for _ in range(settings.ppo_epochs):
        for part in _split_minibatches(batch, settings.minibatches):
            slope = _batch_gradient(weights, sampler, part, settings)
            slopes.append(slope)
            if isfinite(slope.norm):
                weights, moments = adamw_step(
                    weights,
                    moments,
                    slope.gradient,
                    norm=slope.norm,
                    learning_rate=settings.learning_rate,
                    weight_decay=settings.weight_decay,
                    max_grad_norm=settings.max_grad_norm,
                )
    return Update(
        weights=weights,
        moments=moments,
        grad_norm=sum([slope.norm for slope in slopes]) / len(slopes),
        clip_fraction=sum([slope.clip_fraction for slope in slopes]) / len(slopes),
        kl=sum([slope.kl for slope in slopes]) / len(slopes),
    )


def policy_loss_gradient(advantage: float, log_ratio: float, settings: Hyperparameters) -> float:
    """Return the derivative of one decision's clipped loss by its log-probability; 0.0 where clipping holds it."""
    ratio = exp(max(-_MOST_LOG_RATIO, min(_MOST_LOG_RATIO, log_ratio)))
    free = -advantage * ratio
    clipped = -advantage * max(1.0 - settings.clip_low, min(1.0 + settings.clip_high, ratio))
    if clipped > free or (advantage < 0.0 and free > -advantage * settings.dual_clip):
        return 0.0
    return free


def estimate_kl(log_ratio: float) -> tuple[float, float]:
    """Return the k3 estimate of KL and its derivative, from log(reference / policy) of one decision."""
    log_ratio = max(-_MOST_LOG_RATIO, min(_MOST_LOG_RATIO, log_ratio))
    ratio = exp(log_ratio)
    estimate = ratio - log_ratio - 1.0
    return (estimate, 1.0 - ratio) if estimate < _MOST_KL else (_MOST_KL, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _BatchGradient:
    gradient: Weights
    norm: float
    clip_fraction: float
    kl: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _HeadGradient:
    """d loss / d logit of one head at one prompt, with what is counted on the way."""

    logit_gradients: Sequence[float]
    clipped: int = 0
    kl: float = 0.0


# One decision that was taken: action, advantage of its rollout, weight of a token of its rollout.
_SampledAction = tuple[int, float, float]


def _split_minibatches(batch: Sequence[Experience], count: int) -> list[Sequence[Experience]]:
    size = -(-len(batch) // count)
    return [batch[start : start + size] for start in range(0, len(batch), size)]


def _batch_gradient(
    weights: Weights, sampler: Weights, batch: Sequence[Experience], settings: Hyperparameters
) -> _BatchGradient:
    lengths = [rollout.response_length for seen in batch for rollout in seen.group.rollouts]
    per_token = iter(compute_token_weights(lengths, settings))
    columns: list[Sequence[float]] = [ZERO_COLUMN] * PROMPT_FEATURE_COUNT
    nuisance, tilt = [0.0] * NUISANCE_SIZE, [0.0] * RESPONSE_FEATURE_COUNT
    moved = [mean - before for mean, before in zip(weights.nuisance, sampler.nuisance, strict=True)]
    decisions = clipped = 0
    kl = 0.0
    for seen in batch:
        loads = [next(per_token) for _ in seen.group.rollouts]
        _add_nuisance_gradient(nuisance, weights.nuisance, moved, seen, loads, settings=settings)
        decisions += sum([len(rollout.actions) for rollout in seen.group.rollouts])
        if weights == BASE_WEIGHTS and not any(seen.advantages):
            continue  # nothing to learn, and at the base model the divergence from it is flat
        heads = _head_gradients(weights, sampler, seen, loads, settings)
        clipped += sum([head.clipped for head in heads])
        kl += sum([head.kl for head in heads])
        pull = seen.group.prompt.gradient([slope for head in heads for slope in head.logit_gradients])
        for index, column in pull.columns:
            columns[index] = [total + value for total, value in zip(columns[index], column, strict=True)]
        if pull.feature_weights:
            tilt = [total + value for total, value in zip(tilt, pull.feature_weights, strict=True)]
    gradient = Weights(
        columns=tuple([tuple(column) for column in columns]), nuisance=tuple(nuisance), feature_weights=tuple(tilt)
    )
    return _BatchGradient(
        gradient=gradient,
        norm=gradient_norm(gradient),
        clip_fraction=clipped / decisions,
        kl=kl / sum(lengths),
    )


def _head_gradients(
    weights: Weights, sampler: Weights, seen: Experience, loads: Sequence[float], settings: Hyperparameters
) -> list[_HeadGradient]:
    prompt, temperature = seen.group.prompt, settings.temperature
    old = seen.group.policy
    now = old if weights is sampler else prompt.policy(weights, temperature)
    base = prompt.policy(BASE_WEIGHTS, temperature)

    taken: list[list[list[_SampledAction]]] = [[[] for _ in head] for head in now.heads]
    for rollout, advantage, load in zip(seen.group.rollouts, seen.advantages, loads, strict=True):
        for head, action in enumerate(rollout.actions):
            taken[head][now.distribution_index(head, rollout.actions)].append((action, advantage, load))
    return [
        _sum_head_gradients(
            [
                _head_gradient(new, sampled, untrained, found, settings)
                for new, sampled, untrained, found in zip(*head, strict=True)
                if found
            ],
            size=len(head[0][0].log_probabilities),
        )
        for head in zip(now.heads, old.heads, base.heads, taken, strict=True)
    ]


def _head_gradient(
    now: Distribution, old: Distribution, base: Distribution, taken: Sequence[_SampledAction], settings: Hyperparameters
) -> _HeadGradient:
    """Sum slope * (one-hot(action) - pi) / T over the decisions; all of them share one pi."""
    by_action = [0.0] * len(now.log_probabilities)
    total = kl = 0.0
    clipped = 0
    for action, advantage, load in taken:
        log = now.log_probabilities[action]
        slope = policy_loss_gradient(advantage, log - old.log_probabilities[action], settings)
        if slope == 0.0 and advantage != 0.0:
            clipped += 1
        estimate, estimate_slope = estimate_kl(base.log_probabilities[action] - log)
        kl += estimate
        share = load * (slope + settings.kl_coef * estimate_slope)
        by_action[action] += share
        total += share
    return _HeadGradient(
        logit_gradients=[
            (share - total * probability) / settings.temperature
            for share, probability in zip(by_action, now.probabilities, strict=True)
        ],
        clipped=clipped,
        kl=kl,
    )


def _sum_head_gradients(slopes: Sequence[_HeadGradient], *, size: int) -> _HeadGradient:
    return _HeadGradient(
        logit_gradients=[sum([slope.logit_gradients[action] for slope in slopes]) for action in range(size)],
        clipped=sum([slope.clipped for slope in slopes]),
        kl=sum([slope.kl for slope in slopes]),
    )


def _add_nuisance_gradient(
    total: list[float],
    nuisance: Sequence[float],
    moved: Sequence[float],
    seen: Experience,
    loads: Sequence[float],
    *,
    settings: Hyperparameters,
) -> None:
    """Add the gradient of the Gaussian head N(nuisance, 1), whose log-probability's is (draw - nuisance).

    `moved` is how far the mean has come since the rollouts were sampled.
    """
    pull = settings.kl_coef * sum(loads)
    for index, mean in enumerate(nuisance):
        total[index] += pull * mean
    for advantage, load, noise in zip(seen.advantages, loads, seen.nuisance_draws, strict=True):
        if advantage == 0.0:
            continue
        # Of the log-ratio of two unit Gaussians, at the draw: (noise^2 - (noise - moved)^2) / 2.
        log_ratio = sum([shift * (draw - 0.5 * shift) for draw, shift in zip(noise, moved, strict=True)])
        slope = load * policy_loss_gradient(advantage, log_ratio, settings)
        for index, (draw, shift) in enumerate(zip(noise, moved, strict=True)):
            total[index] += slope * (draw - shift)
