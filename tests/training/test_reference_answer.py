"""Reference answers of any shape."""

import pytest

from simulator.training.dataset import Json, Message, Record
from simulator.training.reference_answer import ReferenceAnswer, extract_reference_answer

CODE = "def add(a, b):\n    return a + b"
ESSAY = "Water boils at a lower temperature on a mountain. The air presses less there."


def record(**fields: Json) -> Record:
    """Return a record with these fields."""
    return Record(line=1, messages=(Message(role="user", content="?"),), fields=fields)


def reference(path: str = "reference_answer", **expected: object) -> ReferenceAnswer:
    """Return a reference answer with a path."""
    return ReferenceAnswer(path=path, **expected)  # type: ignore[arg-type] # written out by hand below


CASES: list[tuple[dict[str, Json], ReferenceAnswer]] = [
    (
        {"reference_answer": {"answer": "72"}},
        reference("reference_answer.answer", kind="number", value=72, text="72"),
    ),
    (
        {"reference_answer": "48/2 = <<48/2=24>>24 clips.\n48+24 = 72.\n#### 72", "ground_truth": "72"},
        reference(kind="number", value=72, text="72", steps=("48/2 = 24 clips.", "48+24 = 72.")),
    ),
    ({"reference_answer": "#### 1,080"}, reference(kind="number", value=1080, text="1,080")),
    ({"reference_answer": "so \\boxed{-3.5}"}, reference(kind="number", value=-3.5, text="-3.5")),
    ({"reference_answer": 0.5}, reference(kind="number", value=0.5, text="0.5", literal=True)),
    ({"reference_answer": "$5."}, reference(kind="number", value=5, text="$5")),
    ({"reference_answer": True}, reference(kind="boolean", value="true", text="true", literal=True)),
    (
        {"reference_answer": {"label": "Yes"}},
        reference("reference_answer.label", kind="boolean", value="yes", text="Yes"),
    ),
    ({"reference_answer": "billing"}, reference(kind="label", value="billing", text="billing")),
    (
        {"reference_answer": {"item": "rug", "quantity": 2}},
        reference(kind="json", value={"item": "rug", "quantity": 2}, text='{"item": "rug", "quantity": 2}'),
    ),
    ({"reference_answer": '["a", "b"]'}, reference(kind="json", value=["a", "b"], text='["a", "b"]')),
    ({"reference_answer": CODE}, reference(kind="code", value=CODE, text=CODE)),
    ({"reference_answer": f"```python\n{CODE}\n```"}, reference(kind="code", value=CODE, text=CODE)),
    ({"reference_answer": ESSAY}, reference(kind="text", value=ESSAY, text=ESSAY)),
    (
        {"reference_answer": {"data": {"result": {"value": 7}}}},
        reference("reference_answer.data.result.value", kind="number", value=7, text="7", literal=True),
    ),
    (
        {"reference_answer": {"final_answer": 9, "explanation": "4 + 5\n= 9"}},
        reference(
            "reference_answer.final_answer", kind="number", value=9, text="9", literal=True, steps=("4 + 5", "= 9")
        ),
    ),
    ({"ground_truth": "12"}, reference("ground_truth", kind="number", value=12, text="12")),
    (
        {"reference_answer": ESSAY, "ground_truth": "lower"},
        reference("ground_truth", kind="label", value="lower", text="lower", steps=(ESSAY,)),
    ),
    ({"difficulty": "hard"}, reference("", kind="none")),
    ({"reference_answer": None}, reference("", kind="none")),
]


@pytest.mark.parametrize(("fields", "expected"), CASES, ids=range(len(CASES)))
def test_the_reference_answer_is_found_in_any_shape(fields: dict[str, Json], expected: ReferenceAnswer) -> None:
    """With its kind, value, path and worked steps."""
    assert extract_reference_answer(record(**fields)) == expected


@pytest.mark.parametrize(("times", "kind", "value"), [(5, "number", 7), (6, "label", "answer: 7")])
def test_marked_answers_inside_answers_are_found_up_to_a_depth(times: int, kind: str, value: Json) -> None:
    """Each "answer:" contains the next."""
    nested = record(reference_answer="answer: " * times + "7")
    assert (extract_reference_answer(nested).kind, extract_reference_answer(nested).value) == (kind, value)


def test_thousands_of_nested_answers_raise_no_error() -> None:
    """Below the limit the answer is text."""
    assert extract_reference_answer(record(reference_answer="answer: " * 5_000 + "7")).kind == "text"


def test_an_explicit_path_overrides_the_search() -> None:
    """If there is nothing at the path, there is no answer."""
    nested = record(reference_answer={"answer": 1, "parts": [{"n": 2}]})
    assert extract_reference_answer(nested, answer_path="reference_answer.parts.0.n").value == 2
    assert extract_reference_answer(nested, answer_path="reference_answer.parts.1.n") == reference(
        "reference_answer.parts.1.n", kind="none"
    )
