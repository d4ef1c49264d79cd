"""Settings: one frozen value, changed by name on the command line."""

import ast
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import get_args

import pytest

from simulator.cli.setting_help import SettingHelp, settings_help
from simulator.jobs import lifecycle as life
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


def test_a_setting_is_changed_by_its_name_and_read_as_its_type() -> None:
    """Nested ones by dots; enumerations, numbers, booleans and lists by what they are."""
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
    ("assignment", "said"),
    [
        ("paces=poll", "'paces=poll' is not NAME=VALUE of a setting; `rft-sim settings` lists them"),
        ("grading=1", "'grading=1' is not NAME=VALUE of a setting; `rft-sim settings` lists them"),
        ("seed.deep=1", "'seed.deep=1' is not NAME=VALUE of a setting; `rft-sim settings` lists them"),
        ("redteam=nan", "redteam=nan: input should be less than or equal to 1000"),
        ("port=70000", "port=70000: input should be less than or equal to 65535"),
        (
            "region=us-west-1",
            "region=us-west-1: input should be "
            + ", ".join(f"'{name}'" for name in _REGIONS[:-1])
            + " or 'us-gov-west-1'",
        ),
        ("seed", "'seed' is not NAME=VALUE of a setting; `rft-sim settings` lists them"),
        ("lambda_workers=0", "lambda_workers=0: input should be greater than or equal to 1"),
        ("held_out=head", "held_out=head: input should be 'tail' or 'seeded'"),
        (
            "grading.attempts=many",
            "grading.attempts=many: input should be a valid integer, unable to parse string as an integer",
        ),
    ],
)
def test_what_is_no_setting_or_no_value_is_told(assignment: str, said: str) -> None:
    """With the way to find out what there is."""
    with pytest.raises(InvalidSettingError) as error:
        apply_assignments(Settings(), [assignment])
    assert str(error.value) == said


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(detect_convergence=True, ignored_job_fields=("suffix", "seed"), data=Path("kept"), answer_path="a.b"),
    ],
)
def test_every_setting_is_listed_in_the_form_that_changes_it(settings: Settings) -> None:
    """The list can be fed back whole, also what is empty in it."""
    assert (
        apply_assignments(Settings(data=Path("elsewhere"), answer_path="x"), format_assignments(settings)) == settings
    )


def test_every_setting_is_explained_where_it_is_defined() -> None:
    """None without its words and the values that it takes."""
    assert list(settings_help()) == [line.partition("=")[0] for line in format_assignments(Settings())]
    assert [name for name, setting in settings_help().items() if not (setting.accepts and setting.meaning)] == []


@pytest.mark.parametrize(
    ("name", "takes"),
    [
        ("pace", "instant | poll | manual | realtime"),
        ("held_out", "tail | seeded"),
        ("port", "a whole number from 0 to 65535"),
        ("lambda_workers", "a whole number from 1"),
        ("seed", "a whole number"),
        ("durations.tokens_per_second", "a number above 0"),
        ("detect_convergence", "true | false"),
        ("ignored_job_fields", "names separated by commas, or nothing"),
        ("data", "a path, or nothing"),
    ],
)
def test_the_values_that_a_setting_takes_are_read_from_its_type(name: str, takes: str) -> None:
    """Choices and bounds stand once."""
    assert settings_help()[name].accepts == takes


def test_what_holds_for_a_group_is_said_of_each_of_it() -> None:
    """A setting is found by grep, alone."""
    assert settings_help()["grading.rollouts_per_call"] == SettingHelp(
        name="grading.rollouts_per_call",
        accepts="a whole number from 1",
        meaning="Rollouts in one event.",
        evidence="INFERRED: Bedrock does not publish this.",
    )


def test_what_a_job_began_with_comes_back_whatever_the_settings_are_by_then() -> None:
    """All that its story is told by, also what was at its default, and nothing else."""
    began = Settings(
        seed=3,
        answer_path="a.b",
        held_out="seeded",
        durations=DurationSettings(per_step=0.1, tokens_per_second=inf),
        dataset=DatasetLimits(max_prompt_tokens=500),
        redteam=2.5,
    )
    by_then = Settings(port=1, detect_convergence=True, redteam=1.0, validation_dataset=DatasetLimits(min_records=2))
    assert restore_job_settings(by_then, job_assignments(began)) == replace(began, seed=0, port=1)
    assert restore_job_settings(by_then, job_assignments(Settings())) == Settings(port=1)
    assert restore_job_settings(by_then, job_assignments(by_then)) is by_then


def test_what_a_story_is_told_by_is_kept_with_its_job() -> None:
    """Each setting that the story looks at; a change of one that is not changes no job that was begun."""
    tree = ast.parse(Path(life.__file__).read_text())
    looked_at = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "settings"
    }
    others = Settings(
        answer_path="a",
        dataset=DatasetLimits(min_records=1),
        detect_convergence=True,
        durations=DurationSettings(queue=1),
        held_out="seeded",
        redteam=1.0,
        validation_dataset=DatasetLimits(min_records=2),
    )
    assert {line.partition("=")[0].partition(".")[0] for line in job_assignments(others)} == looked_at
