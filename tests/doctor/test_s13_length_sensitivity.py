"""S13: the score does not follow how long a response is."""

import re
from typing import Any

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.probes.static.rank_correlation import rank_correlation
from simulator.doctor.probes.static.s13_length_sensitivity import check_length_sensitivity
from simulator.training.dataset import Record
from tests.doctor.conftest import load_records
from tests.doctor.fake_reward_functions import handler_for, probe_context, response_of
from tests.doctor.sound_reward_functions import SOUND_SCORES, last_marked_number, score_label, score_number


@pytest.mark.parametrize("name", SOUND_SCORES)
def test_a_function_that_reads_the_value_does_not_care(name: str) -> None:
    """A sound function of each kind of task."""
    (finding,) = check_length_sensitivity(
        probe_context(handler_for(SOUND_SCORES[name]), load_records(name), row_count=32)
    )
    assert (finding.probe, finding.severity) == ("S13", Severity.OK)


def test_a_clip_to_the_last_characters_loses_answers_before_them(sums: tuple[Record, ...]) -> None:
    """As in Amazon's sample: 1,000 characters after the answer cost all of its score."""

    def clipped(element: dict[str, Any]) -> float:
        element["messages"][-1]["content"] = response_of(element)[-300:]
        return score_number(element)

    (finding,) = check_length_sensitivity(probe_context(handler_for(clipped), sums))
    assert (finding.severity, finding.value) == (Severity.WARN, -1.0)
    assert finding.measured == "-1.00 with 1,000 characters after it"


def test_a_score_that_is_length_fails(sums: tuple[Record, ...]) -> None:
    """Padding pays, for right answers and for wrong ones, and longer right rollouts score more."""
    findings = list(
        check_length_sensitivity(
            probe_context(handler_for(lambda el: min(1.0, len(response_of(el)) / 1000)), sums, row_count=32)
        )
    )
    assert [(finding.severity, finding.message) for finding in findings] == [
        (Severity.WARN, "Words around a right answer raise its score."),
        (Severity.FAIL, "A wrong answer scores more when more words stand around it."),
        (Severity.WARN, "Of right answers, longer ones score more."),
    ]


def test_padding_that_pays_a_little_is_a_warning(sums: tuple[Record, ...]) -> None:
    """A fifth of the score for a long response, beside a whole one for the right answer."""

    def bonus(element: dict[str, Any]) -> float:
        return 0.2 * (len(response_of(element)) > 2000) + 0.8 * score_number(element)

    wrong = [
        finding
        for finding in check_length_sensitivity(probe_context(handler_for(bonus), sums))
        if "wrong" in finding.message
    ]
    assert [(finding.severity, round(finding.value or 0.0, 3)) for finding in wrong] == [(Severity.WARN, 0.2)]


def test_longer_wrong_rollouts_that_score_more_fail(sums: tuple[Record, ...]) -> None:
    """Effort alone is rewarded there, up to a length that padding is beyond."""

    def for_effort(element: dict[str, Any]) -> float:
        effort = len(response_of(element)) / 1000
        return 1.0 if score_number(element) else effort * (effort < 0.9) * (last_marked_number(element) is not None)

    *_, finding = check_length_sensitivity(probe_context(handler_for(for_effort), sums, row_count=128))
    assert (finding.severity, finding.message) == (Severity.FAIL, "Of wrong answers, longer ones score more.")
    assert finding.value is not None
    assert finding.value > 0.5


def test_rank_correlation_shares_the_places_of_ties() -> None:
    """Spearman's rho by hand: ranks 0..9 against (0,1) tied, (2,3) tied, ... in the same order."""
    xs = list(range(10))
    assert rank_correlation(xs, [x // 2 for x in xs]) == pytest.approx(0.9847, abs=1e-4)


def test_rank_correlation_gives_ties_their_mean_place() -> None:
    """Seven that tie for the lowest place: their mean place, 3, and not the first of them, which would give .8107."""
    assert rank_correlation(list(range(10)), [0] * 7 + [1, 2, 3]) == pytest.approx(0.8128, abs=1e-4)


def test_a_tie_break_is_no_reward_for_length(sums: tuple[Record, ...]) -> None:
    """Shorter answers get a little more, and so little that it only orders equals."""

    def brief(element: dict[str, Any]) -> float:
        return score_number(element) * (1.0 - len(response_of(element)) / 1e6)

    (finding,) = check_length_sensitivity(probe_context(handler_for(brief), sums, row_count=32))
    assert finding.severity is Severity.OK


def test_marks_that_are_counted_pay_for_wrong_answers(sums: tuple[Record, ...]) -> None:
    """A twentieth for each small sum, up to a half, as a reward for showing the work."""

    def counted(element: dict[str, Any]) -> float:
        shown = len(re.findall(r"\d+\s*[-+*/=]", response_of(element)))
        return 0.5 * score_number(element) + min(0.5, 0.05 * shown)

    (failure,) = [
        one
        for one in check_length_sensitivity(probe_context(handler_for(counted), sums))
        if one.severity is Severity.FAIL
    ]
    assert failure.measured == "+0.50 with small sums 30 times"


def test_own_work_that_is_counted_pays_for_wrong_answers(strings: tuple[Record, ...]) -> None:
    """The worked steps of a wrong answer, over and over."""

    def counted(element: dict[str, Any]) -> float:
        return min(1.0, 0.02 * response_of(element).count("The "))

    (failure,) = [
        one
        for one in check_length_sensitivity(probe_context(handler_for(counted), strings))
        if one.severity is Severity.FAIL
    ]
    assert "with its own work 30 times" in failure.measured


def test_wrong_answers_that_are_fined_do_not_gain_by_padding(labels: tuple[Record, ...]) -> None:
    """Minus one for a wrong label, 0 for what is none: a padded label is none, and an empty response gets as much."""

    def fined(element: dict[str, Any]) -> float:
        every = ("billing", "delivery", "returns", "technical", "account")
        return 2 * score_label(element) - 1 if response_of(element).strip().lower() in every else 0.0

    (finding,) = check_length_sensitivity(probe_context(handler_for(fined), labels, row_count=32))
    assert finding.severity is Severity.OK


def test_padding_that_breaks_the_function_is_counted(sums: tuple[Record, ...]) -> None:
    """What got no score has not shown that length is free."""

    def breaks(element: dict[str, Any]) -> float:
        if len(response_of(element)) > 2000:
            raise ValueError("too long")
        return score_number(element)

    (finding,) = check_length_sensitivity(probe_context(handler_for(breaks), sums))
    assert finding.measured.endswith("(8 of 8 got no score and are left out)")


def test_rank_correlation_is_undefined_for_constants_and_few_pairs() -> None:
    """A sound function scores right answers alike: that is no correlation of 0, it is none."""
    assert rank_correlation(list(range(10)), [1.0] * 10) is None
    assert rank_correlation(list(range(9)), list(range(9))) is None
