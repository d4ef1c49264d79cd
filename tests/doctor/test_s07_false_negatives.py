"""S7: a right answer still counts when it is written differently."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.probes.static.answer_variants import ANSWER_VARIANTS
from simulator.doctor.probes.static.s07_false_negatives import PLAIN_STYLES, check_false_negatives
from simulator.doctor.rows import sample_rows
from simulator.training.dataset import Message, Record
from simulator.training.reference_answer import ANSWER_KINDS
from tests.doctor.conftest import load_records
from tests.doctor.fake_reward_functions import handler_for, probe_context, response_of
from tests.doctor.sound_reward_functions import SOUND_SCORES, score_number


@pytest.mark.parametrize("name", SOUND_SCORES)
def test_a_sound_function_of_each_kind_of_task_is_ok(name: str) -> None:
    """It accepts every variant that must count, and every right rollout."""
    finding, *others = check_false_negatives(
        probe_context(handler_for(SOUND_SCORES[name]), load_records(name), row_count=64)
    )
    assert (finding.probe, finding.severity, finding.value) == ("S7", Severity.OK, 0.0)
    assert {other.severity for other in others} <= {Severity.INFO}


def test_a_string_comparison_is_a_warning_that_lists_the_rejected_variants(sums: tuple[Record, ...]) -> None:
    """It is no failure, because such a function can train."""

    def score(element: dict[str, Any]) -> float:
        return float(response_of(element).rstrip().endswith(f"#### {element['reference_answer']['answer']}"))

    warning, optional = check_false_negatives(probe_context(handler_for(score), sums, row_count=32))
    assert (warning.severity, warning.value) == (Severity.WARN, 3.0)
    assert warning.measured == ("3 of 5 ways: a full stop (0.00), 72.0 for 72 (0.00), 1,000 for 1000 (0.00)")
    assert optional.severity is Severity.INFO
    assert "$72 (0.00)" in optional.measured


@pytest.mark.parametrize(
    ("prompt", "answer", "required"),
    [
        ("How many? Give the answer after ####.", "7", {"a full stop", "1,000 for 1000"}),
        ("How many? Give only the number after ####.", "7", {"1,000 for 1000"}),
        ("How many? Put the answer in \\boxed{}.", "7", {"400 characters after the answer", "1,000 for 1000"}),
        ("How many? Use the following format: <answer>...</answer>", "7", {"1,000 for 1000"}),
        ("How many? Work it out, and end with \\boxed{} around the answer.", "7", {"1,000 for 1000"}),
        ("How many litres? Use the following format: <answer>...</answer>", "7.5", set()),
        ("How many litres? Put them in \\boxed{}.", "7.5", {"400 characters after the answer", "72.0 for 72"}),
        ('A) red B) blue. End with a line "Answer: " and the letter.', "A", {"a full stop"}),
        ("Which word is it? Explain it, then write it after ####.", "red", {"a full stop", "in quotes"}),
    ],
)
def test_only_what_the_prompt_leaves_open_is_required(prompt: str, answer: str, required: set[str]) -> None:
    """A strict prompt makes other ways of writing optional. Line ends are always required."""
    answers = [answer, "1000" if answer == "7" else answer]
    records = [
        Record(line=line, messages=(Message(role="user", content=prompt),), fields={"reference_answer": value})
        for line, value in enumerate(answers, 1)
    ]
    rows = sample_rows(records, seed=0, count=2)
    ways = {
        variant.name
        for variant in ANSWER_VARIANTS[rows[0].reference.kind]
        for row in rows
        if variant.must_accept and variant.is_open(row, rows) and variant.write(row) not in {None, row.right_response}
    }
    assert ways - {"CRLF line ends", "blanks at the end", "upper or lower case"} == required


def test_lines_in_a_code_fence_end_as_they_do(sums: tuple[Record, ...]) -> None:
    """Rewards look for the line of the fence, and no model writes CRLF."""
    prompt = "Write a function. Answer in a ```python block."
    record = replace(
        sums[0],
        messages=(Message(role="user", content=prompt),),
        fields={"reference_answer": "def f():\n    return 1"},
    )
    (row,) = sample_rows([record], seed=0, count=1)
    (crlf,) = (variant for variant in ANSWER_VARIANTS["code"] if variant.name == "CRLF line ends")
    assert not crlf.is_open(row, [row])


def test_an_example_shows_the_rejected_right_answer(labels: tuple[Record, ...]) -> None:
    """With its score and the variant's name. The prompt asks for one word, so that bold and quotes are optional."""

    def score(element: dict[str, Any]) -> float:
        return float(response_of(element).strip() == element["reference_answer"]["label"])

    warning, *_ = check_false_negatives(probe_context(handler_for(score), labels))
    row = sample_rows(labels, seed=0, count=8)[0]
    assert [(example.response, example.score, example.note) for example in warning.examples] == [
        (f"{row.reference.text}.", 0.0, "right: a full stop"),
        (row.reference.text.capitalize(), 0.0, "right: upper or lower case"),
    ]


def test_case_is_not_varied_where_labels_differ_only_by_case(labels: tuple[Record, ...]) -> None:
    """`us` and `US` are two labels."""
    (row,) = sample_rows(labels, seed=0, count=1)
    (variant,) = (variant for variant in ANSWER_VARIANTS["label"] if variant.name == "upper or lower case")
    twins = (row.reference.text, row.reference.text.upper())
    assert (variant.write(row), variant.write(replace(row, task=replace(row.task, labels=twins)))) == (
        row.reference.text.capitalize(),
        None,
    )


def test_comparing_objects_as_strings_is_a_warning(objects: tuple[Record, ...]) -> None:
    """Key order, indentation, blanks and a fence change the string but not the object."""

    def score(element: dict[str, Any]) -> float:
        return float(response_of(element).strip() == json.dumps(element["metadata"]["reference_answer"]))

    warning, *_ = check_false_negatives(probe_context(handler_for(score), objects))
    assert (warning.severity, warning.measured) == (
        Severity.WARN,
        "4 of 6 ways: other key order (0.00), indented (0.00), no blanks between tokens (0.00), in a code fence (0.00)",
    )


def test_rejected_right_rollouts_in_the_requested_format_are_a_failure(sums: tuple[Record, ...]) -> None:
    """A limit on the length of a response rejects right answers with more work."""

    def score(element: dict[str, Any]) -> float:
        return score_number(element) if len(response_of(element)) < 80 else 0.0

    failure, *_ = check_false_negatives(probe_context(handler_for(score), sums, row_count=32))
    assert (failure.severity, failure.threshold) == (Severity.FAIL, "at most 10%")
    assert failure.measured == "16% of right rollouts, 17 of 107"
    assert {len(example.response) >= 80 for example in failure.examples} == {True}


def test_a_right_answer_that_the_function_fails_on_counts_as_zero(sums: tuple[Record, ...]) -> None:
    """A full stop after the number raises. The example shows the error."""

    def score(element: dict[str, Any]) -> float:
        if re.search(r"#### .*[.]$", response_of(element)):
            raise ValueError("could not convert string to float: '72.'")
        return score_number(element)

    warning, *_ = check_false_negatives(probe_context(handler_for(score), sums))
    assert warning.measured.startswith("1 of ")
    assert "(6 of 6 have no score and are counted as 0)" in warning.measured
    assert warning.examples[0].note.startswith("right: a full stop; ValueError: could not convert")


def test_right_answers_that_score_nothing_are_not_measured(sums: tuple[Record, ...]) -> None:
    """S3 reports that nothing scores."""
    (finding,) = check_false_negatives(probe_context(handler_for(lambda _element: 0.0), sums))
    assert finding.severity is Severity.SKIPPED


def test_every_kind_of_task_has_variants_and_styles() -> None:
    """A new kind must be added to both tables."""
    assert set(ANSWER_VARIANTS) == set(PLAIN_STYLES) == set(ANSWER_KINDS)
