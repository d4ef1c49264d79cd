"""T11: does every rollout get a usable score?"""

from collections.abc import Iterator
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.probes.training.trace_windows import NO_TRAINING
from simulator.doctor.training_trace import TrainingTraces

INVALID_RESULTS: Final = Probe(
    id="T11",
    name="invalid results",
    question="Does every rollout of a whole run get a usable score?",
    measured="The function is called for every rollout of the rehearsed runs. One that gets no score is a failure.",
    means="A job ends in failure there, after hours perhaps. Nothing is scored in place of a function that failed.",
    remedy=(
        "Score every rollout, whatever its text and in time: catch what is expected to fail, bound what may take long, "
        "and return a low score for it."
    ),
    source="DOCUMENTED: one result for each id. INFERRED: what Bedrock does with a missing one.",
)


def check_invalid_results(traces: TrainingTraces) -> Iterator[Finding]:
    """T11: see whether every course came to its end."""
    for course in traces:
        if course.error and course.total_steps:
            yield INVALID_RESULTS.finding(
                Severity.FAIL,
                f"The rehearsed run ({course.name}) ended after {course.steps} of {course.total_steps} steps, without "
                "a usable score.",
                measured=course.error,
                threshold="a score for each rollout",
                fix=INVALID_RESULTS.remedy,
                value=float(course.steps),
            )
            return
    rollouts = sum(len(course.rollouts) for course in traces)
    if rollouts:
        yield INVALID_RESULTS.ok("Every rollout got a usable score.", measured=f"{rollouts} rollouts", value=0.0)
    else:
        yield INVALID_RESULTS.not_measured(next((course.error for course in traces if course.error), NO_TRAINING))
