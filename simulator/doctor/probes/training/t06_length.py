"""T6: do the responses keep their length?"""

from collections.abc import Iterator
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.probes.training.trace_windows import WINDOWS_TEXT, comparable_trace, last_rollouts, metric_means
from simulator.doctor.training_trace import TrainingTraces

MAX_LENGTH_RATIO: Final = 1.4

MIN_LENGTH_RATIO: Final = 0.6
"""INFERRED: simulated runs on sound rewards stay between 0.84 and 1.28. AWS: "length exploding" hints at hacking."""

MAX_LENGTH_CORRELATION: Final = 0.25
"""The largest correlation of length and reward (INFERRED).

In simulated runs it is 0 for a sound reward, and 0.74 if the reward grows with the length.
"""

LENGTH: Final = Probe(
    id="T6",
    name="length",
    question="Do the responses keep their length?",
    measured=(
        f"The mean length in tokens over {WINDOWS_TEXT}. More than {MAX_LENGTH_RATIO} times or less than "
        f"{MIN_LENGTH_RATIO} times the first mean is a warning. A mean correlation of length and reward over the "
        f"steps above {MAX_LENGTH_CORRELATION} is also a warning."
    ),
    means=(
        "If longer responses get a higher reward, the model learns to write longer ones. They cost more and are "
        "not better."
    ),
    remedy="Score the result and not the number of words, steps or characters. Limit the score that a count can add.",
    source=(
        'AWS on reading the metrics: "length exploding". Length bias: Dr. GRPO (arXiv 2503.20783). INFERRED: numbers.'
    ),
)


def check_length(traces: TrainingTraces) -> Iterator[Finding]:
    """Compare the lengths, and check whether longer responses earn more."""
    trace = comparable_trace(traces)
    if isinstance(trace, str):
        yield LENGTH.not_measured(trace)
        return
    lengths = metric_means(trace, lambda metrics: metrics.response_length_mean)
    measured = f"{lengths.first:.0f} tokens, then {lengths.last:.0f}"
    longest = max(last_rollouts(trace), key=lambda rollout: (rollout.reward, rollout.response_length))
    is_ok = True
    if not MIN_LENGTH_RATIO <= lengths.ratio <= MAX_LENGTH_RATIO:
        is_ok = False
        yield LENGTH.finding(
            Severity.WARN,
            "The responses grow." if lengths.ratio > MAX_LENGTH_RATIO else "The responses shrink.",
            measured=measured,
            threshold=f"{MIN_LENGTH_RATIO} to {MAX_LENGTH_RATIO} times as long",
            fix=LENGTH.remedy,
            value=lengths.ratio,
            examples=(longest.example(f"{longest.response_length} tokens, reasoning included"),),
        )
    correlation = sum(truth.length_reward_correlation for truth in trace.truths) / trace.steps
    if correlation > MAX_LENGTH_CORRELATION:
        is_ok = False
        yield LENGTH.finding(
            Severity.WARN,
            "Longer responses score higher.",
            measured=f"a correlation of {correlation:.2f}",
            threshold=f"at most {MAX_LENGTH_CORRELATION}",
            fix=LENGTH.remedy,
            value=correlation,
            examples=(longest.example(f"{longest.response_length} tokens, reasoning included"),),
        )
    if is_ok:
        yield LENGTH.ok("The responses keep their length.", measured=measured, value=lengths.ratio)
