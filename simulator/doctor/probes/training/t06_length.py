"""T6: check that the length of the responses does not change much."""

from collections.abc import Iterator
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.probes.training.trace_windows import WINDOWS_TEXT, comparable_trace, last_rollouts, metric_means
from simulator.doctor.training_trace import TrainingTraces

MAX_LENGTH_RATIO: Final = 1.4

MIN_LENGTH_RATIO: Final = 0.6
"""INFERRED: in simulated runs with a valid reward function, the ratio is between 0.84 and 1.28.

AWS lists "length exploding" as a sign of reward hacking.
"""

MAX_LENGTH_CORRELATION: Final = 0.25
"""The largest correlation of length and reward (INFERRED).

In simulated runs it is 0 with a valid reward function, and 0.74 if the reward grows with the length.
"""

LENGTH: Final = Probe(
    id="T6",
    name="length",
    question="Does the length of the responses stay about the same?",
    measured=(
        f"The mean length in tokens over {WINDOWS_TEXT}. More than {MAX_LENGTH_RATIO} times or less than "
        f"{MIN_LENGTH_RATIO} times the first mean is a warning. It is also a warning if the correlation of length "
        f"and reward is above {MAX_LENGTH_CORRELATION} on average over the steps."
    ),
    means=(
        "If longer responses get a higher reward, the model learns to write longer ones. They cost more and are "
        "not better."
    ),
    remedy=(
        "Score the result and not the number of words, steps or characters. If the score depends on such a number, "
        "limit its effect."
    ),
    source=(
        'AWS, on how to read the metrics: "length exploding". Length bias: Dr. GRPO (arXiv 2503.20783). '
        "The limits are INFERRED."
    ),
)


def check_length(traces: TrainingTraces) -> Iterator[Finding]:
    """Compare the lengths, and check whether longer responses get a higher reward."""
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
            examples=(longest.example(f"{longest.response_length} tokens with the reasoning"),),
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
            examples=(longest.example(f"{longest.response_length} tokens with the reasoning"),),
        )
    if is_ok:
        yield LENGTH.ok("The length of the responses stays about the same.", measured=measured, value=lengths.ratio)
