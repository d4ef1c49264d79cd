"""S4 and S8: the function reads the event as it arrives, and the answer as the prompt asks for it."""

from collections.abc import Callable
from typing import Any

import pytest

from simulator.doctor.finding import Finding, Severity
from simulator.doctor.probes.static.s04_wire_shapes import check_wire_shapes
from simulator.settings import EventShape, GradingSettings, Settings
from simulator.training.dataset import Record
from tests.doctor.fake_reward_functions import handler_for, probe_context, response_of

ReferenceReader = Callable[[dict[str, Any]], object]


def score_by_reference(read: ReferenceReader) -> Callable[[dict[str, Any]], float]:
    """Return a score of 1 for the number that a reference ends in; 0 where the reference reads as nothing."""

    def score(element: dict[str, Any]) -> float:
        expected = str(read(element) or "").rpartition("#### ")[2]
        return float(bool(expected) and response_of(element).rpartition("#### ")[2] == expected)

    return score


def wrapped_text(held: object) -> object:
    """Return the text of a wrapped reference, and nothing of any other."""
    return held.get("text") if isinstance(held, dict) else None


def bare_string(held: object) -> object:
    """Return a bare string, and nothing else."""
    return held if isinstance(held, str) else None


def at_root(element: dict[str, Any]) -> Any:
    """Return the reference at the root."""
    return element.get("reference_answer")


def in_metadata(element: dict[str, Any]) -> Any:
    """Return the reference under metadata."""
    return element.get("metadata", {}).get("reference_answer")


def wire_shape_findings(read: ReferenceReader, records: tuple[Record, ...], **grading: Any) -> list[Finding]:
    """Return what S4 finds about a function that reads its reference so."""
    settings = Settings(grading=GradingSettings(**grading))
    return list(check_wire_shapes(probe_context(handler_for(score_by_reference(read)), records, settings=settings)))


def test_a_function_that_reads_either_place_is_fine(strings: tuple[Record, ...]) -> None:
    """Every published layout is served."""
    (finding,) = wire_shape_findings(
        lambda e: wrapped_text(at_root(e)) or bare_string(at_root(e)) or bare_string(in_metadata(e)), strings
    )
    assert (finding.probe, finding.severity, finding.value) == ("S4", Severity.OK, 1.0)


@pytest.mark.parametrize(
    ("read", "grading", "fix"),
    [
        (
            lambda e: bare_string(at_root(e)),
            {},
            'Read event[i]["reference_answer"]["text"]: a bare string arrives wrapped.',
        ),
        (
            lambda e: wrapped_text(at_root(e)),
            {"wrap_strings": False},
            "Take the bare string for the reference, or send it",
        ),
        (lambda e: wrapped_text(in_metadata(e)), {}, 'It takes event[i]["metadata"]["reference_answer"] for an object'),
        (
            lambda e: bare_string(in_metadata(e)),
            {"event_shape": EventShape.SAMPLE},
            "It reads the reference at the root or",
        ),
        (
            lambda e: wrapped_text(at_root(e)),
            {"event_shape": EventShape.DOCUMENTED},
            "It reads the reference at the root or",
        ),
        (lambda e: (at_root(e) or {}).get("final_answer"), {}, 'Write the file\'s reference_answer as {"final_answer"'),
    ],
    ids=["bare string", "wrapped string", "object below", "metadata", "root", "final_answer"],
)
def test_a_layout_in_which_right_answers_score_gives_the_exact_fix(
    strings: tuple[Record, ...], read: ReferenceReader, grading: dict[str, Any], fix: str
) -> None:
    """They score nothing as the event is configured: what the function wants instead is found by trying."""
    finding, *_ = wire_shape_findings(read, strings, **grading)
    assert (finding.severity, finding.value) == (Severity.FAIL, 0.0)
    assert finding.fix.startswith(fix)


def test_a_sample_handler_on_records_of_another_kind_is_told_so(sums: tuple[Record, ...]) -> None:
    """Amazon's handler reads a solution that ends in the answer, and this file holds an object."""
    finding, *_ = wire_shape_findings(lambda e: wrapped_text(at_root(e)), sums)
    assert (finding.severity, finding.value) == (Severity.FAIL, 0.0)
    assert finding.fix.startswith("The function reads the reference as Amazon's sample data has it")


def test_credit_for_the_format_does_not_hide_an_unread_reference(strings: tuple[Record, ...]) -> None:
    """A fifth of the score for the marker: right answers do score, but not as they should."""
    right = score_by_reference(lambda e: bare_string(at_root(e)))
    exam = probe_context(handler_for(lambda e: 0.2 * ("#### " in response_of(e)) + 0.8 * right(e)), strings)
    finding, *_ = check_wire_shapes(exam)
    assert (finding.severity, round(finding.value or 0.0, 9)) == (Severity.FAIL, 0.2)


@pytest.mark.parametrize(
    ("read", "place"),
    [
        (lambda e: at_root(e) and at_root(e)["answer"], "at the root of each element"),
        (lambda e: in_metadata(e) and in_metadata(e)["answer"], "under metadata"),
    ],
    ids=["root", "metadata"],
)
def test_reading_one_place_alone_is_told_and_no_more(
    sums: tuple[Record, ...], read: ReferenceReader, place: str
) -> None:
    """The default event has both."""
    (finding,) = wire_shape_findings(read, sums)
    assert (finding.severity, finding.value) == (Severity.INFO, 0.0)
    assert place in finding.message


def test_a_right_answer_that_raises_is_a_failure(sums: tuple[Record, ...]) -> None:
    """One row's reference cannot be read: its error is shown."""
    exam = probe_context(handler_for(lambda _element: 1.0), sums)
    broken = exam.row_subset[3].reference.text

    def score(element: dict[str, Any]) -> float:
        if at_root(element).get("answer") == broken:
            raise ValueError("could not convert")
        return float(broken not in response_of(element))

    finding, *_ = check_wire_shapes(probe_context(handler_for(score), sums))
    assert (finding.severity, finding.threshold) == (Severity.FAIL, "none")
    assert finding.examples[0].note.endswith("ValueError: could not convert")


def test_an_inverted_function_is_not_taken_for_one_of_another_layout(sums: tuple[Record, ...]) -> None:
    """With a layout that it cannot read everything scores, wrong answers too."""

    def score(element: dict[str, Any]) -> float:
        expected = at_root(element) and at_root(element).get("answer")
        return 0.0 if expected and expected in response_of(element) else 1.0

    (finding,) = check_wire_shapes(probe_context(handler_for(score), sums))
    assert finding.severity is Severity.SKIPPED


def test_wrong_answers_that_score_without_a_reference_are_a_warning(sums: tuple[Record, ...]) -> None:
    """An empty reference equals whatever could not be read."""
    right = score_by_reference(lambda e: at_root(e)["answer"])
    exam = probe_context(handler_for(lambda e: right(e) if at_root(e) else 0.5), sums)
    found = {finding.severity: finding for finding in check_wire_shapes(exam)}
    assert found[Severity.WARN].measured == "0.50, and 0.00 with it"


def test_a_function_that_works_the_answer_out_of_the_prompt_is_told(sums: tuple[Record, ...]) -> None:
    """It needs no reference: that is no fault."""
    answers = {record.messages[-1].content: str(record.fields["reference_answer"]["answer"]) for record in sums}  # type: ignore[call-overload, index]  # this file holds objects
    exam = probe_context(handler_for(score_by_reference(lambda e: answers[e["messages"][-2]["content"]])), sums)
    (finding,) = check_wire_shapes(exam)
    assert (finding.severity, finding.value) == (Severity.INFO, 1.0)
