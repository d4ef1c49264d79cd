"""AdamW over the policy's weights, and the gradient clipping before it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from simulator.training.weights import BASE_WEIGHTS, Weights

_BETA_1 = 0.9
_BETA_2 = 0.999
_EPSILON = 1e-8
# torch.nn.utils.clip_grad_norm_ adds this to the norm that it divides by.
_CLIP_EPSILON = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """The state of AdamW: running means of the gradients and of their squares, and the number of updates."""

    mean: Weights
    square: Weights
    updates: int


INITIAL_MOMENTS = Moments(mean=BASE_WEIGHTS, square=BASE_WEIGHTS, updates=0)


def gradient_norm(gradient: Weights) -> float:
    """Return the Euclidean norm of a gradient over all weights."""
    column_squares = [value * value for column in gradient.columns if any(column) for value in column]
    other_squares = sum([value * value for value in gradient.nuisance]) + sum(
        [value * value for value in gradient.feature_weights]
    )
    return sqrt(sum(column_squares) + other_squares)


def adamw_step(
    weights: Weights,
    moments: Moments,
    gradient: Weights,
    *,
    norm: float,
    learning_rate: float,
    weight_decay: float,
    max_grad_norm: float,
) -> tuple[Weights, Moments]:
    """Clip a gradient of norm `norm` and take one AdamW step: betas .9 and .999, epsilon 1e-8, decoupled decay.

    A weight whose gradient has always been zero does not change.
    """
    updates = moments.updates + 1
    scale = min(1.0, max_grad_norm / (norm + _CLIP_EPSILON))
    settings = _StepSettings(
        scale=scale,
        rate=learning_rate / (1.0 - _BETA_1**updates),
        decay=1.0 - learning_rate * weight_decay,
        correction=1.0 / (1.0 - _BETA_2**updates),
    )
    updated_columns = [
        _step_column(*column, settings)
        for column in zip(
            (*weights.columns, weights.nuisance, weights.feature_weights),
            (*moments.mean.columns, moments.mean.nuisance, moments.mean.feature_weights),
            (*moments.square.columns, moments.square.nuisance, moments.square.feature_weights),
            (*gradient.columns, gradient.nuisance, gradient.feature_weights),
            strict=True,
        )
    ]
    *columns, nuisance, feature_weights = updated_columns
    return (
        Weights(
            columns=tuple([column[0] for column in columns]), nuisance=nuisance[0], feature_weights=feature_weights[0]
        ),
        Moments(
            mean=Weights(
                columns=tuple([column[1] for column in columns]),
                nuisance=nuisance[1],
                feature_weights=feature_weights[1],
            ),
            square=Weights(
                columns=tuple([column[2] for column in columns]),
                nuisance=nuisance[2],
                feature_weights=feature_weights[2],
            ),
            updates=updates,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _StepSettings:
    scale: float
    rate: float
    decay: float
    correction: float


_Column = tuple[float, ...]


def _step_column(
    weights: _Column, mean: _Column, square: _Column, gradient: Sequence[float], step: _StepSettings
) -> tuple[_Column, _Column, _Column]:
    if not any(gradient) and not any(square):
        return weights, mean, square
    scaled_gradient = [step.scale * value for value in gradient]
    means = [_BETA_1 * m + (1.0 - _BETA_1) * g for m, g in zip(mean, scaled_gradient, strict=True)]
    squares = [_BETA_2 * v + (1.0 - _BETA_2) * g * g for v, g in zip(square, scaled_gradient, strict=True)]
    updated_weights = [
        step.decay * w - step.rate * m / (sqrt(v * step.correction) + _EPSILON)
        for w, m, v in zip(weights, means, squares, strict=True)
    ]
    return tuple(updated_weights), tuple(means), tuple(squares)
