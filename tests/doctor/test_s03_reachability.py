"""S3: right answers can score, and the field and the format that the function accepts are found."""

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
    """Return the text after the last marker."""
    return response_of(element).rpartition("#### ")[2]


def is_right(element: dict[str, Any]) -> float:
    """Score 1.0 for the right number after the marker."""
    return float(marked_answer(element) == element["reference_answer"]["answer"])


def with_nested_answer(records: tuple[Record, ...], *text_fields: str) -> tuple[Record, ...]:
    """Return records whose answer is in `reference_answer.checked.total`.

    `text_fields` are the names of other fields, each with a long text that differs by record.
    """
    return tuple(
        replace(
            record,
            fields={
                **dict.fromkeys(text_fields, f"{record.line}: {'a long text, ' * 20}"),
                "reference_answer": {"answer": f"worked out {record.line}", "checked": {"total": f"{record.line}7"}},
            },
        )
        for record in records
    )


def without_requested_format(records: tuple[Record, ...]) -> tuple[Record, ...]:
    """Return records whose prompts request no format."""
    return tuple(replace(record, messages=(Message(role="user", content="How many?"),)) for record in records)


def test_right_answers_that_score_are_ok(sums: tuple[Record, ...]) -> None:
    """The measured value shows the format."""
    context = probe_context(handler_for(is_right), sums)
    (finding,) = check_reachability(context)
    assert (finding.probe, finding.severity, finding.value) == ("S3", Severity.OK, 1.0)
    assert finding.measured == f"1.00, written as in '#### {context.row_subset[0].reference.text}'"


def test_a_function_that_never_scores_is_a_failure(sums: tuple[Record, ...]) -> None:
    """The example says from which field the right answer was read."""
    (finding,) = check_reachability(probe_context(handler_for(lambda _element: 0.0), sums))
    assert (finding.severity, finding.message, finding.value) == (Severity.FAIL, "No right answer can score.", 0.0)
    assert finding.examples[0].note.startswith("the right answer from reference_answer.answer: ")


def test_an_inverted_function_is_referred_to_s5(sums: tuple[Record, ...]) -> None:
    """Its wrong answers score."""
    handler = handler_for(lambda element: float(element["reference_answer"]["answer"] not in response_of(element)))
    (finding,) = check_reachability(probe_context(handler, sums))
    assert (finding.severity, finding.message) == (
        Severity.FAIL,
        "No right answer can score, but wrong ones do: see S5.",
    )


def test_a_low_score_of_right_answers_is_a_warning(sums: tuple[Record, ...]) -> None:
    """None of them gets the full score."""
    (finding,) = check_reachability(probe_context(handler_for(lambda element: is_right(element) / 4), sums))
    assert (finding.severity, finding.value) == (Severity.WARN, 0.25)


@pytest.mark.parametrize(("lowest", "highest"), [(-1, 0), (-1, 1), (0, 100), (1, 5)])
def test_right_answers_score_on_any_scale(lowest: int, highest: int, sums: tuple[Record, ...]) -> None:
    """Scores are normalized between those of wrong and of right answers."""
    handler = handler_for(lambda element: lowest + (highest - lowest) * is_right(element))
    (finding,) = check_reachability(probe_context(handler, sums))
    assert (finding.severity, finding.value) == (Severity.OK, 1.0)


def test_another_field_that_the_function_reads_is_found_and_used(sums: tuple[Record, ...]) -> None:
    """The fix names the setting, and later probes read the right answers there."""
    handler = handler_for(
        lambda element: float(marked_answer(element) == element["reference_answer"]["checked"]["total"])
    )
    context = probe_context(handler, with_nested_answer(sums))
    path_finding, score_finding = check_reachability(context)
    assert (path_finding.severity, path_finding.measured) == (Severity.INFO, "reference_answer.checked.total")
    assert path_finding.fix.startswith("Add --set answer_path=reference_answer.checked.total,")
    assert (score_finding.severity, score_finding.value) == (Severity.OK, 1.0)
    assert {row.reference.path for row in context.rows} == {"reference_answer.checked.total"}


def test_a_configured_field_that_the_function_does_not_read_is_a_warning(sums: tuple[Record, ...]) -> None:
    """The function reads another field."""
    context = probe_context(handler_for(is_right), sums, settings=Settings(answer_path="data_source"))
    path_finding, score_finding = check_reachability(context)
    assert (path_finding.severity, path_finding.measured) == (Severity.WARN, "reference_answer.answer")
    assert score_finding.severity is Severity.OK


def test_a_field_that_scores_by_its_length_is_rejected(sums: tuple[Record, ...]) -> None:
    """Another row's long text scores as much."""
    handler = handler_for(lambda element: min(len(response_of(element)) / 200, 1.0))
    context = probe_context(handler, with_nested_answer(sums, "first"))
    assert [finding.severity for finding in check_reachability(context)] == [Severity.WARN]
    assert context.settings.answer_path is None


def test_a_field_that_scores_by_chance_is_rejected(sums: tuple[Record, ...]) -> None:
    """One of many fields and formats always scores by chance on a few rows, but not on all rows."""
    handler = handler_for(lambda element: float(stable_hash("odds", response_of(element), element["id"]) % 3 == 0))
    context = probe_context(handler, with_nested_answer(sums, "first", "second", "third"), row_count=32)
    assert "answer_path" not in "".join(finding.fix for finding in check_reachability(context))


def test_the_format_that_scores_is_used_where_the_prompt_requests_none(sums: tuple[Record, ...]) -> None:
    """Here a box. S8 reports that the prompt should ask for it."""
    handler = handler_for(
        lambda element: float(f"\\boxed{{{element['reference_answer']['answer']}}}" in response_of(element))
    )
    context = probe_context(handler, without_requested_format(sums))
    (finding,) = check_reachability(context)
    assert (finding.severity, finding.value) == (Severity.OK, 1.0)
    assert {row.answer_format for row in context.rows} == {"boxed"}


def test_a_file_without_right_answers_is_not_measured(sums: tuple[Record, ...]) -> None:
    """The message names the setting for the field."""
    bare = tuple(replace(record, fields={}) for record in sums)
    (finding,) = check_reachability(probe_context(handler_for(lambda _element: 1.0), bare))
    assert finding.severity is Severity.SKIPPED
    assert "--set answer_path=" in finding.message


def test_right_answers_without_a_score_are_counted(sums: tuple[Record, ...]) -> None:
    """The measured value says how many there are."""

    def score(element: dict[str, Any]) -> float:
        if "boxed" in response_of(element):
            raise ValueError("no boxes")
        return is_right(element)

    (finding,) = check_reachability(probe_context(handler_for(score), sums))
    assert finding.measured.endswith("; 8 of 80 without a score")


def test_records_without_a_right_answer_are_a_warning_with_their_lines(sums: tuple[Record, ...]) -> None:
    """No response to them can be right."""
    incomplete = tuple(replace(record, fields={}) if record.line in (3, 5) else record for record in sums)
    first, *_ = check_reachability(probe_context(handler_for(is_right), incomplete))
    assert (first.severity, first.measured) == (Severity.WARN, f"2 of {len(sums)} records")
    assert "(line 3, 5)" in first.message


def test_a_file_without_reference_answer_is_a_warning(sums: tuple[Record, ...]) -> None:
    """A job passes on only that field."""
    renamed = tuple(replace(record, fields={"label": record.fields["reference_answer"]}) for record in sums)
    first, *_ = check_reachability(probe_context(handler_for(lambda _element: 1.0), renamed))
    assert (first.severity, first.fix) == (
        Severity.WARN,
        "Rename the field to reference_answer, or confirm it: --set answer_path=label.answer.",
    )
