"""S6: the scores of the untrained model's rollouts differ, so that training can learn from them."""

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


def test_a_function_that_requires_the_format_is_ok(sums: tuple[Record, ...]) -> None:
    """Nearly all rollouts are right, and half have the format."""
    (finding,) = check_saturation(probe_context(handler_for(score_number), sums, row_count=32))
    assert (finding.probe, finding.severity) == ("S6", Severity.OK)
    assert finding.measured == "mean 0.516, where 0.96 of the rollouts are really right; 0.31 of the groups are dead"


def test_a_constant_score_is_a_failure(sums: tuple[Record, ...]) -> None:
    """All groups are dead. The high mean is a finding of its own."""
    saturated, dead = check_saturation(probe_context(handler_for(lambda _element: 1.0), sums))
    assert (saturated.severity, saturated.value) == (Severity.WARN, 1.0)
    assert (dead.severity, dead.value) == (Severity.FAIL, 1.0)
    assert dead.message == "Every response scores 1, so no group has an effect on training."


def test_right_rollouts_that_score_nothing_are_one_failure(sums: tuple[Record, ...]) -> None:
    """The dead groups are a consequence and not reported. The example is a right rollout."""
    (finding,) = check_saturation(probe_context(handler_for(lambda _element: 0.0), sums))
    assert (finding.severity, finding.value) == (Severity.FAIL, 0.0)
    assert finding.message.endswith("although most are right.")
    assert finding.measured.endswith("1.00 of the groups are dead, as every response scores 0")
    assert finding.examples[0].score == 0.0


def test_an_accepted_form_that_the_model_seldom_uses_is_a_warning(labels: tuple[Record, ...]) -> None:
    """Right answers in that form score, so training can learn it."""

    def is_the_bare_label(element: dict[str, Any]) -> float:
        # At most three of a group score, to make a rare form rarer.
        is_right = response_of(element) == element["reference_answer"]["label"]
        return float(is_right and element["id"][-1] in "012")

    # The prompt asks for no form, so that most responses have words around the label.
    free = tuple(
        replace(
            record,
            messages=tuple(
                replace(message, content=message.content.replace("Answer with one word.", ""))
                for message in record.messages
            ),
        )
        for record in labels
    )
    (finding,) = check_saturation(probe_context(handler_for(is_the_bare_label), free, row_count=32))
    assert (finding.severity, finding.threshold) == (Severity.WARN, "at least 0.05")
    assert finding.message.endswith("their format does not score.")


def test_rows_that_are_too_hard_are_a_failure_of_the_rows(sums: tuple[Record, ...]) -> None:
    """The model is hardly ever right."""
    context = probe_context(handler_for(score_number), sums)
    context.hyperparameters = Hyperparameters(max_tokens=64)  # nearly every rollout is truncated before its answer
    (finding,) = check_saturation(context)
    assert (finding.severity, finding.message) == (
        Severity.FAIL,
        "Hardly any response of the untrained model scores: the rows are too hard for it.",
    )


def test_rows_that_a_simulated_model_solves_are_information(sums: tuple[Record, ...]) -> None:
    """All groups are dead, because all of their rollouts are right."""

    def is_right(element: dict[str, Any]) -> float:
        numbers = re.findall(r"[\d.,]*\d", response_of(element).replace(",", ""))
        return float(bool(numbers) and float(numbers[-1]) == float(element["reference_answer"]["answer"]))

    findings = list(check_saturation(probe_context(handler_for(is_right), sums, settings=Settings(seed=12))))
    assert [(finding.severity, finding.measured) for finding in findings] == [(Severity.INFO, SOLVED)]


def test_rows_that_a_recorded_model_solves_are_a_warning(sums: tuple[Record, ...]) -> None:
    """The real model can already solve them."""
    recorded = {
        record.line: [RecordedResponse(text=f"#### {record.fields['reference_answer']['answer']}", tokens=3)] * 2  # type: ignore[index, call-overload]  # JSON
        for record in sums
    }
    (finding,) = check_saturation(probe_context(handler_for(score_number), sums, recorded=recorded))
    assert (finding.severity, finding.value) == (Severity.WARN, 1.0)


def test_rollouts_without_any_score_are_not_measured(sums: tuple[Record, ...]) -> None:
    """There is no mean of no scores."""
    context = probe_context(handler_for(score_number), sums)
    context.__dict__["base_results"] = tuple(
        tuple(replace(result, score=None, error="ValueError: no") for result in group) for group in context.base_results
    )
    (finding,) = check_saturation(context)
    assert (finding.severity, finding.message) == (
        Severity.SKIPPED,
        "No rollout of the base model has a score: ValueError: no",
    )


@pytest.mark.parametrize(("lowest", "highest"), [(-1, 1), (0, 100)])
def test_scores_on_another_scale_are_normalized(sums: tuple[Record, ...], lowest: int, highest: int) -> None:
    """The finding is that of scores from 0 to 1."""

    def scaled(element: dict[str, Any]) -> float:
        return lowest + (highest - lowest) * score_number(element)

    (finding,) = check_saturation(probe_context(handler_for(scaled), sums, row_count=32))
    assert finding.severity is Severity.OK
    assert finding.measured == (
        f"mean 0.516 (scores from {lowest} to {highest} normalized to 0 to 1), "
        "where 0.96 of the rollouts are really right; 0.31 of the groups are dead"
    )


@pytest.mark.parametrize(
    ("scores", "dead"), [([0.5, 0.5 + 1e-9], True), ([0.5, 0.5 + 1e-6], False), ([0.5], False), ([], False)]
)
def test_a_group_is_dead_when_its_scores_are_equal(scores: list[float], dead: bool) -> None:
    """Rounding differences do not count. One rollout is not a group."""
    assert is_dead(scores) is dead


def test_repeated_prompts_are_information(sums: tuple[Record, ...]) -> None:
    """Held-out records of such a file are also trained on."""
    records = (*sums[:20], *(replace(record, line=record.line + 1000) for record in sums[:5]))
    *_, finding = check_saturation(probe_context(handler_for(score_number), records))
    assert (finding.severity, finding.value) == (Severity.INFO, 0.2)
    assert finding.measured == "5 of 25 records repeat the prompt of another, for example line 1001 that of line 1"
