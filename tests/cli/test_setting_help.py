"""The help of each setting, and the page that is generated from it."""

import pytest

from simulator.cli.setting_help import SettingHelp, settings_help
from simulator.cli.settings_page import SETTINGS_FILE, render_page
from simulator.settings import Settings, format_assignments


def test_every_setting_has_a_meaning_and_its_values() -> None:
    """In the order of `Settings`."""
    assert list(settings_help()) == [line.partition("=")[0] for line in format_assignments(Settings())]
    assert [name for name, setting in settings_help().items() if not (setting.accepts and setting.meaning)] == []


@pytest.mark.parametrize(
    ("name", "accepts"),
    [
        ("auth", "verify | any"),
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
def test_the_accepted_values_come_from_the_type(name: str, accepts: str) -> None:
    """Choices and bounds are written once, in the annotation."""
    assert settings_help()[name].accepts == accepts


def test_the_texts_of_a_group_apply_to_each_of_its_settings() -> None:
    """A search finds a single setting, so each one carries the evidence of its group."""
    assert settings_help()["grading.rollouts_per_call"] == SettingHelp(
        name="grading.rollouts_per_call",
        accepts="a whole number from 1",
        meaning="The maximum number of rollouts in one event.",
        evidence="INFERRED: Bedrock does not publish this for open-weight models.",
    )


def test_the_documentation_page_is_generated() -> None:
    """`python -m simulator.cli.settings_page` writes it."""
    assert SETTINGS_FILE.read_text(encoding="utf-8") == render_page()
