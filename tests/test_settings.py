"""Settings: one frozen value, changed by name on the command line."""

from dataclasses import replace

import pytest

from simulator.settings import EventShape, GradingSettings, Settings, UnknownSettingError, changed, listed
from simulator.training.dataset import DatasetLimits


def test_a_setting_is_changed_by_its_name_and_read_as_its_type() -> None:
    """Nested ones by dots; enumerations, numbers, booleans and lists by what they are."""
    assert changed(
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
    with pytest.raises(UnknownSettingError) as error:
        changed(Settings(), [assignment])
    assert str(error.value) == said


def test_every_setting_is_listed_in_the_form_that_changes_it() -> None:
    """The list can be fed back."""
    settings = replace(Settings(), detect_convergence=True)
    given = [line for line in listed(settings) if not line.endswith("=")]
    assert changed(Settings(), given) == settings
