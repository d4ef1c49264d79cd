"""Rules about the policy."""

from __future__ import annotations

import pytest

from client.diagnosis.report import dead_gradient_message
from client.diagnosis.rule import Severity
from tests.client.diagnosis.job_logs import (
    BROKEN,
    Curve,
    constant_curve,
    finding_named,
    make_job,
    make_log,
)

DEAD_LOSS: dict[str, Curve] = {"actor_pg_loss": constant_curve(0.0)}


def test_dead_steps_do_not_count_for_spikes() -> None:
    """Late in a good run most steps have no advantages, and a gradient hundreds of times smaller."""
    curves: dict[str, Curve] = {
        "actor_grad_norm": lambda step: 0.001 if step % 3 == 0 else 0.000002,
        "actor_pg_loss": lambda step: 0.05 if step % 3 == 0 else 0.0,
    }
    finding = finding_named("gradient spike", make_log(**curves))
    assert (finding.severity, finding.measured) == (Severity.OK, "x1.0 at step 3")


def test_a_spike_is_seen_among_few_steps_that_are_not_dead() -> None:
    """The median of all steps would be that of the dead ones."""
    curves: dict[str, Curve] = {
        "actor_grad_norm": lambda step: {10: 0.001, 20: 0.001, 30: 0.02, 40: 0.001}.get(step, 0.000002),
        "actor_pg_loss": lambda step: 0.05 if step % 10 == 0 else 0.0,
    }
    assert finding_named("gradient spike", make_log(**curves)).measured == "x20.0 at step 30"


def test_a_run_that_is_dead_throughout_has_no_spike() -> None:
    """Its largest gradient is a rounding error."""
    curves: dict[str, Curve] = {"actor_grad_norm": lambda step: 1e-7 if step == 5 else 1e-9, **DEAD_LOSS}
    assert finding_named("gradient spike", make_log(**curves)).meaning == "Every step had a dead gradient."


def test_dead_steps_after_the_reward_rose_are_a_warning() -> None:
    """The task is learned, so the reward function is not to blame."""
    curves: dict[str, Curve] = {
        "actor_grad_norm": lambda step: 0.001 if step <= 25 else 0.000004,
        "actor_pg_loss": lambda step: 0.05 if step <= 25 else 0.0,
    }
    finding = finding_named("dead gradient", make_log(**curves))
    assert (finding.severity, finding.measured, finding.fix) == (
        Severity.WARN,
        "35 of 60 steps",
        "Fewer epochs, or harder prompts.",
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


def test_the_end_of_a_run_names_its_dead_steps() -> None:
    """`rft train` prints this sentence."""
    assert dead_gradient_message(make_job(), make_log(**BROKEN)) == (
        "60 of 60 steps had a dead gradient. In each of these steps all answers to one prompt got the same reward: "
        "nothing was learned. rft-sim doctor shows which answers get the same reward though they differ in quality."
    )
    assert dead_gradient_message(make_job(), make_log()) is None
