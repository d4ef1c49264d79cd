"""Where the right answer stands in a record, and what the prompt wants it to look like."""

import pytest

from simulator.training.dataset import Json, Message, Record
from simulator.training.reference_answer import Asked, Gold, asked_format, extract_gold

CODE = "def add(a, b):\n    return a + b"
ESSAY = "Water boils at a lower temperature on a mountain. The air presses less there."


def record(**fields: Json) -> Record:
    """Make a record of some fields."""
    return Record(line=1, messages=(Message(role="user", content="?"),), fields=fields)


def gold(path: str = "reference_answer", **known: object) -> Gold:
    """Make a gold with a path."""
    return Gold(path=path, **known)  # type: ignore[arg-type] # written out by hand below


CASES: list[tuple[dict[str, Json], Gold]] = [
    (
        {"reference_answer": {"answer": "72"}},
        gold("reference_answer.answer", kind="number", value=72, written="72"),
    ),
    (
        {"reference_answer": "48/2 = <<48/2=24>>24 clips.\n48+24 = 72.\n#### 72", "ground_truth": "72"},
        gold(kind="number", value=72, written="72", steps=("48/2 = 24 clips.", "48+24 = 72.")),
    ),
    ({"reference_answer": "#### 1,080"}, gold(kind="number", value=1080, written="1,080")),
    ({"reference_answer": "so \\boxed{-3.5}"}, gold(kind="number", value=-3.5, written="-3.5")),
    ({"reference_answer": 0.5}, gold(kind="number", value=0.5, written="0.5", literal=True)),
    ({"reference_answer": "$5."}, gold(kind="number", value=5, written="$5")),
    ({"reference_answer": True}, gold(kind="boolean", value="true", written="true", literal=True)),
    (
        {"reference_answer": {"label": "Yes"}},
        gold("reference_answer.label", kind="boolean", value="yes", written="Yes"),
    ),
    ({"reference_answer": "billing"}, gold(kind="label", value="billing", written="billing")),
    (
        {"reference_answer": {"item": "rug", "quantity": 2}},
        gold(kind="json", value={"item": "rug", "quantity": 2}, written='{"item": "rug", "quantity": 2}'),
    ),
    ({"reference_answer": '["a", "b"]'}, gold(kind="json", value=["a", "b"], written='["a", "b"]')),
    ({"reference_answer": CODE}, gold(kind="code", value=CODE, written=CODE)),
    ({"reference_answer": f"```python\n{CODE}\n```"}, gold(kind="code", value=CODE, written=CODE)),
    ({"reference_answer": ESSAY}, gold(kind="text", value=ESSAY, written=ESSAY)),
    (
        {"reference_answer": {"data": {"result": {"value": 7}}}},
        gold("reference_answer.data.result.value", kind="number", value=7, written="7", literal=True),
    ),
    (
        {"reference_answer": {"final_answer": 9, "explanation": "4 + 5\n= 9"}},
        gold(
            "reference_answer.final_answer", kind="number", value=9, written="9", literal=True, steps=("4 + 5", "= 9")
        ),
    ),
    ({"ground_truth": "12"}, gold("ground_truth", kind="number", value=12, written="12")),
    (
        {"reference_answer": ESSAY, "ground_truth": "lower"},
        gold("ground_truth", kind="label", value="lower", written="lower", steps=(ESSAY,)),
    ),
    ({"difficulty": "hard"}, gold("", kind="none")),
    ({"reference_answer": None}, gold("", kind="none")),
]


@pytest.mark.parametrize(("fields", "expected"), CASES, ids=range(len(CASES)))
def test_the_reference_answer_is_found_in_any_shape(fields: dict[str, Json], expected: Gold) -> None:
    """Amazon: it "can contain any format"."""
    assert extract_gold(record(**fields)) == expected


@pytest.mark.parametrize(("times", "kind", "value"), [(5, "number", 7), (6, "label", "answer: 7")])
def test_an_answer_is_looked_for_within_an_answer_up_to_a_depth(times: int, kind: str, value: Json) -> None:
    """Each "answer:" holds the next."""
    held = record(reference_answer="answer: " * times + "7")
    assert (extract_gold(held).kind, extract_gold(held).value) == (kind, value)


def test_answers_within_answers_without_end_are_survived() -> None:
    """What lies too deep is text."""
    assert extract_gold(record(reference_answer="answer: " * 5_000 + "7")).kind == "text"


def test_an_explicit_path_is_final() -> None:
    """It overrides the heuristics, and finds nothing where there is nothing."""
    held = record(reference_answer={"answer": 1, "parts": [{"n": 2}]})
    assert extract_gold(held, answer_path="reference_answer.parts.0.n").value == 2
    assert extract_gold(held, answer_path="reference_answer.parts.1.n") == gold(
        "reference_answer.parts.1.n", kind="none"
    )


@pytest.mark.parametrize(
    ("prompt", "asked"),
    [
        ('output the final answer after "####".', Asked(format="hash")),
        ("Put it in \\boxed{}.", Asked(format="boxed")),
        ('Reply as JSON: {"label": "..."}', Asked(format="json", key="label")),
        ("Wrap it in <answer></answer>.", Asked(format="xml")),
        ("End with Final Answer: and the number", Asked(format="colon", marker="Final Answer:")),
        ("Answer with only the label.", Asked(format="bare")),
        ("Write a poem.", Asked(format="none")),
    ],
)
def test_the_asked_format_is_read_from_the_prompt(prompt: str, asked: Asked) -> None:
    """With the marker or the key as the prompt spells it, since a strict grader wants just that."""
    assert asked_format(prompt) == asked
