"""Rules about the reward."""

from __future__ import annotations

import pytest

from client.diagnosis.report import diagnose_job
from client.mantle_types import Checkpoint
from tests.client.diagnosis.job_logs import (
    STEPS,
    Curve,
    constant_curve,
    failures_and_warnings,
    finding_named,
    make_checkpoint,
    make_job,
    make_log,
    step_curve,
    step_event,
)
from tests.client.mantle_stub import Json


@pytest.mark.parametrize(
    ("name", "curve", "meaning"),
    [
        ("no learning", step_curve(0.5, 0.44), "The reward fell."),
        ("no learning", step_curve(0.5, 0.46), "The reward did not rise."),
        ("sparse", constant_curve(0.0), "The base model earned next to nothing: too little to learn from."),
        (
            "sparse",
            step_curve(0.0, 0.9),
            "The base model earned next to nothing, yet the reward rose: perhaps only a rare trick scores.",
        ),
    ],
)
def test_the_meaning_depends_on_the_course_of_the_reward(name: str, curve: Curve, meaning: str) -> None:
    """One rule has several meanings."""
    assert finding_named(name, make_log(critic_rewards_mean=curve)).meaning == meaning


def test_a_fall_within_the_noise_is_not_a_collapse() -> None:
    """With one prompt per step the mean of ten steps varies by more than 0.1."""
    noisy = make_log(critic_rewards_mean=lambda step: float(step % 4 != 0) if 20 < step <= 40 else float(step % 2))
    assert failures_and_warnings(diagnose_job(make_job(), noisy, ())) == {"fail T4 no learning"}


def test_a_collapse_names_the_best_checkpoint() -> None:
    """The one after the best steps."""
    checkpoints = [Checkpoint(id=str(step), step=step, model="m", metrics={}) for step in (20, 40, STEPS)]
    events = make_log(critic_rewards_mean=lambda step: 0.9 if 20 < step <= 40 else 0.5)
    assert finding_named("reward collapse", events, checkpoints=checkpoints).fix == (
        "Try the checkpoint after step 40. A lower learning rate multiplier, or fewer epochs."
    )


@pytest.mark.parametrize(
    ("held_out", "severity", "measured"),
    [(0.78, "ok", "0.800 - 0.780"), (0.72, "warn", "0.800 - 0.720"), (0.6, "fail", "0.800 - 0.600")],
)
def test_the_gap_is_measured_at_the_last_validated_checkpoint(held_out: float, severity: str, measured: str) -> None:
    """Against the ten steps before the checkpoint, not against the end of the run."""
    checkpoints = [
        make_checkpoint(20, validation_reward_mean=0.1),
        make_checkpoint(40, validation_reward_mean=held_out),
        make_checkpoint(60),
    ]
    events = make_log(critic_rewards_mean=lambda step: 0.8 if 30 < step <= 40 else 0.5)
    finding = finding_named("memorised", events, checkpoints=checkpoints, validation_rows=100)
    assert (str(finding.severity), finding.measured) == (severity, measured)


@pytest.mark.parametrize(
    ("fields", "checkpoints", "rows", "reason"),
    [
        ({}, [], 100, "There is no checkpoint."),
        ({}, [make_checkpoint(60)], 100, "No checkpoint carries a validation reward."),
        ({}, [make_checkpoint(60, validation_reward_mean=None)], 100, "No checkpoint carries a validation reward."),
        (
            {},
            [make_checkpoint(60, validation_reward_mean=0.2)],
            99,
            "About 99 rows were held out; fewer than 100 are mostly chance.",
        ),
        (
            {},
            [make_checkpoint(60, validation_reward_mean=0.2)],
            None,
            "About 26 rows were held out; fewer than 100 are mostly chance.",
        ),
        (
            {"validation_file": "f"},
            [make_checkpoint(60, validation_reward_mean=0.2)],
            None,
            "How many rows were held out is not known.",
        ),
        (
            {"method": None},
            [make_checkpoint(60, validation_reward_mean=0.2)],
            None,
            "How many rows were held out is not known.",
        ),
    ],
)
def test_a_gap_that_cannot_be_measured_says_why(
    fields: Json, checkpoints: list[Checkpoint], rows: int | None, reason: str
) -> None:
    """It needs a validation reward on at least 100 rows."""
    finding = finding_named(
        "memorised", make_log(), job=make_job(**fields), checkpoints=checkpoints, validation_rows=rows
    )
    assert (finding.value, finding.meaning) == (None, reason)


def test_the_number_of_held_out_rows_follows_from_the_steps() -> None:
    """500 steps of 4 prompts in two epochs are nine tenths of 1,111 rows."""
    events = [step_event(step, total_steps=500, critic_rewards_mean=0.5) for step in range(1, 501)]
    checkpoints = [make_checkpoint(500, validation_reward_mean=0.5)]

    def measured(epochs: int) -> str:
        method = {"reinforcement": {"hyperparameters": {"n_epochs": epochs, "batch_size": 4}}}
        return finding_named("memorised", events, checkpoints=checkpoints, job=make_job(method=method)).measured

    assert [measured(2), measured(3)] == ["0.500 - 0.500", "not measured"]


def test_a_checkpoint_before_the_first_logged_step_is_ignored() -> None:
    """A service may keep only the last events; then the reward before the checkpoint is unknown."""
    checkpoints = [make_checkpoint(20, validation_reward_mean=0.9)]
    assert finding_named("memorised", make_log()[30:], checkpoints=checkpoints, validation_rows=100).meaning == (
        "No checkpoint carries a validation reward."
    )
