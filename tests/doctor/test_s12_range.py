"""S12: the range and the number of different scores."""

from typing import Any

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


def test_scores_outside_the_range_are_a_warning(sums: tuple[Record, ...]) -> None:
    """The examples are the lowest and the highest."""
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
