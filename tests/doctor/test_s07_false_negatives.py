"""S7: a right answer that is written differently is still right."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.probes.static.answer_variants import ANSWER_VARIANTS
from simulator.doctor.probes.static.s07_false_negatives import PLAIN_STYLES, check_false_negatives
from simulator.doctor.rows import sample_rows
from simulator.training.dataset import Record
from simulator.training.reference_answer import ANSWER_KINDS
from tests.doctor.conftest import load_records
from tests.doctor.fake_reward_functions import handler_for, probe_context, response_of
from tests.doctor.sound_reward_functions import SOUND_SCORES, score_number


@pytest.mark.parametrize("name", SOUND_SCORES)
def test_a_function_that_reads_the_value_has_no_false_negatives(name: str) -> None:
    """A sound function of each kind of task: every way that must count does, and no right rollout is lost."""
    finding, *told = check_false_negatives(
        probe_context(handler_for(SOUND_SCORES[name]), load_records(name), row_count=64)
    )
    assert (finding.probe, finding.severity, finding.value) == ("S7", Severity.OK, 0.0)
    assert {other.severity for other in told} <= {Severity.INFO}


def test_a_string_comparison_is_a_warning_that_lists_what_it_misses(sums: tuple[Record, ...]) -> None:
    """Strict about the characters after the marker: it trains, so it does not fail."""

    def is_the_string(element: dict[str, Any]) -> float:
        return float(response_of(element).rstrip().endswith(f"#### {element['reference_answer']['answer']}"))

    warning, choices = check_false_negatives(probe_context(handler_for(is_the_string), sums, row_count=32))
    assert (warning.severity, warning.value) == (Severity.WARN, 5.0)
    assert warning.measured == (
        "5 of 7 ways: 400 characters after the answer (0.00), in bold (0.00), a full stop (0.00), "
        "72.0 for 72 (0.00), 1,000 for 1000 (0.00)"
    )
    assert choices.severity is Severity.INFO
    assert "$72 (0.00)" in choices.measured


def test_an_exhibit_shows_the_right_answer_that_did_not_count(labels: tuple[Record, ...]) -> None:
    """The very response with its score, and what is special about it."""

    def is_the_label(element: dict[str, Any]) -> float:
        return float(response_of(element).strip() == element["reference_answer"]["label"])

    warning, *_ = check_false_negatives(probe_context(handler_for(is_the_label), labels))
    row = sample_rows(labels, seed=0, count=8)[0]
    assert [(shown.response, shown.score, shown.note) for shown in warning.examples] == [
        (f"**{row.reference.text}**", 0.0, "right: in bold"),
        (f"{row.reference.text}.", 0.0, "right: a full stop"),
        (f'"{row.reference.text}"', 0.0, "right: in quotes"),
        (row.reference.text.capitalize(), 0.0, "right: upper or lower case"),
    ]


def test_case_is_left_alone_where_labels_differ_by_nothing_else(labels: tuple[Record, ...]) -> None:
    """`us` and `US` are two labels: then no other case is a way of writing one."""
    (row,) = sample_rows(labels, seed=0, count=1)
    (way,) = (way for way in ANSWER_VARIANTS["label"] if way.name == "upper or lower case")
    twins = (row.reference.text, row.reference.text.upper())
    assert (way.write(row), way.write(replace(row, task=replace(row.task, labels=twins)))) == (
        row.reference.text.capitalize(),
        None,
    )


def test_objects_are_compared_as_strings_to_their_cost(objects: tuple[Record, ...]) -> None:
    """Key order, indentation, blanks and a fence make another string of the same object."""

    def is_the_string(element: dict[str, Any]) -> float:
        return float(response_of(element).strip() == json.dumps(element["metadata"]["reference_answer"]))

    warning, *_ = check_false_negatives(probe_context(handler_for(is_the_string), objects))
    assert (warning.severity, warning.measured) == (
        Severity.WARN,
        "4 of 6 ways: other key order (0.00), indented (0.00), no blanks between tokens (0.00), in a code fence (0.00)",
    )


def test_right_rollouts_in_the_asked_format_that_are_lost_fail(sums: tuple[Record, ...]) -> None:
    """A limit on the length of a response loses the right answers with more work: more than one in ten."""

    def is_short(element: dict[str, Any]) -> float:
        return score_number(element) if len(response_of(element)) < 80 else 0.0

    failure, *_ = check_false_negatives(probe_context(handler_for(is_short), sums, row_count=32))
    assert (failure.severity, failure.threshold) == (Severity.FAIL, "at most 10%")
    assert failure.measured == "16% of right rollouts, 17 of 107"
    assert {len(shown.response) >= 80 for shown in failure.examples} == {True}


def test_a_right_answer_that_breaks_the_function_is_lost(sums: tuple[Record, ...]) -> None:
    """A full stop after the number raises: it counts as nothing, and the exhibit holds the error."""

    def takes_no_stop(element: dict[str, Any]) -> float:
        if re.search(r"#### .*[.]$", response_of(element)):
            raise ValueError("could not convert string to float: '72.'")
        return score_number(element)

    warning, *_ = check_false_negatives(probe_context(handler_for(takes_no_stop), sums))
    assert warning.measured.startswith("1 of ")
    assert "(8 of 8 got no score and are counted as nothing)" in warning.measured
    assert warning.examples[0].note.startswith("right: a full stop; ValueError: could not convert")


def test_without_a_plain_right_answer_that_scores_there_is_no_comparison(sums: tuple[Record, ...]) -> None:
    """Half of nothing is nothing: the probe is skipped, and S3 says why nothing scores."""
    (finding,) = check_false_negatives(probe_context(handler_for(lambda _element: 0.0), sums))
    assert finding.severity is Severity.SKIPPED


def test_every_kind_of_task_has_its_ways_and_styles() -> None:
    """A kind that is added later is not forgotten here."""
    assert set(ANSWER_VARIANTS) == set(PLAIN_STYLES) == set(ANSWER_KINDS)
