"""Settings: how assignments of names to values are parsed, formatted and applied."""

import ast
from dataclasses import replace
from inspect import getsource
from math import inf
from pathlib import Path
from typing import get_args

import pytest

from simulator.jobs import lifecycle, run_preparation
from simulator.settings import (
    DurationSettings,
    EventShape,
    GradingSettings,
    InvalidSettingError,
    Region,
    Settings,
    apply_assignments,
    format_assignments,
    job_assignments,
    restore_job_settings,
)
from simulator.training.dataset import DatasetLimits

_REGIONS = get_args(Region)


def test_an_assignment_changes_a_setting_and_is_parsed_by_its_type() -> None:
    """A dot in a name means a nested setting. The type decides how enumerations, booleans and lists are parsed."""
    assert apply_assignments(
        Settings(),
        [
            "grading.event_shape=sample",
            "dataset.min_records=10",
            "detect_convergence=true",
            "held_out=seeded",
            "ignored_job_fields=suffix,seed",
        ],
    ) == replace(
        Settings(),
        grading=GradingSettings(event_shape=EventShape.SAMPLE),
        dataset=DatasetLimits(min_records=10),
        detect_convergence=True,
        held_out="seeded",
        ignored_job_fields=("suffix", "seed"),
    )


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        (
            "paces=poll",
            "'paces=poll' is not NAME=VALUE with the name of a setting; `rft-sim settings` lists all settings",
        ),
        (
            "grading=1",
            "'grading=1' is not NAME=VALUE with the name of a setting; `rft-sim settings` lists all settings",
        ),
        (
            "seed.deep=1",
            "'seed.deep=1' is not NAME=VALUE with the name of a setting; `rft-sim settings` lists all settings",
        ),
        ("redteam=nan", "redteam=nan: input should be less than or equal to 1000"),
        ("port=70000", "port=70000: input should be less than or equal to 65535"),
        (
            "region=us-west-1",
            "region=us-west-1: input should be "
            + ", ".join(f"'{name}'" for name in _REGIONS[:-1])
            + " or 'us-gov-west-1'",
        ),
        ("seed", "'seed' is not NAME=VALUE with the name of a setting; `rft-sim settings` lists all settings"),
        ("lambda_workers=0", "lambda_workers=0: input should be greater than or equal to 1"),
        ("held_out=head", "held_out=head: input should be 'tail' or 'seeded'"),
        (
            "grading.attempts=many",
            "grading.attempts=many: input should be a valid integer, unable to parse string as an integer",
        ),
    ],
)
def test_an_unknown_setting_or_invalid_value_is_an_error(assignment: str, message: str) -> None:
    """The message quotes the assignment and says how to list the settings."""
    with pytest.raises(InvalidSettingError) as error:
        apply_assignments(Settings(), [assignment])
    assert str(error.value) == message


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(detect_convergence=True, ignored_job_fields=("suffix", "seed"), data=Path("kept"), answer_path="a.b"),
    ],
)
def test_formatted_settings_can_be_applied_again(settings: Settings) -> None:
    """Every setting has the same value afterwards, also an empty one."""
    assert (
        apply_assignments(Settings(data=Path("elsewhere"), answer_path="x"), format_assignments(settings)) == settings
    )


def test_a_job_keeps_the_settings_it_was_created_with() -> None:
    """All settings that the job's lifecycle reads are restored, also defaults. Other settings do not change."""
    creation_settings = Settings(
        seed=3,
        answer_path="a.b",
        held_out="seeded",
        durations=DurationSettings(per_step=0.1, tokens_per_second=inf),
        dataset=DatasetLimits(max_prompt_tokens=500),
        redteam=2.5,
    )
    restart_settings = Settings(
        port=1, detect_convergence=True, redteam=1.0, validation_dataset=DatasetLimits(min_records=2)
    )
    assert restore_job_settings(restart_settings, job_assignments(creation_settings)) == replace(
        creation_settings, seed=0, port=1
    )
    assert restore_job_settings(restart_settings, job_assignments(Settings())) == Settings(port=1)
    assert restore_job_settings(restart_settings, job_assignments(restart_settings)) is restart_settings


def test_job_settings_are_all_settings_that_the_lifecycle_reads() -> None:
    """A change of any other setting cannot change a job that has begun."""
    settings_in_use = {
        node.attr
        for module in (lifecycle, run_preparation)
        for node in ast.walk(ast.parse(getsource(module)))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "settings"
    }
    all_job_settings = Settings(
        answer_path="a",
        dataset=DatasetLimits(min_records=1),
        detect_convergence=True,
        durations=DurationSettings(queue=1),
        held_out="seeded",
        redteam=1.0,
        validation_dataset=DatasetLimits(min_records=2),
    )
    names = {line.partition("=")[0].partition(".")[0] for line in job_assignments(all_job_settings)}
    assert names == settings_in_use
