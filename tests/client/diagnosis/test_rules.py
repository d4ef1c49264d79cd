"""All rules together, on sound and on broken runs."""

from __future__ import annotations

import pytest

from client.diagnosis.report import diagnose_job
from tests.client.diagnosis.job_logs import (
    DEAD,
    Curve,
    constant_curve,
    failures_and_warnings,
    make_job,
    make_log,
    step_curve,
)

HEALTHY_SEVERITIES = {
    ("T10", "dead gradient"): "ok",
    ("T3", "sparse"): "ok",
    ("T2", "saturated"): "ok",
    ("T4", "no learning"): "ok",
    ("T3", "plateau"): "ok",
    ("T4", "reward collapse"): "ok",
    ("T7", "mode collapse"): "ok",
    ("T8", "memorised"): "info",
    ("T6", "length drift"): "ok",
    ("T10", "gradient spike"): "ok",
    ("T6", "length pays"): "info",
}


def test_a_sound_run_has_every_finding_and_no_warning() -> None:
    """Only the gap to held-out rows is not measured, because there are no checkpoints."""
    findings = diagnose_job(make_job(), make_log(), ()).findings
    assert {(finding.id, finding.name): str(finding.severity) for finding in findings} == HEALTHY_SEVERITIES


def dead_until(last: int) -> dict[str, Curve]:
    """Return curves of a run whose first steps, up to `last`, are dead."""
    return {
        "actor_grad_norm": lambda step: 0.0 if step <= last else 0.001,
        "actor_pg_loss": lambda step: 0.0 if step <= last else 0.05,
    }


@pytest.mark.parametrize(
    ("curves", "expected"),
    [
        (
            {"critic_rewards_mean": constant_curve(0.0), **DEAD},
            {"fail T10 dead gradient", "fail T3 sparse", "fail T4 no learning", "fail T3 plateau"},
        ),
        (
            {"critic_rewards_mean": constant_curve(1.0), **DEAD},
            {"fail T10 dead gradient", "warn T2 saturated"},
        ),
        ({"critic_rewards_mean": step_curve(0.04, 0.9)}, {"fail T3 sparse"}),
        ({"critic_rewards_mean": step_curve(0.06, 0.14)}, {"warn T3 plateau"}),
        ({"critic_rewards_mean": step_curve(0.5, 0.54)}, {"fail T4 no learning"}),
        ({"critic_rewards_mean": step_curve(0.91, 0.92)}, set()),
        ({"critic_rewards_mean": step_curve(0.95, 0.97)}, set()),
        ({"critic_rewards_mean": step_curve(0.96, 0.97)}, {"warn T2 saturated"}),
        (
            {"critic_rewards_mean": lambda step: 0.9 if 20 < step <= 40 else 0.5 if step <= 20 else 0.7},
            {"warn T4 reward collapse"},
        ),
        (
            {
                "critic_rewards_mean": lambda step: (
                    (0.5 if step <= 20 else 0.85 if step <= 40 else 0.6) + 0.1 * (-1) ** step
                )
            },
            {"warn T4 reward collapse"},
        ),
        ({"response_length_mean": step_curve(300.0, 430.0)}, {"warn T6 length drift"}),
        ({"response_length_mean": step_curve(300.0, 410.0)}, set()),
        ({"response_length_mean": step_curve(300.0, 170.0)}, {"warn T6 length drift"}),
        ({"actor_entropy": step_curve(0.6, 0.05)}, {"fail T7 mode collapse"}),
        ({"actor_entropy": step_curve(0.6, 0.07)}, set()),
        ({"actor_entropy": step_curve(0.6, 1.0)}, {"warn T7 mode collapse"}),
        (dead_until(31), {"fail T10 dead gradient"}),
        (dead_until(30), set()),
        ({"actor_grad_norm": lambda step: 0.011 if step == 31 else 0.001}, {"warn T10 gradient spike"}),
        ({"actor_grad_norm": lambda step: 0.11 if step == 31 else 0.001}, {"warn T10 gradient spike"}),
        ({"actor_grad_norm": lambda step: 100.0 if step in {31, 32, 40} else 0.001}, {"warn T10 gradient spike"}),
        ({"actor_grad_norm": lambda step: 0.009 if step == 31 else 0.001}, set()),
    ],
)
def test_each_defect_triggers_only_its_rules(curves: dict[str, Curve], expected: set[str]) -> None:
    """With curves on both sides of every threshold."""
    assert failures_and_warnings(diagnose_job(make_job(), make_log(**curves), ())) == expected
