"""The rows of the probes: responses as the prompt asks for them."""

import pytest

from simulator.doctor.rows import Row, build_row
from simulator.training.dataset import Json, Message, Record
from simulator.training.reference_answer import extract_reference_answer

LAYOUT = "Use this form:\n<reasoning>\nyour steps\n</reasoning>\n<answer>\nthe number\n</answer>"
SOLVED = "3 + 4 = 7.\n7 * 2 = 14.\n#### 14"


def row_of(prompt: str, reference: Json) -> Row:
    """Return a row with a prompt and a reference."""
    record = Record(line=1, messages=(Message(role="user", content=prompt),), fields={"reference_answer": reference})
    return build_row(record, extract_reference_answer(record), labels=())


def test_a_response_in_a_layout_has_its_parts_in_their_places() -> None:
    """The steps can be read from it, and words can be added to them."""
    row = row_of(LAYOUT, SOLVED)
    work = "I start by writing down what is known.\n3 + 4 = 7.\n7 * 2 = 14."
    assert row.right_response == f"<reasoning>\n{work}\n</reasoning>\n<answer>\n14\n</answer>"
    flat_work = work.replace("\n", " ")
    assert row.right_responses_on_fewer_lines == (
        f"<reasoning>\n{flat_work}\n</reasoning>\n<answer>\n14\n</answer>",
        f"<reasoning>{flat_work}</reasoning><answer>14</answer>",
    )
    assert row.solution_steps == "I start by writing down what is known.\n3 + 4 = 7.\nSo this comes to 15."
    assert row.insert_before_work("Well.", row.right_response) == (
        f"<reasoning>\nWell.\n{work}\n</reasoning>\n<answer>\n14\n</answer>"
    )
    assert row.has_fixed_layout


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        (
            "<answer>\nthe number\n</answer>",
            ("I start by writing down what is known. 3 + 4 = 7. 7 * 2 = 14. <answer>14</answer>",),
        ),
        (
            "Put it between <number> and </number>.",
            ("I start by writing down what is known. 3 + 4 = 7. 7 * 2 = 14. <number>14</number>",),
        ),
        ("Answer after ####.", ()),
    ],
)
def test_a_template_without_a_place_for_the_work_has_one_form_on_fewer_lines(
    prompt: str, expected: tuple[str, ...]
) -> None:
    """The whole response on one line."""
    assert row_of(prompt, SOLVED).right_responses_on_fewer_lines == expected


@pytest.mark.parametrize(
    ("prompt", "reference"),
    [
        (LAYOUT, SOLVED),
        ("How many? Answer after ####.", SOLVED),
        ('How many? End with "The answer is X."', SOLVED),
        ("Put it in \\boxed{}.", "\\frac{1}{2}"),
        ("Which team?", "billing"),
        ("Is it so?", "yes"),
        ("Reply with JSON.", {"a": 1}),
        ("Write it in a ```python block.", "def f(a):\n    return a"),
        ("Write a notice.", "The shop is closed. It opens again on Monday at nine."),
    ],
)
def test_the_bare_answer_is_the_reference_alone_for_every_kind_and_template(prompt: str, reference: Json) -> None:
    """A function may compare the whole response with the reference, whatever the prompt says."""
    row = row_of(prompt, reference)
    assert row.write_response(row.reference.value, answer_format="bare") == row.reference.text


@pytest.mark.parametrize(
    ("prompt", "reference", "is_answer_only", "allows_text"),
    [
        ("Put it in \\boxed{}.", "\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}", False, True),
        ("Write it in a ```python block.", "def f(a):\n    return a", False, True),
        ("Write a function.", "def f(a):\n    return a", True, False),
        ("Reply with JSON.", {"a": 1}, True, False),
        ("Which team? One word.", "billing", True, False),
        ("How many?", SOLVED, False, True),
    ],
)
def test_text_may_surround_an_answer_that_the_prompt_wants_marked(
    prompt: str, reference: Json, is_answer_only: bool, allows_text: bool
) -> None:
    """Also a program or a formula."""
    row = row_of(prompt, reference)
    assert (row.is_answer_only, row.allows_surrounding_text) == (is_answer_only, allows_text)
