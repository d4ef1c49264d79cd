"""S12 and S18: which scores occur, and what the components say of them."""

from typing import Any

from simulator.doctor.finding import Severity
from simulator.doctor.probes.static.s12_range import check_range
from simulator.training.dataset import Record
from tests.doctor.fake_reward_functions import handler_for, probe_context, response_of
from tests.doctor.sound_reward_functions import score_number


def test_two_values_are_told_and_no_more(sums: tuple[Record, ...]) -> None:
    """Right or wrong is a sound score."""
    (finding,) = check_range(probe_context(handler_for(score_number), sums))
    assert (finding.probe, finding.severity, finding.measured) == ("S12", Severity.INFO, "0 and 1")


def test_one_value_is_a_failure_that_names_it(sums: tuple[Record, ...]) -> None:
    """Nothing can be learned from a constant, whatever it is."""
    (finding,) = check_range(probe_context(handler_for(lambda _element: 0.25), sums))
    assert (finding.severity, finding.measured, finding.value) == (Severity.FAIL, "0.25 always", 1)


def test_scores_beyond_the_scale_are_a_warning_with_their_rollouts(sums: tuple[Record, ...]) -> None:
    """The lowest and the highest are shown."""
    (finding,) = check_range(probe_context(handler_for(lambda element: len(response_of(element)) - 40), sums))
    assert (finding.severity, finding.threshold) == (Severity.WARN, "0 to 1")
    lowest, highest = (exhibit.score for exhibit in finding.examples)
    assert lowest is not None
    assert highest is not None
    assert finding.measured == f"{lowest:g} to {highest:g}"


def test_answers_without_a_score_are_said_beside_the_range(sums: tuple[Record, ...]) -> None:
    """They are no zeros: what could not be scored is counted by itself."""

    def score(element: dict[str, Any]) -> float:
        if not response_of(element).startswith("I start"):
            raise ValueError("not in my style")
        return score_number(element)

    exam = probe_context(handler_for(score), sums)
    missing = sum(answer.score is None for group in exam.base_results for answer in group)
    (finding,) = check_range(exam)
    assert (missing > 0, finding.severity) == (True, Severity.INFO)
    assert finding.measured == f"0 and 1; {missing} of {2 * 8 + 8 * 8} answers without a score"
