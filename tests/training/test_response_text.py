"""The text of sampled actions."""

from itertools import product

import pytest

from simulator.training.dataset import Json, Message, Record
from simulator.training.policy_actions import CONTENT, FORMAT, RESPONSE_TYPE, STYLE, VERBOSITY, Actions
from simulator.training.reference_answer import extract_reference_answer
from simulator.training.requested_format import RequestedFormat, find_requested_format
from simulator.training.response_text import render_response
from simulator.training.task import Task


def task(reference: Json, prompt: str = "?") -> Task:
    """Return the task of a reference answer and a prompt."""
    record = Record(line=1, messages=(Message(role="user", content=prompt),), fields={"reference_answer": reference})
    return Task(
        reference=extract_reference_answer(record),
        requested_format=find_requested_format(prompt),
        labels=("billing", "returns"),
    )


def attempt(content: str = "correct", form: str = "bare", style: str = "plain", verbosity: str = "terse") -> Actions:
    """Return the actions of an attempt, by name."""
    return (
        0,
        VERBOSITY.actions.index(verbosity),
        CONTENT.actions.index(content),
        FORMAT.actions.index(form),
        STYLE.actions.index(style),
    )


SOLVED = "2 * 36 = 72.\n#### 72"


@pytest.mark.parametrize(
    ("reference", "actions", "expected"),
    [
        (SOLVED, attempt(form="hash"), ("#### 72", True)),
        (SOLVED, attempt(form="hash", verbosity="brief"), ("2 * 36 = 72.\n#### 72", True)),
        (SOLVED, attempt(form="hash", style="dollar"), ("#### $72", True)),
        (SOLVED, attempt(form="hash", style="fullwidth"), ("#### \uff17\uff12", True)),
        (SOLVED, attempt(content="near", form="boxed"), ("\\boxed{-72}", False)),
        (SOLVED, attempt(content="intermediate", form="bare"), ("36", False)),
        (SOLVED, attempt(content="near", form="hash", verbosity="brief"), ("So this comes to -72.\n#### -72", False)),
        ({"answer": "72"}, attempt(form="json"), ('{"answer": "72"}', True)),
        ({"answer": 72}, attempt(form="json"), ('{"answer": 72}', True)),
        ({"answer": 72}, attempt(form="json", style="dollar"), ('{"answer": "$72"}', True)),
        ("Yes", attempt(content="wrong"), ("No", False)),
        ("billing", attempt(content="wrong"), ("returns", False)),
        ({"a": 1, "b": 2}, attempt(form="json"), ('{"a": 1, "b": 2}', True)),
        ({"a": 1, "b": 2}, attempt(content="near"), ('{"a": 1}', False)),
        ({"a": 1}, attempt(style="dollar"), ('```json\n{"a": 1}\n```', True)),
        ("def f(a):\n    return a + 1", attempt(content="wrong"), ("def f(a):\n    return a - 1", False)),
        (None, attempt(form="hash"), ("#### 48", False)),
    ],
)
def test_actions_are_rendered_to_text_and_ground_truth(
    reference: Json, actions: Actions, expected: tuple[str, bool]
) -> None:
    """The ground truth depends on the value only, not on format and style."""
    assert render_response(task(reference), actions, 0.5) == expected


def test_marker_and_key_are_spelled_as_in_the_prompt() -> None:
    """A reward function that searches for `Answer:` does not find `ANSWER:`."""
    assert (
        render_response(task("billing", "End with Answer: <label>"), attempt(form="colon"), 0.5)[0] == "Answer: billing"
    )
    json_task = task("billing", 'As JSON {"label": "..."}')
    assert render_response(json_task, attempt(form="json"), 0.5)[0] == '{"label": "billing"}'


@pytest.mark.parametrize("response_type", range(1, len(RESPONSE_TYPE.actions)), ids=RESPONSE_TYPE.actions[1:])
@pytest.mark.parametrize("form", ["hash", "boxed", "json", "xml", "colon", "bare", "none"])
def test_a_non_attempt_is_never_right(response_type: int, form: str) -> None:
    """Not even by chance."""
    formatted = Task(reference=task("0").reference, requested_format=RequestedFormat(format=form))  # type: ignore[arg-type] # each is in the list of formats
    assert render_response(formatted, (response_type,), 0.5)[1] is False


REFERENCES: list[Json] = [
    SOLVED, 10**400, 1e300, "Yes", True, "billing", {"a": None}, [], [1, 2], {}, "x = [", "A. B. C.", "", None,
]  # fmt: skip


@pytest.mark.parametrize("reference", REFERENCES, ids=range(len(REFERENCES)))
def test_all_actions_can_be_rendered_for_all_kinds_of_answer(reference: Json) -> None:
    """Nothing raises, and only the action `correct` gives the right answer."""
    answer_task = task(reference)
    for content, form, style, u in product(CONTENT.actions, FORMAT.actions, STYLE.actions, (1e-9, 0.5, 1 - 1e-9)):
        for verbosity in ("terse", "long"):
            text, correct = render_response(answer_task, attempt(content, form, style, verbosity), u)
            assert isinstance(text, str)
            assert correct == (content == "correct" and answer_task.reference.kind != "none")
