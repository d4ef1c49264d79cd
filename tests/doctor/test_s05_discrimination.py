"""S5: right answers score more than wrong ones."""

import re
from dataclasses import replace
from typing import Any

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.probes.static.s05_discrimination import check_discrimination
from simulator.doctor.probes.static.wrong_answer_texts.registry import WRONG_ANSWERS
from simulator.training.dataset import Record
from simulator.training.reference_answer import ANSWER_KINDS
from tests.doctor.conftest import load_records
from tests.doctor.fake_reward_functions import handler_for, probe_context, response_of
from tests.doctor.sound_reward_functions import SOUND_SCORES, score_number


@pytest.mark.parametrize("name", SOUND_SCORES)
def test_a_sound_function_of_each_kind_of_task_is_ok(name: str) -> None:
    """Its AUC is 1."""
    (finding,) = check_discrimination(probe_context(handler_for(SOUND_SCORES[name]), load_records(name)))
    assert (finding.probe, finding.severity, finding.value) == ("S5", Severity.OK, 1.0)


def test_an_inverted_score_is_a_failure_of_its_own(sums: tuple[Record, ...]) -> None:
    """All wrong answers score more than right ones."""
    (finding, *_) = check_discrimination(probe_context(handler_for(lambda element: 1.0 - score_number(element)), sums))
    assert (finding.severity, finding.value, finding.threshold) == (Severity.FAIL, 0.0, "at least 0.3")
    assert "inverted" in finding.message


def test_a_constant_score_is_a_failure(sums: tuple[Record, ...]) -> None:
    """Every comparison is a tie, which counts half."""
    (finding,) = check_discrimination(probe_context(handler_for(lambda _element: 1.0), sums))
    assert (finding.severity, finding.value, finding.threshold) == (Severity.FAIL, 0.5, "at least 0.8")


def test_accepting_the_reference_anywhere_in_the_text_is_a_failure(sums: tuple[Record, ...]) -> None:
    """It accepts a right answer that is retracted, or is part of a larger number."""

    def is_mentioned(element: dict[str, Any]) -> float:
        return float(element["reference_answer"]["answer"] in response_of(element))

    (finding,) = check_discrimination(probe_context(handler_for(is_mentioned), sums))
    assert finding.severity is Severity.FAIL
    retracted = next(example for example in finding.examples if "taken back" in example.note)
    assert (retracted.score, retracted.note) == (1.0, "wrong (right one taken back); the right answer scored 1")


def test_accepting_the_label_anywhere_in_the_text_is_a_failure(labels: tuple[Record, ...]) -> None:
    """Four of six kinds of wrong answer always tie with the right one. Denied ones are not part of the mean."""

    def is_mentioned(element: dict[str, Any]) -> float:
        return float(element["reference_answer"]["label"] in response_of(element))

    (finding,) = check_discrimination(probe_context(handler_for(is_mentioned), labels))
    assert (finding.severity, round(finding.value or 0.0, 3)) == (Severity.FAIL, 0.667)
    assert {example.note.partition(";")[0] for example in finding.examples} <= {
        f"wrong ({name})"
        for name in (
            "a longer word that contains it",
            "denied in a sentence",
            "denied in the answer",
            "right one taken back",
            "right only in the thoughts",
            "several in the answer",
        )
    }


def test_accepting_almost_right_code_is_no_failure() -> None:
    """Another program may have the same result. This function tells other wrong programs from right ones."""

    def runs(element: dict[str, Any]) -> float:
        lines, right = response_of(element).splitlines(), element["reference_answer"]["solution"].splitlines()
        return float(len(lines) == len(right) and lines[0] == right[0])

    (finding,) = check_discrimination(probe_context(handler_for(runs), load_records("code")))
    assert (finding.severity, finding.threshold) == (Severity.WARN, "at least 0.95")


def test_accepting_any_object_is_a_failure(objects: tuple[Record, ...]) -> None:
    """All wrong objects tie with the right one."""
    (finding,) = check_discrimination(
        probe_context(handler_for(lambda element: float(response_of(element)[:1] == "{")), objects)
    )
    assert (finding.severity, finding.value) == (Severity.FAIL, 0.5)


def test_a_refusal_that_scores_more_than_a_wrong_answer_is_information(sums: tuple[Record, ...]) -> None:
    """A penalty for wrong numbers may be intended."""

    def score(element: dict[str, Any]) -> float:
        return score_number(element) if "#### " not in response_of(element) else 2 * score_number(element) - 1

    _, *findings = check_discrimination(probe_context(handler_for(score), sums))
    assert [(finding.severity, finding.message) for finding in findings] == [
        (Severity.INFO, "An empty response scores more than a wrong answer."),
        (Severity.INFO, "A refusal scores more than a wrong answer."),
    ]


def test_results_without_a_score_are_left_out_and_counted(sums: tuple[Record, ...]) -> None:
    """The function fails on negative numbers."""

    def score(element: dict[str, Any]) -> float:
        if "#### -" in response_of(element):
            raise ValueError("negative")
        return score_number(element)

    (finding,) = check_discrimination(probe_context(handler_for(score), sums))
    assert (finding.severity, finding.value) == (Severity.OK, 1.0)
    assert re.search(r"\(8 of \d+ have no score and are left out\)", finding.measured)


def test_rows_without_a_right_answer_are_not_measured(sums: tuple[Record, ...]) -> None:
    """There is nothing to compare."""
    incomplete = tuple(replace(record, fields={}) for record in sums)
    (finding,) = check_discrimination(probe_context(handler_for(lambda _element: 1.0), incomplete))
    assert finding.severity is Severity.SKIPPED


def test_every_kind_of_task_has_wrong_answers() -> None:
    """A new kind must be added to the table."""
    assert set(WRONG_ANSWERS) == set(ANSWER_KINDS)
