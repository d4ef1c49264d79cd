"""T8: does the reward rise as much on records that training did not use?"""

from collections.abc import Iterator
from math import sqrt
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.probes.static.score_scale import SCALE_EXPLANATION
from simulator.doctor.probes.training.trace_windows import comparable_trace, last_rollouts, reward_means
from simulator.doctor.training_trace import TrainingTraces

GAP_WARN: Final = 0.05

GAP_FAIL: Final = 0.10
"""Microsoft's skill for reinforcement fine-tuning: a gap of 0.05 is healthy, a gap above 0.10 is a reason to stop."""

MIN_HELD_OUT_RECORDS: Final = 100
"""In simulated runs with 30 held-out records, one random reward in four showed such a gap by chance."""

GAP_STANDARD_ERRORS: Final = 2.0
"""A gap counts only if it is also larger than this many standard errors."""

HELD_OUT_GAP: Final = Probe(
    id="T8",
    name="held-out gap",
    question="Does the reward also rise on held-out records, as much as on the training records?",
    measured=(
        "The mean reward of the last ten steps minus the reward of the last evaluation on held-out records. A gap of "
        f"more than {GAP_WARN} is a warning, and a gap of more than {GAP_FAIL} is a failure. The gap must also exceed "
        f"{GAP_STANDARD_ERRORS:g} standard errors. {SCALE_EXPLANATION} At least {MIN_HELD_OUT_RECORDS} held-out "
        "records are needed, because with fewer records the gap is mostly chance."
    ),
    means=(
        "A gap means that the model learned something that is true only for the training records, or that the two "
        "files differ."
    ),
    remedy=(
        "Check that both files have the same kind of prompts and references. Use fewer epochs, or more varied records."
    ),
    source="Microsoft's azure-skills on reward hacking: 0.05 and 0.10. INFERRED: the standard error.",
)


def check_held_out_gap(traces: TrainingTraces) -> Iterator[Finding]:
    """Compare the training reward with the held-out reward."""
    trace = comparable_trace(traces)
    if isinstance(trace, str):
        yield HELD_OUT_GAP.not_measured(trace)
        return
    records = trace.held_out_records
    if not trace.held_out or records < MIN_HELD_OUT_RECORDS:
        yield HELD_OUT_GAP.not_measured(
            f"{records} records are held out. A gap can be distinguished from chance with {MIN_HELD_OUT_RECORDS} or "
            "more. Name a validation file.",
            is_left_out=True,
        )
        return
    training_reward, held_out_reward = reward_means(trace).last, trace.scale.normalize(trace.held_out[-1].reward_mean)
    gap = training_reward - held_out_reward
    prompts = len({(rollout.step, rollout.line) for rollout in last_rollouts(trace)})
    max_chance_gap = GAP_STANDARD_ERRORS * sqrt(
        _variance(training_reward) / prompts + _variance(held_out_reward) / records
    )
    measured = f"{training_reward:.3f} trained, {held_out_reward:.3f} held out{trace.scale.note}"
    if gap <= max(GAP_WARN, max_chance_gap):
        yield HELD_OUT_GAP.ok("The reward on held-out records is as high.", measured=measured, value=gap)
        return
    severity = Severity.FAIL if gap > GAP_FAIL else Severity.WARN
    yield HELD_OUT_GAP.finding(
        severity,
        "The reward is higher on training records than on held-out records.",
        measured=measured,
        threshold=f"a gap of at most {GAP_FAIL if severity is Severity.FAIL else GAP_WARN}",
        fix=HELD_OUT_GAP.remedy,
        value=gap,
    )


def _variance(mean: float) -> float:
    """Return the largest variance of scores between 0 and 1 with this mean."""
    return max(0.0, mean * (1.0 - mean))
