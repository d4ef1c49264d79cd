"""Right answers that the user gives: --solution and --right."""

import json

import pytest

from simulator.doctor.right_answers.given_answers import (
    GivenAnswers,
    GivenAnswersError,
    answers_of_field,
    answers_of_file,
)
from simulator.training.dataset import Message, Record

RECORDS = tuple(
    Record(
        line=line,
        messages=(Message(role="user", content="How many?"),),
        fields={"reference_answer": {"tests": [], "solution": f"It is\n\\boxed{{{line}}}" if line < 3 else ""}},
    )
    for line in (1, 2, 3)
)


def right_file(*lines: object) -> GivenAnswers:
    """Return the answers of a file with these lines, as text or as values."""
    text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
    return answers_of_file(text.encode(), RECORDS, name="right.jsonl", data_name="train.jsonl", sha256="abc")


def error_of(*lines: object) -> str:
    """Return the error of a file with these lines."""
    with pytest.raises(GivenAnswersError) as raised:
        right_file(*lines)
    return str(raised.value)


def test_responses_belong_to_the_lines_that_they_name() -> None:
    """In any order; the last source takes a response as it is."""
    given = right_file({"line": 3, "response": "three"}, {"line": 1, "response": "one"})
    answers = [given.sources[-1].read(record) for record in RECORDS]
    assert [(answer.value, answer.is_response) for answer in answers] == [
        ("one", True),
        (None, False),
        ("three", True),
    ]
    assert (given.lines, dict(given.inputs)) == (frozenset({1, 3}), {"right_sha256": "abc"})


def test_responses_without_lines_are_in_the_order_of_the_records() -> None:
    """Blank lines do not count."""
    given = right_file({"response": "one"}, "", {"response": "two"})
    assert [given.sources[-1].read(record).value for record in RECORDS] == ["one", "two", None]


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        ((), 'right.jsonl contains no responses; each line is {"line": 3, "response": "..."}'),
        (
            ("no",),
            (
                "right.jsonl, line 1: not valid JSON: Expecting value at column 1; each line is "
                '{"line": 3, "response": "..."}'
            ),
        ),
        (({"line": 1},), 'right.jsonl, line 1: no "response"; each line is {"line": 3, "response": "..."}'),
        (
            ({"response": 5},),
            'right.jsonl, line 1: a number as "response"; each line is {"line": 3, "response": "..."}',
        ),
        (
            ({"line": 9, "response": "x"},),
            ('right.jsonl, line 1: "line" is 9, and train.jsonl has no record there; its records are in lines 1 to 3'),
        ),
        (
            ({"line": 1, "response": "x"}, {"line": 1, "response": "y"}),
            "right.jsonl, line 2: line 1 of train.jsonl already has the response of line 1; keep one",
        ),
        (
            ({"line": 1, "response": "x"}, {"response": "y"}),
            (
                'right.jsonl, line 2: some lines have "line" and others have none; give it in all lines, or in none '
                "if the responses are in the order of the records"
            ),
        ),
        (
            tuple({"response": str(number)} for number in range(4)),
            (
                "right.jsonl, line 4: train.jsonl has only 3 records; remove the responses after them, or name the "
                'record of each response by "line"'
            ),
        ),
    ],
    ids=["empty", "not JSON", "no response", "a number", "no such line", "twice", "mixed", "too many"],
)
def test_a_file_that_cannot_be_used_is_an_error(lines: tuple[object, ...], error: str) -> None:
    """It names the file, the line, and what to do."""
    assert error_of(*lines) == error


def test_a_field_gives_its_value_the_marked_answer_and_the_whole_text() -> None:
    """The doctor takes what scores most."""
    given = answers_of_field("reference_answer.solution", RECORDS, data_name="train.jsonl")
    answers = [source.read(RECORDS[0]) for source in given.sources]
    assert [(answer.value, answer.is_response) for answer in answers] == [
        (1, False),
        (1, False),
        ("It is\n\\boxed{1}", True),
    ]
    assert (given.lines, dict(given.inputs)) == (frozenset({1, 2}), {"solution": "reference_answer.solution"})


def test_a_field_that_no_record_has_is_an_error() -> None:
    """It lists the fields."""
    with pytest.raises(GivenAnswersError) as raised:
        answers_of_field("solution", RECORDS, data_name="train.jsonl")
    assert str(raised.value) == (
        "--solution solution: no record of train.jsonl has a value there. The fields are reference_answer, "
        "reference_answer.tests, reference_answer.solution"
    )
