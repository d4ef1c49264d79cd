"""Softmax distributions over a list of actions, and sampling from them."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import exp, log
from operator import mul


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """A softmax over one head's actions; entropy in nats."""

    probabilities: tuple[float, ...]
    log_probabilities: tuple[float, ...]
    entropy: float


def softmax(logits: Sequence[float], temperature: float) -> Distribution:
    """Return the distribution of these logits; at a temperature of zero or less the first highest is certain."""
    highest = max(logits)
    if temperature <= 0.0:
        best = logits.index(highest)
        certain = tuple([1.0 if index == best else 0.0 for index in range(len(logits))])
        return Distribution(
            probabilities=certain, log_probabilities=tuple([0.0 if p else float("-inf") for p in certain]), entropy=0.0
        )
    scaled = [(logit - highest) / temperature for logit in logits]
    weights = list(map(exp, scaled))
    total = sum(weights)
    log_total = log(total)
    probabilities = tuple([weight / total for weight in weights])
    return Distribution(
        probabilities=probabilities,
        log_probabilities=tuple([value - log_total for value in scaled]),
        entropy=log_total - sum(map(mul, probabilities, scaled)),
    )


def sample_index(distribution: Distribution, u: float) -> int:
    """Inverse of the cumulative distribution at `u`."""
    cumulative = list(accumulate(distribution.probabilities))
    return min(bisect_left(cumulative, u), len(cumulative) - 1)
