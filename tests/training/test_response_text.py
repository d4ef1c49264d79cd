"""The text of sampled actions."""

from itertools import product

import pytest

from simulator.training.dataset import Json, Message, Record
from simulator.training.policy_actions import CONTENT, FORMAT, RESPONSE_TYPE, STYLE, VERBOSITY, Actions
from simulator.training.reference_answer import extract_reference_answer
from simulator.training.requested_format import RequestedFormat, find_requested_format
from simulator.training.response_text import render_response
from simulator.training.task import Task, build_task


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


TAGGED = "Answer in this form:\n<reasoning>\nyour steps\n</reasoning>\n<answer>\nthe answer\n</answer>"
CALLS: list[Json] = [{"name": "ring", "arguments": {"to": "Ida"}}, {"name": "open", "arguments": {}}]
FORMULA = "\\frac{\\sqrt{2}}{3}"
LONG_FORMULA = "\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}"
PROGRAM = "def f(a):\n    return a + 1"


@pytest.mark.parametrize(
    ("reference", "prompt", "actions", "expected"),
    [
        (
            SOLVED, TAGGED, attempt(form="xml", verbosity="brief"),
            "<reasoning>\n2 * 36 = 72.\n</reasoning>\n<answer>\n72\n</answer>",
        ),
        (
            SOLVED, TAGGED, attempt(form="xml"),
            "<reasoning>\nI start by writing down what is known.\n</reasoning>\n<answer>\n72\n</answer>",
        ),
        (SOLVED, TAGGED, attempt(form="bare"), "72"),
        (SOLVED, "Think in <think></think>, then answer after ####.", attempt(form="hash", verbosity="brief"),
         "<think>2 * 36 = 72.</think>\n#### 72"),
        (CALLS, "Write each call as <tool_call>{...}</tool_call>.", attempt(form="xml"),
         ('<tool_call>{"name": "ring", "arguments": {"to": "Ida"}}</tool_call>\n'
         '<tool_call>{"name": "open", "arguments": {}}</tool_call>')),
        (FORMULA, "Put the answer in \\boxed{}.", attempt(form="boxed"), f"\\boxed{{{FORMULA}}}"),
        (LONG_FORMULA, "Put the answer in \\boxed{}.", attempt(form="boxed"), f"\\boxed{{{LONG_FORMULA}}}"),
        (LONG_FORMULA, "Give the matrix.", attempt(form="boxed"), LONG_FORMULA),
        (PROGRAM, "Put it in a ```python block.", attempt(form="xml"), f"```python\n{PROGRAM}\n```"),
        (PROGRAM, "Put it in a ```python block.", attempt(form="bare"), PROGRAM),
        (PROGRAM, "Put it between <code> and </code>.", attempt(form="xml"), f"<code>{PROGRAM}</code>"),
        ("B", 'End with "The answer is (X)".', attempt(form="colon"), "The answer is (B)"),
        ("billing", 'Respond with {"reason": "...", "team": "..."}.', attempt(form="json"),
         '{"reason": "I start by writing down what is known.", "team": "billing"}'),
    ],
)  # fmt: skip
def test_the_requested_format_is_written_as_the_prompt_shows_it(
    reference: Json, prompt: str, actions: Actions, expected: str
) -> None:
    """Whatever the kind of the answer: each work and answer in its place, with the template's new lines."""
    assert answer_text(reference, prompt, actions) == expected


def answer_text(reference: Json, prompt: str, actions: Actions) -> str:
    """Return the response to a prompt with a reference answer."""
    record = Record(line=1, messages=(Message(role="user", content=prompt),), fields={"reference_answer": reference})
    return render_response(build_task(record, extract_reference_answer(record), labels=()), actions, 0.5)[0]


def test_a_list_without_calls_is_written_in_words() -> None:
    """A response without calls has no tag to put them in."""
    assert (
        answer_text(CALLS[:1], "Write each call as <tool_call>{...}</tool_call>.", attempt(content="near", form="xml"))
        == "None of the tools is needed."
    )


@pytest.mark.parametrize(
    ("prompt", "verbosity", "expected"),
    [
        ("Answer with one word.", "normal", "billing"),
        ("Which team?", "normal", "I start by writing down what is known.\nbilling"),
        ("Answer with one word.", "long", "Next, the parts are put together."),
    ],
)
def test_an_answer_that_the_prompt_wants_alone_comes_without_work(prompt: str, verbosity: str, expected: str) -> None:
    """Unless the model is long-winded."""
    assert answer_text("billing", prompt, attempt(verbosity=verbosity)).startswith(expected)
