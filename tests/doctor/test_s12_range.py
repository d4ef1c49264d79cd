"""S12: the range and the number of different scores."""

from typing import Any

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.probes.static.s12_range import check_range
from simulator.training.dataset import Record
from tests.doctor.fake_reward_functions import handler_for, probe_context, response_of
from tests.doctor.sound_reward_functions import score_number


def test_two_different_scores_are_information(sums: tuple[Record, ...]) -> None:
    """Right or wrong is a sound score."""
    (finding,) = check_range(probe_context(handler_for(score_number), sums))
    assert (finding.probe, finding.severity, finding.measured) == ("S12", Severity.INFO, "0 and 1")


def test_a_single_score_is_a_failure(sums: tuple[Record, ...]) -> None:
    """The measured value names it."""
    (finding,) = check_range(probe_context(handler_for(lambda _element: 0.25), sums))
    assert (finding.severity, finding.measured, finding.value) == (Severity.FAIL, "always 0.25", 1)


@pytest.mark.parametrize(
    ("right", "wrong", "reason"),
    [
        (1.0, -1.0, "-1 to 1 is usual too"),
        (5.0, 1.0, "no response scores more than right answers"),
        (100.0, -100.0, "no response scores more than right answers"),
    ],
)
def test_a_scale_with_two_ends_is_information(
    sums: tuple[Record, ...], right: float, wrong: float, reason: str
) -> None:
    """AWS calls -1 to 1 typical, and a range may be defined by the task."""
    finding, *others = check_range(
        probe_context(handler_for(lambda element: right if score_number(element) else wrong), sums)
    )
    assert (finding.severity, finding.message) == (
        Severity.INFO,
        f"Scores are outside 0 to 1, which is allowed: {reason}.",
    )
    assert {other.severity for other in others} == {Severity.INFO}


def test_a_sum_of_components_is_information(sums: tuple[Record, ...]) -> None:
    """The components say what each point is for. Right answers differ in the points for brevity."""

    def handler(event: list[dict[str, Any]]) -> list[dict[str, Any]]:
        results = []
        for element in event:
            parts = {"right": 2 * score_number(element), "brief": 100 / (100 + len(response_of(element)))}
            metrics = [{"name": name, "value": value, "type": "Reward"} for name, value in parts.items()]
            results.append(
                {"id": element["id"], "aggregate_reward_score": sum(parts.values()), "metrics_list": metrics}
            )
        return results

    (finding,) = check_range(probe_context(handler, sums))
    assert (finding.severity, finding.message) == (
        Severity.INFO,
        "Scores are outside 0 to 1, which is allowed: it follows from the components in metrics_list.",
    )


def test_a_scale_without_an_upper_end_is_a_warning(sums: tuple[Record, ...]) -> None:
    """A longer response always scores more. The examples are the lowest and the highest."""
    (finding,) = check_range(probe_context(handler_for(lambda element: len(response_of(element)) - 40), sums))
    assert (finding.severity, finding.threshold) == (Severity.WARN, "0 to 1")
    lowest, highest = (example.score for example in finding.examples)
    assert lowest is not None
    assert highest is not None
    assert finding.measured == f"{lowest:g} to {highest:g}"


def test_responses_without_a_score_are_counted(sums: tuple[Record, ...]) -> None:
    """They do not count as 0."""

    def score(element: dict[str, Any]) -> float:
        if not response_of(element).startswith("I start"):
            raise ValueError("unknown style")
        return score_number(element)

    context = probe_context(handler_for(score), sums)
    missing = sum(result.score is None for group in context.base_results for result in group)
    (finding,) = check_range(context)
    assert (missing > 0, finding.severity) == (True, Severity.INFO)
    assert finding.measured == f"0 and 1; {missing} of {2 * 8 + 8 * 8} responses without a score"
