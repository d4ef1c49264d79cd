"""Group relative policy optimization, as verl computes it (volcengine/verl, `core_algos.py`).

The rollouts of one prompt form a group. The advantage A of a rollout is its reward minus the mean of the group, divided
by the standard deviation. verl computes the advantages in single precision, and so does this module. The loss is

    loss = sum over rollouts and actions of  w * ( max(-A rho, -A clip(rho)) + beta * KL )

rho is the new probability of an action divided by its probability at sampling, w is the weight of one token, and beta
is the coefficient of the KL penalty.

The other tokens of a response do not depend on the policy: they count in the token means and have no gradient.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, isfinite, sqrt

from simulator.training.float32 import float32
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.optimizer import Moments, adamw_step, gradient_norm
from simulator.training.prompt_features import PROMPT_FEATURE_COUNT
from simulator.training.response_features import RESPONSE_FEATURE_COUNT
from simulator.training.sampling import Group
from simulator.training.softmax import Distribution
from simulator.training.weights import BASE_WEIGHTS, NUISANCE_SIZE, ZERO_COLUMN, Weights

_ADVANTAGE_EPSILON = float32(1e-6)
# verl clamps log-ratios and the k3 estimate, so that one extreme token cannot overflow the batch.
_MAX_LOG_RATIO = 20.0
_MAX_KL = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Experience:
    """A group. Each rollout has an advantage and a draw from the Gaussian whose mean is `Weights.nuisance`."""

    group: Group
    advantages: tuple[float, ...]
    nuisance_draws: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """The result of one GRPO step.

    Gradient norm (before clipping), clip fraction and KL are means over the optimizer updates of the step.
    """

    weights: Weights
    moments: Moments
    grad_norm: float
    clip_fraction: float
    kl: float


def compute_advantages(rewards: Sequence[float], *, normalize_by_std: bool = True) -> tuple[float, ...]:
    """Return (r - mean) / (std + 1e-6) of each reward, in single precision.

    This is `compute_grpo_outcome_advantage` of verl 0.9.1. The standard deviation is the unbiased one. A group of one
    has mean 0 and standard deviation 1.

    The computed mean of equal rewards can differ from them by rounding. Such a group then has small advantages: eight
    rewards of 0.9 have -0.056 each. Rewards of 0, 0.5 and 1, and groups of two and four, have exactly 0.

    The order of summation of `torch.mean` depends on the processor and on how torch was built. Here it is fixed: from
    left to right, each partial sum rounded. The deviations are those from the rounded mean, and their squares are
    summed in double precision, as `torch.std` does on a CPU. Where verl's numbers overflow to infinity, ours stay at
    the largest single-precision number.
    """
    scores = [float32(reward) for reward in rewards]
    mean, deviation = 0.0, 1.0
    if len(scores) > 1:
        total = 0.0
        for score in scores:
            total = float32(total + score)
        mean = float32(total / len(scores))
        deviation = float32(sqrt(sum([(score - mean) ** 2 for score in scores]) / (len(scores) - 1)))
    centered_scores = [float32(score - mean) for score in scores]
    if not normalize_by_std:
        return tuple(centered_scores)
    divisor = float32(deviation + _ADVANTAGE_EPSILON)
    return tuple([float32(score / divisor) for score in centered_scores])


def compute_token_weights(lengths: Sequence[int], settings: Hyperparameters) -> tuple[float, ...]:
    """Return the weight of one token of each response in the loss. `loss_agg_mode` has the values that verl uses."""
    count = len(lengths)
    if settings.loss_agg_mode == "token-mean":
        return (1.0 / sum(lengths),) * count
    if settings.loss_agg_mode == "seq-mean-token-mean":
        return tuple([1.0 / (count * length) for length in lengths])
    if settings.loss_agg_mode == "seq-mean-token-sum":
        return (1.0 / count,) * count
    return (1.0 / (count * settings.max_tokens),) * count


def update_policy(weights: Weights, moments: Moments, batch: Sequence[Experience], settings: Hyperparameters) -> Update:
    """Take one GRPO step: one gradient and one AdamW update per PPO epoch and mini-batch.

    A gradient that is not finite is not applied, as in verl. At the base weights, a batch without advantages has a
    gradient of exactly zero.
    """
    sampling_weights, gradients = weights, []
    for _ in range(settings.ppo_epochs):
        for minibatch in _split_minibatches(batch, settings.minibatches):
            gradient = _batch_gradient(weights, sampling_weights, minibatch, settings)
            gradients.append(gradient)
            if isfinite(gradient.norm):
                weights, moments = adamw_step(
                    weights,
                    moments,
                    gradient.weights,
                    norm=gradient.norm,
                    learning_rate=settings.learning_rate,
                    weight_decay=settings.weight_decay,
                    max_grad_norm=settings.max_grad_norm,
                )
    return Update(
        weights=weights,
        moments=moments,
        grad_norm=sum([gradient.norm for gradient in gradients]) / len(gradients),
        clip_fraction=sum([gradient.clip_fraction for gradient in gradients]) / len(gradients),
        kl=sum([gradient.kl for gradient in gradients]) / len(gradients),
    )


def policy_loss_gradient(advantage: float, log_ratio: float, settings: Hyperparameters) -> float:
    """Return d loss / d log-probability of one action; 0.0 if the loss is clipped."""
    ratio = exp(max(-_MAX_LOG_RATIO, min(_MAX_LOG_RATIO, log_ratio)))
    unclipped = -advantage * ratio
    clipped = -advantage * max(1.0 - settings.clip_low, min(1.0 + settings.clip_high, ratio))
    if clipped > unclipped or (advantage < 0.0 and unclipped > -advantage * settings.dual_clip):
        return 0.0
    return unclipped


def estimate_kl(log_ratio: float) -> tuple[float, float]:
    """Return the k3 estimate of KL and its derivative, from log(reference / policy) of one action."""
    log_ratio = max(-_MAX_LOG_RATIO, min(_MAX_LOG_RATIO, log_ratio))
    ratio = exp(log_ratio)
    estimate = ratio - log_ratio - 1.0
    return (estimate, 1.0 - ratio) if estimate < _MAX_KL else (_MAX_KL, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _BatchGradient:
    weights: Weights
    norm: float
    clip_fraction: float
    kl: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _HeadGradient:
    """d loss / d logit of one head at one prompt, with its clipped actions and its sum of KL estimates."""

    logit_gradients: Sequence[float]
    clipped: int = 0
    kl: float = 0.0


# (action, advantage of its rollout, weight of one token of its rollout)
_SampledAction = tuple[int, float, float]


def _split_minibatches(batch: Sequence[Experience], count: int) -> list[Sequence[Experience]]:
    size = -(-len(batch) // count)
    return [batch[start : start + size] for start in range(0, len(batch), size)]


def _batch_gradient(
    weights: Weights, sampling_weights: Weights, batch: Sequence[Experience], settings: Hyperparameters
) -> _BatchGradient:
    lengths = [rollout.response_length for experience in batch for rollout in experience.group.rollouts]
    rollout_weights = iter(compute_token_weights(lengths, settings))
    columns: list[Sequence[float]] = [ZERO_COLUMN] * PROMPT_FEATURE_COUNT
    nuisance, feature_weights = [0.0] * NUISANCE_SIZE, [0.0] * RESPONSE_FEATURE_COUNT
    mean_shift = [
        mean - sampling_mean for mean, sampling_mean in zip(weights.nuisance, sampling_weights.nuisance, strict=True)
    ]
    action_count = clipped = 0
    kl = 0.0
    for experience in batch:
        token_weights = [next(rollout_weights) for _ in experience.group.rollouts]
        _add_nuisance_gradient(nuisance, weights.nuisance, mean_shift, experience, token_weights, settings=settings)
        action_count += sum([len(rollout.actions) for rollout in experience.group.rollouts])
        if weights == BASE_WEIGHTS and not any(experience.advantages):
            continue  # no advantage, and at the base weights the gradient of the KL penalty is zero
        heads = _head_gradients(weights, sampling_weights, experience, token_weights, settings)
        clipped += sum([head.clipped for head in heads])
        kl += sum([head.kl for head in heads])
        prompt_gradient = experience.group.prompt.gradient([value for head in heads for value in head.logit_gradients])
        for index, column in prompt_gradient.columns:
            columns[index] = [total + value for total, value in zip(columns[index], column, strict=True)]
        if prompt_gradient.feature_weights:
            feature_weights = [
                total + value for total, value in zip(feature_weights, prompt_gradient.feature_weights, strict=True)
            ]
    gradient = Weights(
        columns=tuple([tuple(column) for column in columns]),
        nuisance=tuple(nuisance),
        feature_weights=tuple(feature_weights),
    )
    return _BatchGradient(
        weights=gradient,
        norm=gradient_norm(gradient),
        clip_fraction=clipped / action_count,
        kl=kl / sum(lengths),
    )


def _head_gradients(
    weights: Weights,
    sampling_weights: Weights,
    experience: Experience,
    token_weights: Sequence[float],
    settings: Hyperparameters,
) -> list[_HeadGradient]:
    prompt, temperature = experience.group.prompt, settings.temperature
    old_policy = experience.group.policy
    new_policy = old_policy if weights is sampling_weights else prompt.policy(weights, temperature)
    base_policy = prompt.policy(BASE_WEIGHTS, temperature)

    sampled_actions: list[list[list[_SampledAction]]] = [[[] for _ in head] for head in new_policy.heads]
    for rollout, advantage, token_weight in zip(
        experience.group.rollouts, experience.advantages, token_weights, strict=True
    ):
        for head, action in enumerate(rollout.actions):
            sampled_actions[head][new_policy.distribution_index(head, rollout.actions)].append(
                (action, advantage, token_weight)
            )
    return [
        _sum_head_gradients(
            [
                _head_gradient(new, old, base, actions, settings)
                for new, old, base, actions in zip(*head, strict=True)
                if actions
            ],
            size=len(head[0][0].log_probabilities),
        )
        for head in zip(new_policy.heads, old_policy.heads, base_policy.heads, sampled_actions, strict=True)
    ]


def _head_gradient(
    new: Distribution,
    old: Distribution,
    base: Distribution,
    sampled_actions: Sequence[_SampledAction],
    settings: Hyperparameters,
) -> _HeadGradient:
    """Sum gradient * (one-hot(action) - pi) / T over the sampled actions. All are samples of the distribution pi."""
    action_gradients = [0.0] * len(new.log_probabilities)
    total = kl = 0.0
    clipped = 0
    for action, advantage, token_weight in sampled_actions:
        log_probability = new.log_probabilities[action]
        gradient = policy_loss_gradient(advantage, log_probability - old.log_probabilities[action], settings)
        if gradient == 0.0 and advantage != 0.0:
            clipped += 1
        estimate, estimate_gradient = estimate_kl(base.log_probabilities[action] - log_probability)
        kl += estimate
        action_gradient = token_weight * (gradient + settings.kl_coef * estimate_gradient)
        action_gradients[action] += action_gradient
        total += action_gradient
    return _HeadGradient(
        logit_gradients=[
            (action_gradient - total * probability) / settings.temperature
            for action_gradient, probability in zip(action_gradients, new.probabilities, strict=True)
        ],
        clipped=clipped,
        kl=kl,
    )


def _sum_head_gradients(gradients: Sequence[_HeadGradient], *, size: int) -> _HeadGradient:
    return _HeadGradient(
        logit_gradients=[sum([gradient.logit_gradients[action] for gradient in gradients]) for action in range(size)],
        clipped=sum([gradient.clipped for gradient in gradients]),
        kl=sum([gradient.kl for gradient in gradients]),
    )


def _add_nuisance_gradient(
    total: list[float],
    nuisance: Sequence[float],
    mean_shift: Sequence[float],
    experience: Experience,
    token_weights: Sequence[float],
    *,
    settings: Hyperparameters,
) -> None:
    """Add the gradient of the Gaussian N(nuisance, 1). The gradient of log N at a draw is (draw - nuisance).

    `mean_shift` is the change of the mean since the rollouts were sampled.
    """
    kl_weight = settings.kl_coef * sum(token_weights)
    for index, mean in enumerate(nuisance):
        total[index] += kl_weight * mean
    for advantage, token_weight, noise in zip(
        experience.advantages, token_weights, experience.nuisance_draws, strict=True
    ):
        if advantage == 0.0:
            continue
        # The log-ratio of two unit Gaussians at the draw: (noise^2 - (noise - shift)^2) / 2.
        log_ratio = sum([shift * (draw - 0.5 * shift) for draw, shift in zip(noise, mean_shift, strict=True)])
        gradient = token_weight * policy_loss_gradient(advantage, log_ratio, settings)
        for index, (draw, shift) in enumerate(zip(noise, mean_shift, strict=True)):
            total[index] += gradient * (draw - shift)
