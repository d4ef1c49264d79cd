"""S3: a right answer can score, and the visit finds out where it stands and how it is to be written."""

from dataclasses import replace
from typing import Any

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.probes.static.s03_reachability import check_reachability
from simulator.settings import Settings
from simulator.training.dataset import Message, Record
from simulator.training.random_draws import stable_hash
from tests.doctor.fake_reward_functions import handler_for, probe_context, response_of


def marked_answer(element: dict[str, Any]) -> str:
    """Return what stands after the last marker."""
    return response_of(element).rpartition("#### ")[2]


def is_right(element: dict[str, Any]) -> float:
    """Score 1 for the right number after the marker."""
    return float(marked_answer(element) == element["reference_answer"]["answer"])


def with_reference(records: tuple[Record, ...], *stories: str) -> tuple[Record, ...]:
    """Return records whose answer stands in `checked.total`, where nobody would look, beside other fields.

    Each of `stories` is the name of another field, with a long text of the record's own.
    """
    return tuple(
        replace(
            record,
            fields={
                **dict.fromkeys(stories, f"{record.line}: {'a long story, ' * 20}"),
                "reference_answer": {"answer": "worked out", "checked": {"total": f"{record.line}7"}},
            },
        )
        for record in records
    )


def without_requested_format(records: tuple[Record, ...]) -> tuple[Record, ...]:
    """Return records whose prompts ask for no format."""
    return tuple(replace(record, messages=(Message(role="user", content="How many?"),)) for record in records)


def test_right_answers_that_score_are_fine(sums: tuple[Record, ...]) -> None:
    """All of them do, in the format that is asked for."""
    exam = probe_context(handler_for(is_right), sums)
    (finding,) = check_reachability(exam)
    assert (finding.probe, finding.severity, finding.value) == ("S3", Severity.OK, 1.0)
    assert finding.measured == f"1.00, written as in '#### {exam.row_subset[0].reference.text}'"


def test_a_function_that_never_scores_is_a_failure(sums: tuple[Record, ...]) -> None:
    """The right answer is shown with the place where it was read."""
    (finding,) = check_reachability(probe_context(handler_for(lambda _element: 0.0), sums))
    assert (finding.severity, finding.message, finding.value) == (Severity.FAIL, "No correct answer can score.", 0.0)
    assert finding.examples[0].note.startswith("the right answer at reference_answer.answer: ")


def test_an_inverted_function_is_told_from_one_that_never_scores(sums: tuple[Record, ...]) -> None:
    """Wrong answers score: S5 is where to look."""
    handler = handler_for(lambda element: float(element["reference_answer"]["answer"] not in response_of(element)))
    (finding,) = check_reachability(probe_context(handler, sums))
    assert (finding.severity, finding.message) == (
        Severity.FAIL,
        "No correct answer can score, and wrong ones do: see S5.",
    )


def test_right_answers_that_score_little_are_a_warning(sums: tuple[Record, ...]) -> None:
    """A quarter of the scale at most."""
    (finding,) = check_reachability(probe_context(handler_for(lambda element: is_right(element) / 4), sums))
    assert (finding.severity, finding.value) == (Severity.WARN, 0.25)


@pytest.mark.parametrize(("lowest", "highest"), [(-1, 0), (-1, 1), (0, 100), (1, 5)])
def test_right_answers_score_on_any_scale(lowest: int, highest: int, sums: tuple[Record, ...]) -> None:
    """Where right answers get the highest score and wrong ones the lowest, it does not matter which these are."""
    handler = handler_for(lambda element: lowest + (highest - lowest) * is_right(element))
    (finding,) = check_reachability(probe_context(handler, sums))
    assert (finding.severity, finding.value) == (Severity.OK, 1.0)


def test_another_place_that_the_function_reads_is_found_and_used(sums: tuple[Record, ...]) -> None:
    """It is told, with the setting that makes the simulator look there too, and the visit goes on with it."""
    handler = handler_for(
        lambda element: float(marked_answer(element) == element["reference_answer"]["checked"]["total"])
    )
    exam = probe_context(handler, with_reference(sums))
    moved, reached = check_reachability(exam)
    assert (moved.severity, moved.measured) == (Severity.INFO, "reference_answer.checked.total")
    assert moved.fix.startswith("Add --set answer_path=reference_answer.checked.total,")
    assert (reached.severity, reached.value) == (Severity.OK, 1.0)
    assert {row.reference.path for row in exam.rows} == {"reference_answer.checked.total"}


def test_a_set_place_that_the_function_does_not_read_is_a_warning(sums: tuple[Record, ...]) -> None:
    """The setting is at fault then, not the search."""
    exam = probe_context(handler_for(is_right), sums, settings=Settings(answer_path="data_source"))
    moved, reached = check_reachability(exam)
    assert (moved.severity, moved.measured) == (Severity.WARN, "reference_answer.answer")
    assert reached.severity is Severity.OK


def test_a_place_that_scores_by_its_length_is_not_believed(sums: tuple[Record, ...]) -> None:
    """Another row's long text would score as much."""
    handler = handler_for(lambda element: min(len(response_of(element)) / 200, 1.0))
    exam = probe_context(handler, with_reference(sums, "story"))
    assert [finding.severity for finding in check_reachability(exam)] == [Severity.WARN]
    assert exam.settings.answer_path is None


def test_a_place_that_scores_by_luck_is_not_believed(sums: tuple[Record, ...]) -> None:
    """Among so many places and formats a coin always finds one; over all rows it falls back to half."""
    handler = handler_for(lambda element: float(stable_hash("odds", response_of(element), element["id"]) % 3 == 0))
    exam = probe_context(handler, with_reference(sums, "story", "note", "tale"), row_count=32)
    assert "answer_path" not in "".join(finding.fix for finding in check_reachability(exam))


def test_where_no_format_is_asked_for_the_one_that_scores_is_used(sums: tuple[Record, ...]) -> None:
    """A box, say; whether the prompt ought to ask for it is S8's question."""
    handler = handler_for(
        lambda element: float(f"\\boxed{{{element['reference_answer']['answer']}}}" in response_of(element))
    )
    exam = probe_context(handler, without_requested_format(sums))
    (finding,) = check_reachability(exam)
    assert (finding.severity, finding.value) == (Severity.OK, 1.0)
    assert {row.answer_format for row in exam.rows} == {"boxed"}


def test_a_file_without_right_answers_is_not_measured(sums: tuple[Record, ...]) -> None:
    """There is nothing that could be reached; the fix is to say where it is."""
    bare = tuple(replace(record, fields={}) for record in sums)
    (finding,) = check_reachability(probe_context(handler_for(lambda _element: 1.0), bare))
    assert finding.severity is Severity.SKIPPED
    assert "--set answer_path=" in finding.message


def test_answers_that_get_no_score_are_said(sums: tuple[Record, ...]) -> None:
    """They count nothing in the mean, and the measure says how many they are."""

    def score(element: dict[str, Any]) -> float:
        if "boxed" in response_of(element):
            raise ValueError("no boxes")
        return is_right(element)

    (finding,) = check_reachability(probe_context(handler_for(score), sums))
    assert finding.measured.endswith("; 8 of 80 without a score")


def test_records_without_a_right_answer_are_named(sums: tuple[Record, ...]) -> None:
    """No response to them can be right, whatever the function does: their lines are in the warning."""
    holed = tuple(replace(record, fields={}) if record.line in (3, 5) else record for record in sums)
    first, *_ = check_reachability(probe_context(handler_for(is_right), holed))
    assert (first.severity, first.measured) == (Severity.WARN, f"2 of {len(sums)} records")
    assert "(line 3, 5)" in first.message


def test_a_file_in_which_another_field_is_taken_for_the_reference_is_told_so(sums: tuple[Record, ...]) -> None:
    """A job hands over what the field reference_answer holds, and here none is."""
    renamed = tuple(replace(record, fields={"label": record.fields["reference_answer"]}) for record in sums)
    first, *_ = check_reachability(probe_context(handler_for(lambda _element: 1.0), renamed))
    assert (first.severity, first.fix) == (
        Severity.WARN,
        "Name the field reference_answer, or say that it is meant so: --set answer_path=label.answer.",
    )
