"""T6, T7 and T8: does training change what it should not: the length, the variety, what was never trained on?"""

from collections.abc import Iterator
from math import sqrt
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.probes.static.score_scale import SCALE_EXPLANATION
from simulator.doctor.probes.training.trace_windows import (
    WINDOWS_TEXT,
    comparable_trace,
    last_rollouts,
    metric_means,
    reward_means,
)
from simulator.doctor.training_trace import TrainingTraces

MAX_LENGTH_RATIO: Final = 1.4
MIN_LENGTH_RATIO: Final = 0.6
"""INFERRED: simulated runs on sound rewards stay within .84 and 1.28. AWS: "length exploding" hints at hacking."""

MAX_LENGTH_CORRELATION: Final = 0.25
"""Correlation of length and reward (INFERRED): in simulated runs 0 for a sound reward, .74 where length is paid for."""

MIN_ENTROPY_RATIO: Final = 0.1
MAX_ENTROPY_RATIO: Final = 1.5
"""AWS: "entropy collapsing to 0 = mode collapse". INFERRED: the numbers."""

GAP_WARN: Final = 0.05
GAP_FAIL: Final = 0.10
"""Microsoft's skill for reinforcement tuning: a gap of .05 is healthy, one above .10 a reason to stop."""

MIN_HELD_OUT_RECORDS: Final = 100
"""With 30 held-out records one run in four of a random reward showed such a gap by chance, in simulated runs."""

GAP_STANDARD_ERRORS: Final = 2.0
"""A gap counts when it is also larger than so many of its standard errors."""

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

ENTROPY: Final = Probe(
    id="T7",
    name="entropy",
    question="Does the model keep some variety in what it answers?",
    measured=(
        f"The mean entropy (actor_entropy) over {WINDOWS_TEXT}. Less than {MIN_ENTROPY_RATIO} times the first is a failure, more "
        f"than {MAX_ENTROPY_RATIO} times a warning."
    ),
    means=(
        "Entropy falls while a model learns. When next to nothing is left it gives one kind of response to everything "
        "and can learn no other; when it grows, training takes the model apart or pulls it nowhere."
    ),
    remedy="Read the last responses for a trick that scores. Lower the learning rate multiplier, or train less.",
    source="The entropy mechanism of RL (arXiv 2505.22617); AWS on mode collapse. INFERRED: the numbers.",
)

HELD_OUT_GAP: Final = Probe(
    id="T8",
    name="held-out gap",
    question="Does the reward rise as much on records that were not trained on?",
    measured=(
        "The mean reward of the last ten steps, less that of the last evaluation on held-out records. More than "
        f"{GAP_WARN} is a warning, more than {GAP_FAIL} a failure, where it also exceeds {GAP_STANDARD_ERRORS:g} standard "
        f"errors. {SCALE_EXPLANATION} At least {MIN_HELD_OUT_RECORDS} held-out records are needed: with fewer it is mostly chance."
    ),
    means="A gap says that part of what was learned holds for the training records alone, or that the files differ.",
    remedy="See that both files ask alike and carry their references alike. Take fewer epochs, or more varied records.",
    source="Microsoft's azure-skills on reward hacking: .05 and .10. The standard error: INFERRED.",
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


def check_entropy(traces: TrainingTraces) -> Iterator[Finding]:
    """T7: compare entropies."""
    course = comparable_trace(traces)
    if isinstance(course, str):
        yield ENTROPY.not_measured(course)
        return
    entropies = metric_means(course, lambda metrics: metrics.actor_entropy)
    if not entropies.first:
        yield ENTROPY.not_measured("The entropy is 0 from the start: all rollouts of a prompt are alike.")
        return
    measured = f"{entropies.first:.2f}, then {entropies.last:.2f}"
    if entropies.ratio < MIN_ENTROPY_RATIO:
        yield ENTROPY.finding(
            Severity.FAIL,
            "Nearly all variety is gone: the model gives one kind of response.",
            measured=measured,
            threshold=f"at least {MIN_ENTROPY_RATIO} times the first",
            fix=ENTROPY.remedy,
            value=entropies.ratio,
            examples=(max(last_rollouts(course), key=lambda scored: scored.reward).example("of the last ten steps"),),
        )
    elif entropies.ratio > MAX_ENTROPY_RATIO:
        yield ENTROPY.finding(
            Severity.WARN,
            "The responses scatter more than before training.",
            measured=measured,
            threshold=f"at most {MAX_ENTROPY_RATIO} times the first",
            fix=ENTROPY.remedy,
            value=entropies.ratio,
        )
    else:
        yield ENTROPY.ok("Some variety is kept.", measured=measured, value=entropies.ratio)


def check_held_out_gap(traces: TrainingTraces) -> Iterator[Finding]:
    """T8: hold training against the held-out records."""
    course = comparable_trace(traces)
    if isinstance(course, str):
        yield HELD_OUT_GAP.not_measured(course)
        return
    records = course.held_out_records
    if not course.held_out or records < MIN_HELD_OUT_RECORDS:
        yield HELD_OUT_GAP.not_measured(
            f"{records} records are held out; it takes {MIN_HELD_OUT_RECORDS} to tell a gap from chance. Name a validation file."
        )
        return
    trained, evaluated = reward_means(course).last, course.scale.normalize(course.held_out[-1].reward_mean)
    gap = trained - evaluated
    prompts = len({(scored.step, scored.line) for scored in last_rollouts(course)})
    chance = GAP_STANDARD_ERRORS * sqrt(_variance(trained) / prompts + _variance(evaluated) / records)
    measured = f"{trained:.3f} trained, {evaluated:.3f} held out{course.scale.note}"
    if gap <= max(GAP_WARN, chance):
        yield HELD_OUT_GAP.ok("It does as well on held-out records.", measured=measured, value=gap)
        return
    severity = Severity.FAIL if gap > GAP_FAIL else Severity.WARN
    yield HELD_OUT_GAP.finding(
        severity,
        "It does better on the records that it was trained on.",
        measured=measured,
        threshold=f"a gap of at most {GAP_FAIL if severity is Severity.FAIL else GAP_WARN}",
        fix=HELD_OUT_GAP.remedy,
        value=gap,
    )


def _variance(mean: float) -> float:
    """Return the most that scores between 0 and 1 with this mean can vary."""
    return max(0.0, mean * (1.0 - mean))
