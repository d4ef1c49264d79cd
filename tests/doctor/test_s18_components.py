"""S18: the score follows from its components."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.probes.static.s18_components import check_components
from simulator.training.dataset import Record
from tests.doctor.fake_reward_functions import Handler, handler_for, probe_context, response_of
from tests.doctor.sound_reward_functions import score_number


def handler_with_components(score: Callable[[dict[str, Any]], tuple[float, dict[str, float]]]) -> Handler:
    """Return a handler that gives a score and components of type Reward."""

    def result(element: dict[str, Any]) -> dict[str, Any]:
        total, parts = score(element)
        metrics = [{"name": name, "value": value, "type": "Reward"} for name, value in parts.items()]
        return {"id": element["id"], "aggregate_reward_score": total, "metrics_list": metrics}

    return lambda event: [result(element) for element in event]


def component_values(element: dict[str, Any]) -> tuple[float, float]:
    """Return two independent components: whether the answer is right, and whether it is marked."""
    text = response_of(element)
    return float(element["reference_answer"]["answer"] in text), float("#### " in text)


def test_a_weighted_sum_of_the_components_is_ok(sums: tuple[Record, ...]) -> None:
    """The probe finds the weights."""

    def score(element: dict[str, Any]) -> tuple[float, dict[str, float]]:
        right, marked = component_values(element)
        return 0.75 * right + 0.25 * marked, {"right": right, "marked": marked}

    (finding,) = check_components(probe_context(handler_with_components(score), sums))
    assert (finding.probe, finding.severity, finding.measured) == ("S18", Severity.OK, "right, marked")


def test_a_part_of_the_score_that_no_component_shows_is_information(sums: tuple[Record, ...]) -> None:
    """Here a hidden penalty for length."""

    def score(element: dict[str, Any]) -> tuple[float, dict[str, float]]:
        right, marked = component_values(element)
        return right - len(response_of(element)) / 10_000, {"right": right, "marked": marked}

    (finding,) = check_components(probe_context(handler_with_components(score), sums))
    assert (finding.severity, finding.message) == (
        Severity.INFO,
        "Two results have the same components but different scores.",
    )
    first, second = finding.examples
    assert first.note == second.note


def test_a_component_that_never_varies_is_information(sums: tuple[Record, ...]) -> None:
    """It rewards nothing."""

    def score(element: dict[str, Any]) -> tuple[float, dict[str, float]]:
        right, _ = component_values(element)
        return right, {"right": right, "polite": 1.0}

    (finding,) = check_components(probe_context(handler_with_components(score), sums))
    assert (finding.severity, finding.measured) == (Severity.INFO, "polite is 1")


def test_results_with_different_components_are_information(sums: tuple[Record, ...]) -> None:
    """A component that wrong answers do not have cannot be averaged over a step."""

    def score(element: dict[str, Any]) -> tuple[float, dict[str, float]]:
        right, marked = component_values(element)
        return right, {"right": right} | ({"marked": marked} if right else {})

    (first, *_) = check_components(probe_context(handler_with_components(score), sums))
    assert (first.severity, first.message) == (Severity.INFO, "Not every result has the same components.")
    assert first.measured.startswith("marked is missing in ")


def test_no_components_are_ok(sums: tuple[Record, ...]) -> None:
    """metrics_list is optional."""
    (finding,) = check_components(probe_context(handler_for(score_number), sums))
    assert finding.severity is Severity.OK


@pytest.mark.parametrize(
    ("name", "pattern", "expected"),
    [
        ("layout", r"<reasoning>.*</reasoning>\s*<answer>.*</answer>", "layout is 0, but 1 on fewer lines"),
        ("layout", r"<work>", "layout is 0, as for every other response"),
        ("layout", r"(?s)<reasoning>.*</reasoning>\s*<answer>.*</answer>", ""),
        ("penalty", r"<work>", ""),
    ],
)
def test_a_component_that_right_answers_as_asked_never_earn_is_a_warning(
    tagged: tuple[Record, ...], name: str, pattern: str, expected: str
) -> None:
    """Unless its name says that it takes points off, which these responses give no reason for."""

    def score(element: dict[str, Any]) -> tuple[float, dict[str, float]]:
        text = response_of(element)
        right = float(element["metadata"]["reference_answer"] in text)
        layout = float(bool(re.match(pattern, text)))
        return right + layout, {"right": right, name: layout}

    warnings = [
        finding.measured
        for finding in check_components(probe_context(handler_with_components(score), tagged))
        if finding.severity == Severity.WARN
    ]
    assert warnings == ([expected] if expected else [])
