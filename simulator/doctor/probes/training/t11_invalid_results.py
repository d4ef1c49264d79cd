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
    measured="The function scores every rollout of the simulated runs. A rollout without a score is a failure.",
    means=(
        "A job fails at a rollout without a usable score, perhaps after hours. The service does not use a default "
        "score."
    ),
    remedy=(
        "Score every rollout in time, even if its text is unusual. Catch the errors that you expect, limit the time of "
        "slow operations, and return a low score for these rollouts."
    ),
    source="DOCUMENTED: one result for each id. INFERRED: what Bedrock does with a missing one.",
)


def check_invalid_results(traces: TrainingTraces) -> Iterator[Finding]:
    """Check that every simulated run reached its end."""
    for trace in traces:
        if trace.error and trace.total_steps:
            yield INVALID_RESULTS.finding(
                Severity.FAIL,
                f"The simulated run ({trace.name}) ended after {trace.steps} of {trace.total_steps} steps, because a "
                "rollout got no usable score.",
                measured=trace.error,
                threshold="a score for each rollout",
                fix=INVALID_RESULTS.remedy,
                value=float(trace.steps),
            )
            return
    rollouts = sum(len(trace.rollouts) for trace in traces)
    if rollouts:
        yield INVALID_RESULTS.ok("Every rollout got a usable score.", measured=f"{rollouts} rollouts", value=0.0)
    else:
        yield INVALID_RESULTS.not_measured(next((trace.error for trace in traces if trace.error), NO_TRAINING))
