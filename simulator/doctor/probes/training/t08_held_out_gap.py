"""T8: does the reward rise as much on records that training did not use?"""

from collections.abc import Iterator
from math import sqrt
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.probes.static.score_scale import SCALE_EXPLANATION
from simulator.doctor.probes.training.trace_windows import (
    comparable_trace,
    last_rollouts,
    reward_means,
)
from simulator.doctor.training_trace import TrainingTraces

GAP_WARN: Final = 0.05

GAP_FAIL: Final = 0.10
"""Microsoft's skill for reinforcement tuning: a gap of .05 is healthy, one above .10 a reason to stop."""

MIN_HELD_OUT_RECORDS: Final = 100
"""With 30 held-out records one run in four of a random reward showed such a gap by chance, in simulated runs."""

GAP_STANDARD_ERRORS: Final = 2.0
"""A gap counts when it is also larger than so many of its standard errors."""

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
