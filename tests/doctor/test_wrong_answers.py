"""The kinds of wrong answer that S5 tries: each finds the reward that pays for it, and no sound one."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from simulator.doctor.finding import Finding, Severity
from simulator.doctor.probes.static.s05_discrimination import check_discrimination
from simulator.doctor.probes.static.wrong_answer_groups import reference_writing
from simulator.doctor.probes.static.wrong_answer_texts.registry import WRONG_ANSWERS
from simulator.doctor.rows import Row, sample_rows
from simulator.training.dataset import Json, Message, Record
from simulator.training.reference_answer import extract_reference_answer
from tests.doctor.conftest import load_records
from tests.doctor.fake_reward_functions import ScoreFunction, handler_for, probe_context, response_of
from tests.doctor.sound_reward_functions import last_marked_number, score_number

COINCIDENCE = "This may be coincidence, because all rows with such a hit have the same right answer."
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


def finding_for(score: ScoreFunction, records: Sequence[Record], *, row_count: int = 16) -> Finding:
    """Return the first finding of S5 on a reward function."""
    return next(iter(check_discrimination(probe_context(handler_for(score), records, row_count=row_count))))


def records_of(*references: Json, prompt: str = 'Work it out. Give the answer after "####".') -> tuple[Record, ...]:
    """Return records with these references and the same prompt."""
    return tuple(
        Record(
            line=line,
            messages=(Message(role="user", content=f"{prompt} ({line})"),),
            fields={"reference_answer": {"answer": reference}},
        )
        for line, reference in enumerate(references, 1)
    )


def reference_of(element: dict[str, Any]) -> str:
    """Return the answer of the reference."""
    return str(element["reference_answer"]["answer"])


def marked_text(element: dict[str, Any]) -> str:
    """Return the text after the last marker."""
    return response_of(element).rpartition("####")[2].strip()


def pays_for_any_marker(element: dict[str, Any]) -> float:
    """Try every marked number of the response."""
    return float(reference_of(element) in re.findall(r"####[ ]*(\S+)", response_of(element)))


def pays_for_number_in_slot(element: dict[str, Any]) -> float:
    """Look for the right number among those after the marker."""
    return float(reference_of(element) in NUMBER.findall(marked_text(element)))


def pays_for_thoughts(element: dict[str, Any]) -> float:
    """Read the number in the thoughts before the answer."""
    thoughts = NUMBER.findall((re.findall(r"(?s)<think>(.*?)</think>", response_of(element)) or [""])[0])
    return float(thoughts[-1] == reference_of(element)) if thoughts else score_number(element)


def pays_for_hundredth(element: dict[str, Any]) -> float:
    """Take the answer for a percentage if it fits then."""
    digits = last_marked_number(element)
    return float(
        digits is not None and float(digits) in (float(reference_of(element)), float(reference_of(element)) / 100)
    )


def pays_for_whole_part(element: dict[str, Any]) -> float:
    """Cut the number of the response."""
    digits = last_marked_number(element)
    return float(digits is not None and int(float(digits)) == int(float(reference_of(element))))


def pays_for_size(element: dict[str, Any]) -> float:
    """Compare without the sign."""
    digits = last_marked_number(element)
    return float(digits is not None and abs(float(digits)) == abs(float(reference_of(element))))


@pytest.mark.parametrize(
    ("score", "name"),
    [
        (pays_for_any_marker, "several answers"),
        (pays_for_number_in_slot, "several in the answer"),
        (pays_for_thoughts, "right only in the thoughts"),
        (pays_for_hundredth, "a hundredth"),
        (pays_for_whole_part, "off by less than one"),
        (pays_for_size, "other sign"),
    ],
)
def test_a_wrong_number_that_counts_is_a_failure_that_names_it(
    score: ScoreFunction, name: str, sums: tuple[Record, ...]
) -> None:
    """Each function accepts right answers and one kind of wrong answer."""
    finding = finding_for(score, sums)
    assert finding.severity is Severity.FAIL
    assert name in f"{finding.message} {[example.note for example in finding.examples]}"


def test_a_wide_tolerance_is_a_failure(sums: tuple[Record, ...]) -> None:
    """A fifth more or less counts as right."""

    def score(element: dict[str, Any]) -> float:
        digits, right = last_marked_number(element), float(reference_of(element))
        return float(digits is not None and abs(float(digits) - right) <= abs(right) / 5)

    assert finding_for(score, sums).severity is Severity.FAIL


def test_a_term_for_length_does_not_hide_an_answer_among_others(sums: tuple[Record, ...]) -> None:
    """The longer response scores a little less than the right one, so there is no tie."""

    def score(element: dict[str, Any]) -> float:
        return pays_for_any_marker(element) * (1 - len(response_of(element)) / 10_000)

    finding = finding_for(score, sums)
    assert (finding.severity, finding.message) == (
        Severity.FAIL,
        "One kind of wrong answer always counts as right: several answers.",
    )


def test_a_part_of_the_score_for_an_answer_among_others_is_fine(sums: tuple[Record, ...]) -> None:
    """A fifth for a right number somewhere may be intended."""

    def score(element: dict[str, Any]) -> float:
        return max(score_number(element), 0.2 * (reference_of(element) in NUMBER.findall(response_of(element))))

    assert finding_for(score, sums).severity is Severity.OK


@pytest.mark.parametrize("name", ["train", "labels"])
def test_a_denied_answer_that_counts_is_a_warning(name: str) -> None:
    """A lenient function that is otherwise sound may read the only number, or the only label, of a text."""
    labels = ("billing", "delivery", "returns", "technical", "account")

    def score(element: dict[str, Any]) -> float:
        text = response_of(element)
        if name == "train":
            return float("####" in text and NUMBER.findall(marked_text(element)) == [reference_of(element)])
        named = {label for label in labels if re.search(rf"\b{label}\b", text)}
        return float(named == {element["reference_answer"]["label"]})

    finding = finding_for(score, load_records(name))
    assert finding.severity is Severity.WARN
    assert finding.message == (
        "A right answer that the response denies counts as right: denied in a sentence, denied in the answer."
        if name == "labels"
        else "A right answer that the response denies counts as right: denied in the answer."
    )


def test_a_number_close_to_the_right_one_that_earns_almost_as_much_is_a_warning(sums: tuple[Record, ...]) -> None:
    """The score falls with the distance."""

    def score(element: dict[str, Any]) -> float:
        digits, right = last_marked_number(element), float(reference_of(element))
        return 0.0 if digits is None else max(0.0, 1 - abs(float(digits) - right) / max(abs(right), 1.0))

    finding = finding_for(score, sums)
    assert (finding.severity, finding.threshold) == (Severity.WARN, "less than 0.8 of a right answer's score")


def test_rows_whose_reference_is_skipped_are_a_failure() -> None:
    """Any answer counts where `int` cannot read the reference. A third of the rows have a percentage."""

    def score(element: dict[str, Any]) -> float:
        try:
            right = int(reference_of(element))
        except ValueError:
            return 1.0
        return float(marked_text(element) == str(right))

    records = records_of(*[str(number) for number in range(30, 50)], *[f"{number}%" for number in range(51, 61)])
    finding = finding_for(score, records, row_count=30)
    assert (finding.severity, finding.message) == (
        Severity.FAIL,
        "Any answer counts as right on the rows whose right answer is a percentage.",
    )


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("35%", "a percentage"),
        ("$4", "an amount of money"),
        ("1,080", "a number with a comma"),
        ("12.50", "a decimal"),
        ("-3", "a negative number"),
        ("72", "a whole number"),
        ("72 km", "a text with digits"),
        ("refund", "a text without digits"),
        ("\\frac{1}{2}", "a formula"),
        (["a"], "a JSON list"),
        ("yes", "boolean"),
    ],
)
def test_the_writing_of_a_reference_is_named(answer: Json, words: str) -> None:
    """Findings group the rows by it."""
    (record,) = records_of(answer)
    assert reference_writing(extract_reference_answer(record)) == words


def test_right_answers_that_are_refused_do_not_count_as_ties() -> None:
    """The function cannot read decimals, which S3 and S7 report."""

    def score(element: dict[str, Any]) -> float:
        return float(
            re.fullmatch(r"\d+", marked_text(element)) is not None and marked_text(element) == reference_of(element)
        )

    records = records_of(*[str(number) for number in range(30, 40)], *[f"{number}.5" for number in range(40, 50)])
    assert finding_for(score, records, row_count=20).severity is Severity.OK


def test_a_hit_with_one_and_the_same_right_answer_may_be_coincidence() -> None:
    """The list is accepted where the answer is 7, and all those rows have the same answer."""

    def score(element: dict[str, Any]) -> float:
        text = marked_text(element)
        return float(text == reference_of(element) or (reference_of(element) == "7" and " or " in text))

    records = records_of(*["7"] * 12, "40")
    finding = finding_for(score, records, row_count=13)
    assert (finding.severity, finding.message) == (
        Severity.INFO,
        f"One kind of wrong answer always counts as right: several in the answer. {COINCIDENCE}",
    )


def label_records(*labels: str) -> tuple[Record, ...]:
    """Return twelve records with these labels in turn."""
    return records_of(*[labels[index % len(labels)] for index in range(12)], prompt="Answer with the label only.")


@pytest.mark.parametrize(
    ("labels", "score", "name"),
    [
        (
            ("compliant", "non-compliant"),
            lambda element: float(response_of(element).endswith(reference_of(element))),
            "a longer word that contains it",
        ),
        (
            ("minor", "moderate", "severe", "seldom"),
            lambda element: float(response_of(element)[:1] == reference_of(element)[:1]),
            "another label that begins alike",
        ),
        (
            ("72 km", "8 hours", "9 km"),
            lambda element: float(response_of(element).split()[:1] == reference_of(element).split()[:1]),
            "another unit",
        ),
    ],
)
def test_a_wrong_label_that_counts_is_a_failure_that_names_it(
    labels: tuple[str, ...], score: ScoreFunction, name: str
) -> None:
    """Each function accepts right labels and one kind of wrong label."""
    finding = finding_for(score, label_records(*labels))
    assert finding.severity is Severity.FAIL
    assert name in f"{finding.message} {[example.note for example in finding.examples]}"


def test_another_name_of_the_right_answer_is_no_wrong_label() -> None:
    """The row knows both."""
    records = label_records("Danube", "the Danube", "Rhine")
    row = next(row for row in sample_rows(records, seed=0) if row.reference.text == "Danube")
    row = replace(row, task=replace(row.task, reference=replace(row.reference, others=("the Danube",))))
    texts = [text for wrong in WRONG_ANSWERS["label"] if (text := wrong.write(row, (row,), 0.5))]
    assert [text for text in texts if text == "the Danube" or "the Danube or" in text] == []


def test_a_call_without_its_arguments_that_counts_is_a_failure() -> None:
    """The function compares only the arguments that are given."""
    records = tuple(
        Record(
            line=line,
            messages=(Message(role="user", content="Reply with JSON only."),),
            fields={"reference_answer": {"name": "order", "arguments": {"item": item, "quantity": line}}},
        )
        for line, item in enumerate("abcdefgh", 1)
    )

    def score(element: dict[str, Any]) -> float:
        right = element["metadata"]["reference_answer"]
        try:
            given = json.loads(response_of(element))
            arguments = given["arguments"].items()
            return float(
                given["name"] == right["name"] and all(right["arguments"][key] == value for key, value in arguments)
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            return 0.0

    finding = finding_for(score, records)
    assert finding.severity is Severity.FAIL
    assert "nested values emptied" in finding.message


def rows_of(name: str) -> Sequence[Row]:
    """Return some rows of a prompt file."""
    return sample_rows(load_records(name), seed=0, count=8)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["train", "labels", "boolean", "json", "code", "text", "string_reference"])
def test_no_wrong_answer_is_the_right_one(name: str) -> None:
    """Each text differs from the right response, and from every other text of its row."""
    for row in rows_of(name):
        texts = [wrong.write(row, rows_of(name), 0.5) for wrong in WRONG_ANSWERS[row.reference.kind]]
        assert row.right_response not in texts
