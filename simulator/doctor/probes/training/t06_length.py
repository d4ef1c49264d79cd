"""T6: do the responses keep their length?"""

from collections.abc import Iterator
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.probes.training.trace_windows import (
    WINDOWS_TEXT,
    comparable_trace,
    last_rollouts,
    metric_means,
)
from simulator.doctor.training_trace import TrainingTraces

MAX_LENGTH_RATIO: Final = 1.4

MIN_LENGTH_RATIO: Final = 0.6
"""INFERRED: simulated runs on sound rewards stay within .84 and 1.28. AWS: "length exploding" hints at hacking."""

MAX_LENGTH_CORRELATION: Final = 0.25
"""Correlation of length and reward (INFERRED): in simulated runs 0 for a sound reward, .74 where length is paid for."""

LENGTH: Final = Probe(
    id="T6",
    name="length",
    question="Do the responses stay about as long as they were?",
    measured=(
        f"The mean length in tokens over {WINDOWS_TEXT}: more than {MAX_LENGTH_RATIO} times or less than {MIN_LENGTH_RATIO} times the first "
        "is a warning. So is a mean correlation of length and reward, step by step, above "
        f"{MAX_LENGTH_CORRELATION}."
    ),
    means="A reward that pays for length is learned as such: responses grow, cost more, and are no better.",
    remedy="Pay for the result, not for words, steps or characters; cap what a count can earn.",
    source=(
        'AWS on reading the metrics: "length exploding". Length bias: Dr. GRPO (arXiv 2503.20783). INFERRED: numbers.'
    ),
)


def check_length(traces: TrainingTraces) -> Iterator[Finding]:
    """T6: compare lengths, and ask whether length pays."""
    course = comparable_trace(traces)
    if isinstance(course, str):
        yield LENGTH.not_measured(course)
        return
    lengths = metric_means(course, lambda metrics: metrics.response_length_mean)
    measured = f"{lengths.first:.0f} tokens, then {lengths.last:.0f}"
    longest = max(last_rollouts(course), key=lambda scored: (scored.reward, scored.response_length))
    fine = True
    if not MIN_LENGTH_RATIO <= lengths.ratio <= MAX_LENGTH_RATIO:
        fine = False
        yield LENGTH.finding(
            Severity.WARN,
            "The responses grow." if lengths.ratio > MAX_LENGTH_RATIO else "The responses shrink.",
            measured=measured,
            threshold=f"{MIN_LENGTH_RATIO} to {MAX_LENGTH_RATIO} times as long",
            fix=LENGTH.remedy,
            value=lengths.ratio,
            examples=(longest.example(f"{longest.response_length} tokens, thinking included"),),
        )
    pays = sum(truth.length_reward_correlation for truth in course.truths) / course.steps
    if pays > MAX_LENGTH_CORRELATION:
        fine = False
        yield LENGTH.finding(
            Severity.WARN,
            "Longer responses score higher.",
            measured=f"a correlation of {pays:.2f}",
            threshold=f"at most {MAX_LENGTH_CORRELATION}",
            fix=LENGTH.remedy,
            value=pays,
            examples=(longest.example(f"{longest.response_length} tokens, thinking included"),),
        )
    if fine:
        yield LENGTH.ok("The responses stay about as long.", measured=measured, value=lengths.ratio)
