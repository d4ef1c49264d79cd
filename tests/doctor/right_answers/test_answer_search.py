"""Right answers are found by what scores, given by the user, or not known."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from simulator.doctor.finding import Finding, Severity
from simulator.doctor.probe_context import UNKNOWN_ANSWERS, ProbeContext
from simulator.doctor.probes.static.s03_reachability import check_reachability
from simulator.doctor.probes.static.s05_discrimination import check_discrimination
from simulator.doctor.probes.static.s06_saturation import check_saturation
from simulator.doctor.probes.static.s07_false_negatives import check_false_negatives
from simulator.doctor.right_answers.given_answers import answers_of_field
from simulator.training.dataset import Json, Message, Record
from simulator.training.recorded_response import RecordedResponse
from simulator.training.reference_answer import AnswerKind, ReferenceAnswer
from simulator.training.wrong_answers import make_wrong_answer
from tests.doctor.fake_reward_functions import handler_for, probe_context, response_of

Score = Callable[[dict[str, Any]], float]

NUMBER_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight")


def records_with(prompt: str, reference: Callable[[int], Json], **fields: Callable[[int], Json]) -> tuple[Record, ...]:
    """Return eight records with a reference and other fields, each made from the record's number."""
    return tuple(
        Record(
            line=number,
            messages=(Message(role="user", content=f"{prompt} ({number})"),),
            fields={"reference_answer": reference(number), **{name: make(number) for name, make in fields.items()}},
        )
        for number in range(1, 9)
    )


def names_it(element: dict[str, Any]) -> float:
    """Score 1.0 for one of the names."""
    return float(response_of(element).strip(" .") in element["reference_answer"]["aliases"])


def passes_tests(element: dict[str, Any]) -> float:
    """Score the share of the tests that the response passes."""
    tests = element["reference_answer"]["tests"]
    names: dict[str, Any] = {}
    try:
        exec(response_of(element), names)
    except Exception:  # noqa: BLE001  as a reward function does
        return 0.0
    return sum(_passes(test, names) for test in tests) / len(tests)


def _passes(test: str, names: dict[str, Any]) -> bool:
    try:
        exec(test, dict(names))
    except Exception:  # noqa: BLE001  as a reward function does
        return False
    return True


def is_solution(element: dict[str, Any]) -> float:
    """Score 1.0 for the worked solution."""
    return float(response_of(element).strip() == element["metadata"]["solution"])


ALIASES = records_with("Which number?", lambda n: {"aliases": [NUMBER_WORDS[n - 1], f"number {n}"]})
TESTS = records_with(
    "Write a Python function. Reply with only the code.",
    lambda n: {"tests": [f"assert grow({n}) == {n * n}", f"assert grow({n + 10}) == {n}"]},
)
SOLUTIONS = records_with(
    "Write a poem.", lambda n: {"rubric": [f"rule {n}"]}, solution=lambda n: f"Rain on roof {n}.\nThe cat is asleep."
)


@pytest.mark.parametrize(
    ("records", "score", "message"),
    [
        (
            ALIASES,
            names_it,
            "The function accepts the first elements of reference_answer.aliases as the right answers.",
        ),
        (
            TESTS,
            passes_tests,
            "The function accepts a function that returns what the record's tests expect as the right answers.",
        ),
        (SOLUTIONS, is_solution, "The function reads the right answer from solution, not from the expected field."),
    ],
    ids=["names", "tests", "a worked solution"],
)
def test_right_answers_are_found_by_what_scores(records: tuple[Record, ...], score: Score, message: str) -> None:
    """The report says where they come from, and they score."""
    context = probe_context(handler_for(score), records)
    first, second = check_reachability(context)
    assert (first.severity, first.message) == (Severity.INFO, message)
    assert (second.severity, second.value, len(context.answerable_rows)) == (Severity.OK, 1.0, 8)


def pays_for_length(element: dict[str, Any]) -> float:
    """Score 1.0 for a response of some length, whatever it says."""
    return float(len(response_of(element)) > 20)


def words_in_common(element: dict[str, Any]) -> float:
    """Score the share of the rubric's words in the response. Rubrics have most words in common."""
    words = set(element["metadata"]["reference_answer"].split())
    return len(words & set(response_of(element).split())) / len(words)


def test_a_rubric_that_scores_when_it_is_repeated_is_a_text() -> None:
    """Each row's own scores in full and more than another's. A part of it may be enough, so it has this kind."""
    rubrics = records_with("Write a notice.", lambda n: f"The answer must name the day {n} and its hour {n}.")
    context = probe_context(handler_for(words_in_common), rubrics)
    *_, finding = check_reachability(context)
    assert (finding.severity, {row.reference.kind for row in context.rows}) == (Severity.OK, {"text"})


@pytest.mark.parametrize(
    "reference",
    [lambda n: 30 + n, lambda _n: "not available"],
    ids=["a number that the prompt names", "one value for all records"],
)
def test_a_target_that_does_not_score_is_no_answer(reference: Callable[[int], Json]) -> None:
    """Such as a number of words. So S3 does not fail."""
    records = tuple(
        replace(record, messages=(Message(role="user", content=f"Write exactly {30 + record.line} words."),))
        for record in records_with("", reference)
    )
    (finding,) = check_reachability(probe_context(handler_for(lambda _element: 0.0), records))
    assert finding.severity is Severity.SKIPPED


@pytest.mark.parametrize(
    ("records", "score"),
    [(ALIASES, lambda _element: 0.0), (SOLUTIONS, lambda _element: 0.0), (SOLUTIONS, pays_for_length)],
    ids=["names that do not score", "a rubric that does not score", "any text scores"],
)
def test_what_needs_a_right_answer_is_not_measured_if_none_is_known(records: tuple[Record, ...], score: Score) -> None:
    """It says how to give some. A function that never scores may be a judge that nothing convinced."""
    context = probe_context(handler_for(score), records)
    findings = [
        finding
        for check in (check_reachability, check_discrimination, check_saturation, check_false_negatives)
        for finding in check(context)
    ]
    assert [(finding.probe, finding.severity, finding.message) for finding in findings] == [
        (probe_id, Severity.SKIPPED, UNKNOWN_ANSWERS) for probe_id in ("S3", "S5", "S6", "S7")
    ]


def test_right_answers_of_one_part_of_a_file_are_used_alone() -> None:
    """The other rows are counted."""
    mixed = tuple(
        replace(record, fields={"reference_answer": {"criteria": "polite"}}) if record.line % 2 else record
        for record in records_with("Which number?", lambda n: n)
    )
    score = handler_for(lambda element: float(response_of(element).endswith(f" {element['reference_answer']}.")))
    context = probe_context(score, mixed)
    unknown, scored = check_reachability(context)
    assert (unknown.message, scored.severity) == (
        "No right answer to 4 of 8 rows is known, so these rows were not used.",
        Severity.OK,
    )
    assert [row.record.line for row in context.answerable_rows] == [2, 4, 6, 8]


def given_context(score: Score, path: str, records: tuple[Record, ...]) -> tuple[ProbeContext, list[Finding]]:
    """Return a context with right answers from a field, after S3."""
    given = answers_of_field(path, records, data_name="train.jsonl")
    context = probe_context(handler_for(score), records, given=given)
    return context, [*check_reachability(context)]


def test_given_answers_are_used() -> None:
    """In the form that scores."""
    context, (first, second) = given_context(is_solution, "solution", SOLUTIONS)
    assert (first.message, first.measured) == (
        "The right answers are the values of solution (--solution solution).",
        "8 of 8 records, 8 of 8 rows",
    )
    assert (second.severity, second.value, context.rows[0].right_response) == (
        Severity.OK,
        1.0,
        SOLUTIONS[0].fields["solution"],
    )


def test_given_answers_that_do_not_score_are_a_failure() -> None:
    """The user says that they are right."""
    _, (_, second) = given_context(lambda _element: 0.0, "solution", SOLUTIONS)
    assert (second.severity, second.message) == (Severity.FAIL, "No right answer can score.")


def recorded(text: str) -> dict[int, list[RecordedResponse]]:
    """Return two responses to each of eight lines, of which the second is this text with the line's number."""
    return {
        line: [RecordedResponse(text="No idea.", tokens=2), RecordedResponse(text=f"{text} {line}", tokens=3)]
        for line in range(1, 9)
    }


def test_recorded_responses_that_score_are_right_answers() -> None:
    """If another row's response does not score."""
    context = probe_context(
        handler_for(lambda element: float(response_of(element) == f"Rain {element['reference_answer']['n']}")),
        records_with("Write a poem.", lambda n: {"rubric": "rain", "n": n}),
        recorded=recorded("Rain"),
    )
    first, second = check_reachability(context)
    assert (first.measured, second.severity) == ("the recorded responses that score most", Severity.OK)


def test_recorded_responses_that_score_overrule_a_failure() -> None:
    """The doctor does not know how a right answer is written here, so it measures nothing that needs one."""
    context = probe_context(
        handler_for(lambda element: 0.2 * response_of(element).startswith("Rain")),
        records_with("How many?", lambda n: n),
        recorded=recorded("Rain"),
    )
    (finding,) = check_reachability(context)
    assert (finding.severity, finding.measured, context.answerable_rows) == (
        Severity.INFO,
        "8 of 16 recorded responses score above 0",
        (),
    )


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        ("First.\nThen.", "It depends on several things."),
        ("def f(n):\n    return n < 2", "pass"),
        ("(1 + 2) * 3", "(1 - 2) * 3"),
    ],
    ids=["a text", "a program", "an equation"],
)
def test_a_wrong_answer_beside_one_of_many_right_ones_is_certainly_wrong(answer: str, wrong: str) -> None:
    """A text without its last sentence may be right too, and so may a program with another comparison."""
    kind: AnswerKind = "text" if answer.startswith("First") else "code"
    reference = ReferenceAnswer(kind=kind, value=answer, text=answer, is_example=True)
    assert make_wrong_answer(reference, "near", labels=(), u=0.0) == wrong


def test_a_source_also_holds_for_records_whose_references_have_other_keys() -> None:
    """Files with many kinds of references are searched as one, and few of their records are rows."""
    records = tuple(
        replace(record, fields={"reference_answer": {"aliases": [f"name {record.line}"], f"note {record.line}": 1}})
        for record in ALIASES
    )
    context = probe_context(handler_for(names_it), records, row_count=6)
    [*check_reachability(context)]
    assert [context.right_answers.read(record).text for record in records] == [f"name {n}" for n in range(1, 9)]
