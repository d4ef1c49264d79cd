"""Logs with missing and malformed values."""

from __future__ import annotations

import math

from client.diagnosis.report import diagnose_job
from tests.client.diagnosis.job_logs import HEALTHY_CURVES, STEPS, failures_and_warnings, make_job, make_log, step_event


def test_missing_and_malformed_values_are_skipped_and_noted() -> None:
    """Nulls, text, booleans, NaN, missing keys, steps that are missing, repeated, without a number or out of order."""
    malformed = {7: None, 8: "0.001", 9: True, 10: math.nan, 11: math.inf, 12: 10**400}
    curves = {name: curve for name, curve in HEALTHY_CURVES.items() if name != "actor_entropy"}
    curves["actor_grad_norm"] = lambda step: malformed.get(step, 0.001)
    step_order = [step for step in range(STEPS, 0, -1) if step not in {1, 4}]
    events = [step_event(step, **{name: curve(step) for name, curve in curves.items()}) for step in step_order]
    events += [step_event(None, critic_rewards_mean=0.5), *make_log()[-1:]]
    diagnosis = diagnose_job(make_job(), events, ())
    assert (diagnosis.steps, diagnosis.total_steps, diagnosis.notes, failures_and_warnings(diagnosis)) == (
        58,
        STEPS,
        (
            "1 metrics event without a step number left out.",
            "2 steps before step 60 not in the log.",
            "actor_entropy is missing or not a number in 57 of 58 steps.",
            "actor_grad_norm is missing or not a number in 6 of 58 steps.",
        ),
        set(),
    )
