"""Which references are answers, and which are only criteria."""

import pytest

from simulator.doctor.right_answers.answer_kinds import is_answer
from simulator.training.dataset import Json, Message, Record
from simulator.training.reference_answer import extract_reference_answer

JSON_PROMPT = "Reply with JSON only: vendor, due date and total."


def is_answer_to(prompt: str, reference: Json) -> bool:
    """Return whether the reference of a record with this prompt is an answer."""
    record = Record(line=1, messages=(Message(role="user", content=prompt),), fields={"reference_answer": reference})
    return is_answer(record, extract_reference_answer(record))


@pytest.mark.parametrize(
    ("prompt", "reference"),
    [
        ("How many?", 72),
        ("Is it?", True),
        ("Which one?", "Paris"),
        ("How many?", {"answer": "72"}),
        ("Which team?", {"label": "billing", "data": [1]}),
        ("How far?", {"value": 5, "unit": "km"}),
        ("Why?", "Rain fell for two days, so the cellar stood under water."),
        ("Write code.", {"solution": "def f():\n    return 1"}),
        (JSON_PROMPT, {"vendor": "Tern", "due_date": "2026-07-26", "total": 5}),
        ("Reply with a JSON list of cities.", ["Turku", "Oslo"]),
        ("Tools: book(day). Reply with a tool call.", {"name": "book", "arguments": {"day": "monday"}}),
        ("Call a function.", [{"name": "book", "arguments": {}}]),
    ],
)
def test_what_a_response_can_give_is_an_answer(prompt: str, reference: Json) -> None:
    """A function that gives it no score is at fault."""
    assert is_answer_to(prompt, reference)


@pytest.mark.parametrize(
    ("prompt", "reference"),
    [
        ("Make 30 of 4, 6 and 6.", {"target": 30, "numbers": [4, 6, 6]}),
        ("Write a function.", {"tests": ["assert f(1) == 2"], "entry_point": "f"}),
        ("Write a function.", "def check(candidate):\n    assert candidate(1) == 2"),
        ("Write a function.", {"input": "1 2", "expected_output": "3"}),
        ("Which river?", {"aliases": ["Danube", "Donau"]}),
        ("Write a query.", {"schema": "t(a)", "rows": [[1]]}),
        ("Write a letter.", "Award 1 point if the letter names the day."),
        ("Write a letter.", "- names the day\n- is polite"),
        ("Write a letter.", {"rubric": [{"criterion": "polite", "weight": 2}]}),
        ("Reply in JSON.", {"constraints": ["no commas"], "kwargs": {}}),
        ("Which one?", None),
    ],
)
def test_criteria_are_no_answer(prompt: str, reference: Json) -> None:
    """A function that gives them no score need not be at fault."""
    assert not is_answer_to(prompt, reference)
