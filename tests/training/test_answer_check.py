"""The answer check accepts right answers in any form, and agrees with the ground truth of the simulated policy."""

from itertools import islice
from pathlib import Path

import pytest

from simulator.training.answer_check import is_correct
from simulator.training.dataset import DatasetLimits, Json, Message, Record, read_records
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.reference_answer import extract_reference_answer
from simulator.training.task import build_task
from simulator.training.training_run import initial_state, prepare_run
from tests.training.training_runs import GPT, QWEN

PROMPTS = Path(__file__).parents[2] / "fixtures" / "prompts"


def check(text: str, reference: Json, labels: tuple[str, ...] = ()) -> bool:
    """Check a response against a reference answer in a record."""
    record = Record(
        line=1, messages=(Message(role="user", content="Well?"),), fields={"reference_answer": {"answer": reference}}
    )
    return is_correct(text, extract_reference_answer(record), labels=labels)


@pytest.mark.parametrize(
    "text",
    [
        "#### 1080", "#### 1,080", "#### $1,080.00", "####1080", "####\n1080", "#### **1080**", "#### 1080.",
        "#### 1080\r\n", "\\boxed{1080}", "\\boxed{1{,}080}", "\\boxed{\\$1080}", "\\boxed{1080\\text{ apples}}",
        "<answer> 1080 </answer>", '{"answer": 1080}', '```json\n{"answer": "1,080"}\n```', '{"total": 1080}',
        "ANSWER: 1080", "The answer is 1080.", "The final answer is: $1080", "**Answer:** 1080 in total",
        "So 12 * 90 = 1080", "So the answer is **1080**.", "That makes 1 080.", "\uff11\uff10\uff18\uff10", "1080",
        "First I thought #### 90\nbut no:\n#### 1080", "The answer is 1080 after 3 weeks.", "#### 90 * 12 = 1080",
    ],
)  # fmt: skip
def test_a_right_number_is_accepted_in_any_form(text: str) -> None:
    """Strict reward functions fail many of these answers; the ground truth must not."""
    assert check(text, "1080")


@pytest.mark.parametrize(
    "text",
    [
        "", "  ", "#### ,", "#### 1081", "#### -1080", "#### - 1080 or so\n#### 7", "1080 is wrong, it is 1081",
        "#### 10800", "I cannot help with this.", '{"answer": null}', "\\boxed{}", "####", "#### 1080\n#### 1081",
        "\n".join(f"#### {number}" for number in range(1081)), "1080 " * 3 + "7",
    ],
)  # fmt: skip
def test_another_number_no_number_or_many_numbers_are_wrong(text: str) -> None:
    """A list of guesses that ends with the right number is not an answer."""
    assert not check(text, "1080")


@pytest.mark.parametrize(
    ("text", "reference", "verdict"),
    [
        ("#### -5", "-5", True),
        ("It is \u22125.", "-5", True),
        ("#### -$5", "-5", True),
        ("#### 5", "-5", False),
        ("#### 8-3=5", "5", True),
        ("\\boxed{\\frac{1}{2}}", "0.5", True),
        ("#### 1/2", "0.5", True),
        ("#### 1/0", "0.5", False),
        ("#### 3.3333", "3.33", True),
        ("#### 3.34", "3.33", False),
        ("#### 3.2", "3", False),
        ("#### 25%", "25%", True),
        ("#### 6.02e23", "6.02e23", True),
        ("#### 9" + "9" * 60, "9", False),
    ],
)
def test_numbers_are_compared_with_signs_fractions_and_decimals(text: str, reference: str, verdict: bool) -> None:
    """A number may have more decimals than the reference, and not fewer."""
    assert check(text, reference) is verdict


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("returns", True),
        ("I think this belongs to the second team.\nReturns.", True),
        ('The answer is "RETURNS".', True),
        ("#### returns (most likely)", True),
        ('{"label": "returns"}', True),
        ("**returns**", True),
        ("billing", False),
        ("billing or returns", False),
        ("It is not returns.", False),
        ("", False),
        ("The customer returns a kettle.\nbilling", False),
        ("Label: returns\n\nLet me know!", True),
    ],
)
def test_a_label_is_right_if_it_is_the_only_one(text: str, verdict: bool) -> None:
    """A response that names several labels has no answer, and the work before the answer does not count."""
    assert check(text, "returns", labels=("billing", "returns", "technical")) is verdict


def test_a_label_inside_a_longer_label_is_not_found() -> None:
    """The longer label is searched for first."""
    assert not check("not urgent", "urgent", labels=("urgent", "not urgent"))
    assert check("not urgent", "not urgent", labels=("urgent", "not urgent"))


@pytest.mark.parametrize(
    ("text", "reference", "verdict"),
    [
        ("Yes", "yes", True),
        ("yes, there is no doubt", "yes", True),
        ("There is no doubt that it is true.", "yes", True),
        ("True", "yes", True),
        ("no", "yes", False),
        ("It depends.", "yes", False),
        ("false", False, True),
        ('{"answer": false}', False, True),
        ("#### TRUE", True, True),
    ],
)
def test_a_boolean_can_be_yes_or_true_and_no_or_false(text: str, reference: Json, verdict: bool) -> None:
    """Both pairs of words have the same meaning."""
    assert check(text, reference) is verdict


ORDER: dict[str, Json] = {"item": "lamps", "quantity": 3, "express": True, "tags": ["red", "big"]}


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ('{"quantity": 3, "item": "lamps", "express": true, "tags": ["red", "big"]}', True),
        ('```json\n{"item": "Lamps ", "quantity": "3", "express": true, "tags": ["red", "big"],}\n```', True),
        ("{'item': 'lamps', 'quantity': 3.0, 'express': true, 'tags': ['red', 'big']}", True),
        ('Here {it} is:\n{"item": "lamps", "quantity": 3, "express": true, "tags": ["red", "big"]}\nMore?', True),
        ('{"order": {"item": "lamps", "quantity": 3, "express": true, "tags": ["red", "big"]}}', True),
        ('{"item": "lamps", "quantity": 3, "express": true, "tags": ["red", "big"], "note": null}', True),
        ('{"item": "lamps", "quantity": "not 3", "express": true, "tags": ["red", "big"]}', False),
        ('{"item": "lamps", "quantity": 3, "express": 1, "tags": ["red", "big"]}', False),
        ('{"item": "lamps", "quantity": 3, "express": true, "tags": ["big", "red"]}', False),
        ('{"item": "lamps", "quantity": 3, "express": true}', False),
        ("{}", False),
        ("[" * 5000, False),
        ("lamps, 3", False),
    ],
)  # fmt: skip
def test_json_is_right_if_it_has_all_fields_of_the_reference(text: str, verdict: bool) -> None:
    """Order, number format, fences and prose do not matter; a missing or different value does."""
    assert check(text, ORDER) is verdict


PROGRAM = "def double(numbers):\n    total = []\n    for n in numbers:\n        total.append(n * 2)\n    return total"
OTHERWISE = (
    'def double(xs: list[int]) -> list[int]:\n    """Double."""\n    out: list[int] = []  # the result\n'
    "    for x in xs:\n        out.append(x * 2)\n    return out"
)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (OTHERWISE, True),
        (PROGRAM, True),
        (f"Here it is:\n```python\n{PROGRAM}\n```\nIt doubles.", True),
        (f"Here it is:\n{PROGRAM}\n\nLet me know if more is needed.", True),
        (PROGRAM.replace("* 2", "* 3"), False),
        (PROGRAM.replace("def double", "def triple"), False),
        ("pass", False),
        ("def double(numbers):\n    return [n * 2 for n in numbers]", False),
    ],
)
def test_programs_are_compared_by_syntax_and_never_run(text: str, verdict: bool) -> None:
    """Local names, comments and layout do not matter. A different algorithm counts as wrong: a known limit."""
    assert check(text, PROGRAM) is verdict


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("Your parcel was held up by snow and will arrive on Monday.", True),
        ("Hello! Your parcel was held up by snow and will arrive on Monday. Best wishes", True),
        ("Your parcel was held up by heavy snow, and it will arrive on Monday.", True),
        ("It depends on several things.", False),
        ("Your parcel is lost.", False),
    ],
)
def test_free_text_is_right_if_most_words_are_the_same(text: str, verdict: bool) -> None:
    """By the F1 score of the words."""
    assert check(text, "Your parcel was held up by snow and will arrive on Monday.") is verdict


def test_without_a_reference_no_response_is_right() -> None:
    """Not even the text "None"."""
    assert not check("None", None)


@pytest.mark.parametrize(
    "text",
    ["####" + " " * 60_000, "<answer>" * 8_000, "```\n" + " " * 60_000, '{"a":' * 9_000, "- " * 30_000, "1" * 60_000],
    ids=["spaces", "tags", "fence", "braces", "dashes", "digits"],
)
def test_no_text_takes_long_to_check(text: str) -> None:
    """Each of these texts could make a pattern run for minutes."""
    references: tuple[Json, ...] = ("72", "yes", "returns", ORDER, PROGRAM, "It is six words long, this one.")
    assert [reference for reference in references if check(text, reference)] == []


@pytest.mark.parametrize("model", [GPT, QWEN])
@pytest.mark.parametrize(
    ("name", "share"),
    [
        ("train.jsonl", 0.99),
        ("string_reference.jsonl", 0.99),
        ("labels.jsonl", 0.99),
        ("boolean.jsonl", 0.99),
        ("json.jsonl", 0.98),
        ("text.jsonl", 0.97),
        ("code.jsonl", 0.85),
    ],
)
def test_the_check_agrees_with_the_simulated_policy(name: str, share: float, model: str) -> None:
    """The policy knows which of its answers are right, in all formats and styles. Truncated code is the exception."""
    with (PROMPTS / name).open("rb") as stream:
        records = read_records(stream, DatasetLimits())
    run = prepare_run(records, model=model, hyperparameters=Hyperparameters(batch_size=60), seed=5)
    verdicts = [
        (rollout.correct, is_correct(rollout.text, source.prompt.task.reference, labels=source.prompt.task.labels))
        for source in islice(run.train_sources.values(), 40)
        for rollout in source.sample_group(initial_state().weights, rollouts=4, random_key=("check",)).rollouts
        if not rollout.truncated
    ]
    assert sum(truth == verdict for truth, verdict in verdicts) / len(verdicts) >= share


@pytest.mark.parametrize(
    ("text", "reference", "verdict"),
    [
        ("So it is \\boxed{\\frac{\\sqrt{2}}{3}}.", "\\frac{\\sqrt{2}}{3}", True),
        ("\\boxed{\\dfrac{ \\sqrt{2} }{3}}", "\\frac{\\sqrt{2}}{3}", True),
        ("\\boxed{\\frac{\\sqrt{3}}{2}}", "\\frac{\\sqrt{2}}{3}", False),
        ("\\boxed{\\left(2,11\\right]}", "(2,11]", True),
        ("\\boxed{(2,11)}", "(2,11]", False),
        ("The expansion is $x^2-2x+1$.\n$x^2-2x+1$", "x^2-2x+1", True),
        ("\\boxed{x^2+2x+1}", "x^2-2x+1", False),
        ("\\boxed{x = a+b}", "a+b", True),
    ],
)
def test_formulas_are_compared_by_their_signs(text: str, reference: str, verdict: bool) -> None:
    """Brackets and signs matter; layout commands and spaces do not."""
    assert check(text, reference) is verdict


@pytest.mark.parametrize(
    ("prompt", "reference", "text", "verdict"),
    [
        (
            "<think>\nyour work\n</think>\n<answer>\nthe number\n</answer>", "12",
            "<think>\nThe answer is 13.\n</think>\n<answer>\n12\n</answer>", True,
        ),
        (
            "<think>\nyour work\n</think>\n<answer>\nthe number\n</answer>", "12",
            "<think>The answer is 12.</think><answer>13</answer>", False,
        ),
        ("Think in <think></think>, then put it in \\boxed{}.", "12", "<think>#### 13</think>\nIt is 12.", True),
        ("Put the query in <sql></sql> tags.", "SELECT a FROM b", "<sql>SELECT a FROM b</sql> is right", True),
        ("Write calls as <tool_call>{...}</tool_call>.", [{"name": "a"}, {"name": "b"}],
         '<tool_call>{"name": "a"}</tool_call>\n<tool_call>{"name": "b"}</tool_call>', True),
        ("Write calls as <tool_call>{...}</tool_call>.", [{"name": "a"}, {"name": "b"}],
         '<tool_call>{"name": "a"}</tool_call>', False),
        ("Write calls as <tool_call>{...}</tool_call>.", {"name": "a"}, '<tool_call>{"name": "a"}</tool_call>', True),
        ("<result>the town</result>", "Graz", "It is Graz.", True),
    ],
)  # fmt: skip
def test_only_the_place_of_the_answer_counts_if_the_response_has_it(
    prompt: str, reference: Json, text: str, verdict: bool
) -> None:
    """The work may name other answers. A response without the places may still be right."""
    record = Record(line=1, messages=(Message(role="user", content=prompt),), fields={"reference_answer": reference})
    task = build_task(record, extract_reference_answer(record), labels=())
    assert is_correct(text, task.reference, requested_format=task.requested_format) is verdict
