"""Preconditions of rules, and notes."""

from __future__ import annotations

import pytest

from client.diagnosis.report import diagnose_job
from client.mantle_types import Event
from tests.client.diagnosis.job_logs import (
    constant_curve,
    failures_and_warnings,
    finding_named,
    make_job,
    make_log,
    step_event,
)
from tests.client.diagnosis.test_rules import HEALTHY_SEVERITIES


@pytest.mark.parametrize(
    ("steps", "measured"),
    [
        (4, set()),
        (5, {"dead gradient"}),
        (19, {"dead gradient", "sparse", "saturated", "gradient spike", "length pays"}),
        (20, {name for _, name in HEALTHY_SEVERITIES} - {"memorised"}),
    ],
)
def test_rules_that_need_more_steps_do_not_measure(steps: int, measured: set[str]) -> None:
    """Most need 10 or 20 steps."""
    findings = diagnose_job(make_job(), make_log(steps), ()).findings
    assert {finding.name for finding in findings if finding.value is not None} == measured


@pytest.mark.parametrize(
    ("status", "planned", "advice"),
    [
        ("succeeded", 8, " More epochs or a smaller batch make more steps."),
        ("running", 60, " Run this again later."),
        ("cancelled", 60, ""),
        ("succeeded", None, ""),
    ],
)
def test_a_short_run_says_how_to_get_more_steps(status: str, planned: int | None, advice: str) -> None:
    """More epochs if it was planned so short, more time if it is running, nothing if it was cancelled."""
    events = [step_event(step, total_steps=planned, critic_rewards_mean=0.5) for step in range(1, 9)]
    notes = diagnose_job(make_job(status), events, ()).notes
    assert [note for note in notes if note.startswith("8 steps")] == [
        f"8 steps: below 20 the first ten and the last ten overlap.{advice}"
    ]
    assert finding_named("plateau", events).meaning == "It needs 20 steps; there are 8."


def test_a_running_job_gets_warnings_instead_of_failures() -> None:
    """A note says that the log is not complete."""
    diagnosis = diagnose_job(make_job("running"), make_log(30, critic_rewards_mean=constant_curve(0.1)), ())
    assert (diagnosis.notes, failures_and_warnings(diagnosis)) == (
        ("The job is running; this is based on its first 30 of 60 steps.",),
        {"warn T4 no learning", "warn T3 plateau"},
    )


@pytest.mark.parametrize("reward", [-0.1, 1.1])
def test_rewards_outside_0_to_1_are_not_measured(reward: float) -> None:
    """AWS allows a task-defined range. The rules about gradients, entropy and length still measure."""
    findings = diagnose_job(
        make_job(), make_log(critic_rewards_mean=lambda step: 0.5 if step > 1 else reward), ()
    ).findings
    reason = "Some rewards are outside 0 to 1, the range of the threshold."
    assert {finding.name for finding in findings if finding.meaning == reason} == {
        *("sparse", "saturated", "no learning", "plateau", "reward collapse", "memorised"),
    }


def test_a_metric_without_values_is_reported_as_missing() -> None:
    """Not as a run that is too short."""
    events = [step_event(step, critic_rewards_mean=0.5 + step / 100) for step in range(1, 31)]
    assert finding_named("length drift", events).meaning == "The events carry no response_length_mean."


def test_fallback_scores_are_not_diagnosed() -> None:
    """The note about the failed calls comes first, once for each service."""
    sentence = "8 of 8 calls to s3 failed; these scores are the function's fallback: Denied: no"
    warnings = [
        Event(id=f"w{number}", created_at=0, level="warn", message=message, metrics=None, body={})
        for number, message in enumerate([f"4 of 4{sentence.removeprefix('8 of 8')}", "Step 2: odd", sentence])
    ]
    diagnosis = diagnose_job(make_job(), [*make_log(), *warnings], ())
    assert diagnosis.notes == (sentence, "The service logged 1 warning. The first: Step 2: odd")
    assert {finding.meaning for finding in diagnosis.findings} == {"The scores are the function's fallback."}


def test_warnings_in_the_log_are_noted() -> None:
    """They report invalid results, which no metric shows."""
    warnings = [
        Event(id=f"w{step}", created_at=0, level="warn", message=f"Step {step}: odd", metrics=None, body={})
        for step in (2, 5)
    ]
    warnings.append(Event(id="e", created_at=0, level="error", message="failed", metrics=None, body={}))
    assert diagnose_job(make_job(), [*make_log(), *warnings], ()).notes == (
        "The service logged 2 warnings. The first: Step 2: odd",
    )
