"""S4 and S8: the function reads the event as it arrives, and the answer as the prompt asks for it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from simulator.doctor.finding import Finding, Severity
from simulator.doctor.probes.static.s04_wire_shapes import format_fit, wire_shapes
from simulator.settings import EventShape, GradingSettings, Settings
from simulator.training.dataset import Message, Record
from tests.doctor.fake_reward_functions import answer_of, examination, scoring

Read = Callable[[dict[str, Any]], object]


def equal_to(read: Read) -> Callable[[dict[str, Any]], float]:
    """Return a score of 1 for the number that a reference ends in; 0 where the reference reads as nothing."""

    def score(element: dict[str, Any]) -> float:
        expected = str(read(element) or "").rpartition("#### ")[2]
        return float(bool(expected) and answer_of(element).rpartition("#### ")[2] == expected)

    return score


def text_of(held: object) -> object:
    """Return the text of a wrapped reference, and nothing of any other."""
    return held.get("text") if isinstance(held, dict) else None


def string_of(held: object) -> object:
    """Return a bare string, and nothing else."""
    return held if isinstance(held, str) else None


def at_root(element: dict[str, Any]) -> Any:
    """Return the reference at the root."""
    return element.get("reference_answer")


def below(element: dict[str, Any]) -> Any:
    """Return the reference under metadata."""
    return element.get("metadata", {}).get("reference_answer")


def shaped(read: Read, records: tuple[Record, ...], **grading: Any) -> list[Finding]:
    """Return what S4 finds about a function that reads its reference so."""
    settings = Settings(grading=GradingSettings(**grading))
    return list(wire_shapes(examination(scoring(equal_to(read)), records, settings=settings)))


def test_a_function_that_reads_either_place_is_fine(strings: tuple[Record, ...]) -> None:
    """Every published layout is served."""
    (finding,) = shaped(lambda e: text_of(at_root(e)) or string_of(at_root(e)) or string_of(below(e)), strings)
    assert (finding.probe, finding.severity, finding.value) == ("S4", Severity.OK, 1.0)


@pytest.mark.parametrize(
    ("read", "grading", "fix"),
    [
        (
            lambda e: string_of(at_root(e)),
            {},
            'Read event[i]["reference_answer"]["text"]: a bare string arrives wrapped.',
        ),
        (lambda e: text_of(at_root(e)), {"wrap_strings": False}, "Take the bare string for the reference, or send it"),
        (lambda e: text_of(below(e)), {}, 'It takes event[i]["metadata"]["reference_answer"] for an object'),
        (lambda e: string_of(below(e)), {"event_shape": EventShape.SAMPLE}, "It reads the reference at the root or"),
        (
            lambda e: text_of(at_root(e)),
            {"event_shape": EventShape.DOCUMENTED},
            "It reads the reference at the root or",
        ),
        (lambda e: (at_root(e) or {}).get("final_answer"), {}, 'Write the file\'s reference_answer as {"final_answer"'),
    ],
    ids=["bare string", "wrapped string", "object below", "metadata", "root", "final_answer"],
)
def test_a_layout_in_which_right_answers_score_gives_the_exact_fix(
    strings: tuple[Record, ...], read: Read, grading: dict[str, Any], fix: str
) -> None:
    """They score nothing as the event is configured: what the function wants instead is found by trying."""
    finding, *_ = shaped(read, strings, **grading)
    assert (finding.severity, finding.value) == (Severity.FAIL, 0.0)
    assert finding.fix.startswith(fix)


def test_a_sample_handler_on_records_of_another_kind_is_told_so(sums: tuple[Record, ...]) -> None:
    """Amazon's handler reads a solution that ends in the answer, and this file holds an object."""
    finding, *_ = shaped(lambda e: text_of(at_root(e)), sums)
    assert (finding.severity, finding.value) == (Severity.FAIL, 0.0)
    assert finding.fix.startswith("The function reads the reference as Amazon's sample data has it")


def test_credit_for_the_format_does_not_hide_an_unread_reference(strings: tuple[Record, ...]) -> None:
    """A fifth of the score for the marker: right answers do score, but not as they should."""
    right = equal_to(lambda e: string_of(at_root(e)))
    exam = examination(scoring(lambda e: 0.2 * ("#### " in answer_of(e)) + 0.8 * right(e)), strings)
    finding, *_ = wire_shapes(exam)
    assert (finding.severity, round(finding.value or 0.0, 9)) == (Severity.FAIL, 0.2)


@pytest.mark.parametrize(
    ("read", "place"),
    [
        (lambda e: at_root(e) and at_root(e)["answer"], "at the root of each element"),
        (lambda e: below(e) and below(e)["answer"], "under metadata"),
    ],
    ids=["root", "metadata"],
)
def test_reading_one_place_alone_is_told_and_no_more(sums: tuple[Record, ...], read: Read, place: str) -> None:
    """The default event has both."""
    (finding,) = shaped(read, sums)
    assert (finding.severity, finding.value) == (Severity.INFO, 0.0)
    assert place in finding.what


def test_a_right_answer_that_raises_is_a_failure(sums: tuple[Record, ...]) -> None:
    """One row's reference cannot be read: its error is shown."""
    exam = examination(scoring(lambda _element: 1.0), sums)
    broken = exam.few[3].gold.written

    def score(element: dict[str, Any]) -> float:
        if at_root(element).get("answer") == broken:
            raise ValueError("could not convert")
        return float(broken not in answer_of(element))

    finding, *_ = wire_shapes(examination(scoring(score), sums))
    assert (finding.severity, finding.threshold) == (Severity.FAIL, "none")
    assert finding.exhibits[0].note.endswith("ValueError: could not convert")


def test_an_inverted_function_is_not_taken_for_one_of_another_layout(sums: tuple[Record, ...]) -> None:
    """With a layout that it cannot read everything scores, wrong answers too."""

    def score(element: dict[str, Any]) -> float:
        expected = at_root(element) and at_root(element).get("answer")
        return 0.0 if expected and expected in answer_of(element) else 1.0

    (finding,) = wire_shapes(examination(scoring(score), sums))
    assert finding.severity is Severity.SKIPPED


def test_wrong_answers_that_score_without_a_reference_are_a_warning(sums: tuple[Record, ...]) -> None:
    """An empty reference equals whatever could not be read."""
    right = equal_to(lambda e: at_root(e)["answer"])
    exam = examination(scoring(lambda e: right(e) if at_root(e) else 0.5), sums)
    found = {finding.severity: finding for finding in wire_shapes(exam)}
    assert found[Severity.WARN].measured == "0.50, and 0.00 with it"


def test_a_function_that_works_the_answer_out_of_the_prompt_is_told(sums: tuple[Record, ...]) -> None:
    """It needs no reference: that is no fault."""
    answers = {record.messages[-1].content: str(record.fields["reference_answer"]["answer"]) for record in sums}  # type: ignore[call-overload, index]  # this file holds objects
    exam = examination(scoring(equal_to(lambda e: answers[e["messages"][-2]["content"]])), sums)
    (finding,) = wire_shapes(exam)
    assert (finding.severity, finding.value) == (Severity.INFO, 1.0)


def test_the_format_that_is_asked_for_is_accepted(sums: tuple[Record, ...]) -> None:
    """The accepted ones are listed as they look."""
    exam = examination(scoring(equal_to(lambda e: at_root(e)["answer"])), sums)
    (finding,) = format_fit(exam)
    assert (finding.probe, finding.severity) == ("S8", Severity.OK)
    assert finding.measured == f"accepted: '#### {exam.few[0].gold.written}'"


def test_a_prompt_that_asks_for_what_is_not_accepted_is_a_failure(sums: tuple[Record, ...]) -> None:
    """The prompt says `####`, the function wants a box: the model would be taught to disobey."""
    exam = examination(scoring(lambda e: float(f"\\boxed{{{at_root(e)['answer']}}}" in answer_of(e))), sums)
    (finding,) = format_fit(exam)
    written = exam.few[0].gold.written
    assert finding.severity is Severity.FAIL
    assert finding.measured == f"accepted: '\\\\boxed{{{written}}}'"
    assert finding.threshold == f"'#### {written}' accepted"
    assert [exhibit.score for exhibit in finding.exhibits] == [0.0, 1.0]


def test_a_marker_that_no_prompt_asks_for_is_a_failure(sums: tuple[Record, ...]) -> None:
    """No model writes tags by itself."""
    free = tuple(replace(record, messages=(Message(role="user", content="How many?"),)) for record in sums)
    exam = examination(scoring(lambda e: float(f"<answer>{at_root(e)['answer']}<" in answer_of(e))), free)
    (finding,) = format_fit(exam)
    assert finding.severity is Severity.FAIL
    assert finding.fix.startswith("Ask in the prompt for the format that is accepted, '<answer>")


def test_a_usual_format_is_fine_where_none_is_asked_for(sums: tuple[Record, ...]) -> None:
    """The last number of the text, wherever it stands."""
    free = tuple(replace(record, messages=(Message(role="user", content="How many?"),)) for record in sums)
    (finding,) = format_fit(examination(scoring(lambda e: float(at_root(e)["answer"] in answer_of(e))), free))
    assert finding.severity is Severity.OK


def test_formats_are_not_measured_where_nothing_scores(sums: tuple[Record, ...]) -> None:
    """That is S3's."""
    (finding,) = format_fit(examination(scoring(lambda _element: 0.0), sums))
    assert finding.severity is Severity.SKIPPED
