"""S4: the function reads the reference from the place and in the shape that the event has."""

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
    """Return a function that scores 1.0 for the number at the end of the reference, and 0.0 without a reference."""

    def score(element: dict[str, Any]) -> float:
        expected = str(read(element) or "").rpartition("#### ")[2]
        return float(bool(expected) and response_of(element).rpartition("#### ")[2] == expected)

    return score


def wrapped_text(reference: object) -> object:
    """Return the text of a wrapped reference, else None."""
    return reference.get("text") if isinstance(reference, dict) else None


def bare_string(reference: object) -> object:
    """Return a bare string, else None."""
    return reference if isinstance(reference, str) else None


def at_root(element: dict[str, Any]) -> Any:
    """Return the reference at the root."""
    return element.get("reference_answer")


def in_metadata(element: dict[str, Any]) -> Any:
    """Return the reference under metadata."""
    return element.get("metadata", {}).get("reference_answer")


def wire_shape_findings(read: ReferenceReader, records: tuple[Record, ...], **grading: Any) -> list[Finding]:
    """Return the findings on a function that reads its reference with `read`."""
    settings = Settings(grading=GradingSettings(**grading))
    return list(check_wire_shapes(probe_context(handler_for(score_by_reference(read)), records, settings=settings)))


def test_a_function_that_reads_every_published_layout_is_ok(strings: tuple[Record, ...]) -> None:
    """It reads the root and metadata, wrapped and bare strings."""
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
            "Accept the bare string as the reference, or send it",
        ),
        (
            lambda e: wrapped_text(in_metadata(e)),
            {},
            'It expects event[i]["metadata"]["reference_answer"] to be an object',
        ),
        (
            lambda e: bare_string(in_metadata(e)),
            {"event_shape": EventShape.SAMPLE},
            "It reads the reference only at the root or",
        ),
        (
            lambda e: wrapped_text(at_root(e)),
            {"event_shape": EventShape.DOCUMENTED},
            "It reads the reference only at the root or",
        ),
        (lambda e: (at_root(e) or {}).get("final_answer"), {}, 'Write the file\'s reference_answer as {"final_answer"'),
    ],
    ids=["bare string", "wrapped string", "object below", "metadata", "root", "final_answer"],
)
def test_the_layout_in_which_right_answers_score_gives_the_fix(
    strings: tuple[Record, ...], read: ReferenceReader, grading: dict[str, Any], fix: str
) -> None:
    """They score nothing in the configured layout."""
    finding, *_ = wire_shape_findings(read, strings, **grading)
    assert (finding.severity, finding.value) == (Severity.FAIL, 0.0)
    assert finding.fix.startswith(fix)


@pytest.mark.slow
def test_a_sample_handler_on_records_with_object_references_gets_its_fix(sums: tuple[Record, ...]) -> None:
    """Amazon's handler reads a solution text that ends in the answer."""
    finding, *_ = wire_shape_findings(lambda e: wrapped_text(at_root(e)), sums)
    assert (finding.severity, finding.value) == (Severity.FAIL, 0.0)
    assert finding.fix.startswith("The function reads the reference as Amazon's sample data has it")


def test_a_score_for_the_format_does_not_hide_an_unread_reference(strings: tuple[Record, ...]) -> None:
    """The marker alone gives a fifth of the score."""
    right = score_by_reference(lambda e: bare_string(at_root(e)))
    context = probe_context(handler_for(lambda e: 0.2 * ("#### " in response_of(e)) + 0.8 * right(e)), strings)
    finding, *_ = check_wire_shapes(context)
    assert (finding.severity, round(finding.value or 0.0, 9)) == (Severity.FAIL, 0.2)


@pytest.mark.parametrize(
    ("read", "where"),
    [
        (lambda e: at_root(e) and at_root(e)["answer"], "at the root of each element"),
        (lambda e: in_metadata(e) and in_metadata(e)["answer"], "under metadata"),
    ],
    ids=["root", "metadata"],
)
def test_reading_only_one_published_layout_is_information(
    sums: tuple[Record, ...], read: ReferenceReader, where: str
) -> None:
    """The default event serves both."""
    (finding,) = wire_shape_findings(read, sums)
    assert (finding.severity, finding.value) == (Severity.INFO, 0.0)
    assert where in finding.message


def test_a_right_answer_that_raises_is_a_failure(sums: tuple[Record, ...]) -> None:
    """The example shows the error."""
    context = probe_context(handler_for(lambda _element: 1.0), sums)
    broken = context.row_subset[3].reference.text

    def score(element: dict[str, Any]) -> float:
        if at_root(element).get("answer") == broken:
            raise ValueError("could not convert")
        return float(broken not in response_of(element))

    finding, *_ = check_wire_shapes(probe_context(handler_for(score), sums))
    assert (finding.severity, finding.threshold) == (Severity.FAIL, "none")
    assert finding.examples[0].note.endswith("ValueError: could not convert")


def test_an_inverted_function_is_not_measured(sums: tuple[Record, ...]) -> None:
    """In a layout that it cannot read, every answer scores, so the layout is not the fix."""

    def score(element: dict[str, Any]) -> float:
        expected = at_root(element) and at_root(element).get("answer")
        return 0.0 if expected and expected in response_of(element) else 1.0

    (finding,) = check_wire_shapes(probe_context(handler_for(score), sums))
    assert finding.severity is Severity.SKIPPED


def test_wrong_answers_that_score_more_without_a_reference_are_a_warning(sums: tuple[Record, ...]) -> None:
    """The function gives 0.5 when it finds no reference."""
    right = score_by_reference(lambda e: at_root(e)["answer"])
    context = probe_context(handler_for(lambda e: right(e) if at_root(e) else 0.5), sums)
    findings = {finding.severity: finding for finding in check_wire_shapes(context)}
    assert findings[Severity.WARN].measured == "0.50, and 0.00 with it"


def test_a_function_that_needs_no_reference_is_information(sums: tuple[Record, ...]) -> None:
    """It computes the answer from the prompt."""
    answers = {record.messages[-1].content: str(record.fields["reference_answer"]["answer"]) for record in sums}  # type: ignore[call-overload, index]  # this file holds objects
    context = probe_context(handler_for(score_by_reference(lambda e: answers[e["messages"][-2]["content"]])), sums)
    (finding,) = check_wire_shapes(context)
    assert (finding.severity, finding.value) == (Severity.INFO, 1.0)
