"""Rules about the policy."""

from __future__ import annotations

import pytest

from client.diagnosis.report import diagnose_job
from client.diagnosis.rule import Severity
from tests.client.diagnosis.job_logs import (
    Curve,
    constant_curve,
    failures_and_warnings,
    finding_named,
    make_job,
    make_log,
)


def test_steps_with_only_a_kl_gradient_do_not_count_for_spikes() -> None:
    """Late in a good run most steps have no advantages, and a gradient hundreds of times smaller."""
    assert not failures_and_warnings(
        diagnose_job(make_job(), make_log(actor_grad_norm=lambda step: 0.001 if step % 3 == 0 else 0.000002), ())
    )


@pytest.mark.parametrize(
    ("curve", "meaning"),
    [
        (lambda step: 0.2 + 0.01 * (step % 2), "Longer answers scored better than others to the same prompt."),
        (lambda step: -0.2 + 0.01 * (step % 2), "Shorter answers scored better than others to the same prompt."),
        (lambda step: 0.02 + 0.05 * (-1) ** step, "Longer answers scored better than others to the same prompt."),
        (lambda step: 0.01 + 0.05 * (-1) ** step, "Long and short answers scored alike."),
        (constant_curve(0.0), "Long and short answers scored alike."),
    ],
)
def test_the_sign_of_the_mean_advantage_says_which_length_scores(curve: Curve, meaning: str) -> None:
    """As information, never as a warning."""
    finding = finding_named("length pays", make_log(critic_advantages_mean=curve))
    assert (finding.severity, finding.meaning) == (Severity.INFO, meaning)
