"""S6: how much there is to learn from, on rollouts of the untrained model."""

import re
from dataclasses import replace
from typing import Any

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.probes.static.s06_saturation import check_saturation, is_dead
from simulator.settings import Settings
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.recorded_response import RecordedResponse
from tests.doctor.fake_reward_functions import handler_for, probe_context, response_of
from tests.doctor.sound_reward_functions import score_number

SOLVED = "mean 1, where 1.00 of the rollouts are really right; 1.00 of the groups are dead, as every response scores 1"


def test_a_reward_that_asks_for_the_format_leaves_something_to_learn(sums: tuple[Record, ...]) -> None:
    """Nearly all rollouts are right and half are in the format: that is what is said, with the mean as the value."""
    (finding,) = check_saturation(probe_context(handler_for(score_number), sums, row_count=32))
    assert (finding.probe, finding.severity) == ("S6", Severity.OK)
    assert finding.measured == "mean 0.516, where 0.96 of the rollouts are really right; 0.31 of the groups are dead"


def test_a_constant_is_named(sums: tuple[Record, ...]) -> None:
    """All groups are dead, and the finding says of what score; that the mean is high is another finding."""
    saturated, dead = check_saturation(probe_context(handler_for(lambda _element: 1.0), sums))
    assert (saturated.severity, saturated.value) == (Severity.WARN, 1.0)
    assert (dead.severity, dead.value) == (Severity.FAIL, 1.0)
    assert dead.message == "Every response scores 1: no group can teach anything."


def test_nothing_scores_although_it_is_right(sums: tuple[Record, ...]) -> None:
    """One failure, with a really right rollout that scored nothing; that its groups are dead goes without saying."""
    (finding,) = check_saturation(probe_context(handler_for(lambda _element: 0.0), sums))
    assert (finding.severity, finding.value) == (Severity.FAIL, 0.0)
    assert finding.message.endswith("although most are right.")
    assert finding.measured.endswith("1.00 of the groups are dead, as every response scores 0")
    assert finding.examples[0].score == 0.0


def test_a_form_that_the_model_seldom_finds_is_a_warning(labels: tuple[Record, ...]) -> None:
    """Right answers in that form do score, so it can be learned: not the failure that a blind function is."""

    def is_the_bare_label(element: dict[str, Any]) -> float:
        # Of a group no more than three are looked at, to make a form of one in ten rarer still.
        is_right = response_of(element) == element["reference_answer"]["label"]
        return float(is_right and element["id"][-1] in "012")

    (finding,) = check_saturation(probe_context(handler_for(is_the_bare_label), labels, row_count=32))
    assert (finding.severity, finding.threshold) == (Severity.WARN, "at least 0.05")
    assert finding.message.endswith("it is their form that does not score.")


def test_rows_that_are_too_hard_are_told_from_a_blind_function(sums: tuple[Record, ...]) -> None:
    """A model that is hardly ever right needs easier rows or examples first, and nothing is said of the function."""
    exam = probe_context(handler_for(score_number), sums)
    exam.hyperparameters = Hyperparameters(max_tokens=64)  # nearly every rollout is cut off before its answer
    (finding,) = check_saturation(exam)
    assert (finding.severity, finding.message) == (
        Severity.FAIL,
        "Hardly any response of the untrained model scores: the rows are too hard for it.",
    )


def test_rows_that_are_solved_already_do_not_fail_a_sound_function(sums: tuple[Record, ...]) -> None:
    """All groups are dead, because all of their rollouts are right: it is told, and to ask the real model."""

    def is_right(element: dict[str, Any]) -> float:
        numbers = re.findall(r"[\d.,]*\d", response_of(element).replace(",", ""))
        return float(bool(numbers) and float(numbers[-1]) == float(element["reference_answer"]["answer"]))

    findings = list(check_saturation(probe_context(handler_for(is_right), sums, settings=Settings(seed=12))))
    assert [(finding.severity, finding.measured) for finding in findings] == [(Severity.INFO, SOLVED)]


def test_a_recorded_model_that_solves_the_rows_is_a_warning(sums: tuple[Record, ...]) -> None:
    """It is the real one: there is little left to train."""
    recorded = {
        record.line: [RecordedResponse(text=f"#### {record.fields['reference_answer']['answer']}", tokens=3)] * 2  # type: ignore[index, call-overload]  # JSON
        for record in sums
    }
    (finding,) = check_saturation(probe_context(handler_for(score_number), sums, recorded=recorded))
    assert (finding.severity, finding.value) == (Severity.WARN, 1.0)


def test_a_function_that_breaks_on_all_of_them_is_not_measured(sums: tuple[Record, ...]) -> None:
    """It scores right answers alone, and raises for the rest: no mean is made up of what has no score."""
    exam = probe_context(handler_for(score_number), sums)
    exam.__dict__["base_results"] = tuple(
        tuple(replace(answer, score=None, error="ValueError: no") for answer in group) for group in exam.base_results
    )
    (finding,) = check_saturation(exam)
    assert (finding.severity, finding.message) == (
        Severity.SKIPPED,
        "No rollout of the base model got a score: ValueError: no",
    )


@pytest.mark.parametrize(("lowest", "highest"), [(-1, 1), (0, 100)])
def test_a_scale_of_its_own_is_read_as_zero_to_one(sums: tuple[Record, ...], lowest: int, highest: int) -> None:
    """Minus one to one, and 0 to 100, say the same as 0 to 1."""

    def scaled(element: dict[str, Any]) -> float:
        return lowest + (highest - lowest) * score_number(element)

    (finding,) = check_saturation(probe_context(handler_for(scaled), sums, row_count=32))
    assert finding.severity is Severity.OK
    assert finding.measured == (
        f"mean 0.516 (scores from {lowest} to {highest} read as 0 to 1), "
        "where 0.96 of the rollouts are really right; 0.31 of the groups are dead"
    )


@pytest.mark.parametrize(
    ("scores", "dead"), [([0.5, 0.5 + 1e-9], True), ([0.5, 0.5 + 1e-6], False), ([0.5], False), ([], False)]
)
def test_a_group_is_dead_when_no_advantage_differs(scores: list[float], dead: bool) -> None:
    """Scores that differ by rounding alone are the same to GRPO; one rollout is no group."""
    assert is_dead(scores) is dead


def test_prompts_that_are_repeated_are_told(sums: tuple[Record, ...]) -> None:
    """What is held out of such a file was trained on."""
    twice = (*sums[:20], *(replace(record, line=record.line + 1000) for record in sums[:5]))
    *_, finding = check_saturation(probe_context(handler_for(score_number), twice))
    assert (finding.severity, finding.value) == (Severity.INFO, 0.2)
    assert finding.measured == "5 of 25 records repeat the prompt of another, such as line 1001 that of line 1"
