"""Softmax distributions over a list of actions, and sampling from them."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import exp, log
from operator import mul


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """A softmax over the actions of one head; the entropy is in nats."""

    probabilities: tuple[float, ...]
    log_probabilities: tuple[float, ...]
    entropy: float


def softmax(logits: Sequence[float], temperature: float) -> Distribution:
    """Return the softmax of these logits. At a temperature of 0 or less the first maximum has probability 1."""
    highest = max(logits)
    if temperature <= 0.0:
        best_action = logits.index(highest)
        one_hot = tuple([1.0 if index == best_action else 0.0 for index in range(len(logits))])
        return Distribution(
            probabilities=one_hot, log_probabilities=tuple([0.0 if p else float("-inf") for p in one_hot]), entropy=0.0
        )
    scaled_logits = [(logit - highest) / temperature for logit in logits]
    weights = list(map(exp, scaled_logits))
    total = sum(weights)
    log_total = log(total)
    probabilities = tuple([weight / total for weight in weights])
    return Distribution(
        probabilities=probabilities,
        log_probabilities=tuple([value - log_total for value in scaled_logits]),
        entropy=log_total - sum(map(mul, probabilities, scaled_logits)),
    )


def sample_index(distribution: Distribution, u: float) -> int:
    """Return the action at the quantile `u` in (0, 1): the inverse of the cumulative distribution."""
    cumulative = list(accumulate(distribution.probabilities))
    return min(bisect_left(cumulative, u), len(cumulative) - 1)
