"""S13: the score does not depend on the length of a response."""

import re
from typing import Any

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.probes.static.rank_correlation import rank_correlation
from simulator.doctor.probes.static.s07_false_negatives import check_false_negatives
from simulator.doctor.probes.static.s13_length_sensitivity import check_length_sensitivity
from simulator.training.dataset import Message, Record
from tests.doctor.conftest import load_records
from tests.doctor.fake_reward_functions import handler_for, probe_context, response_of
from tests.doctor.sound_reward_functions import SOUND_SCORES, last_marked_number, score_label, score_number


@pytest.mark.parametrize("name", SOUND_SCORES)
def test_a_sound_function_of_each_kind_of_task_is_ok(name: str) -> None:
    """Only the answer counts."""
    (finding,) = check_length_sensitivity(
        probe_context(handler_for(SOUND_SCORES[name]), load_records(name), row_count=32)
    )
    assert (finding.probe, finding.severity) == ("S13", Severity.OK)


def test_reading_only_the_first_characters_is_a_warning(sums: tuple[Record, ...]) -> None:
    """1,000 characters before the answer take its score away."""

    def score(element: dict[str, Any]) -> float:
        element["messages"][-1]["content"] = response_of(element)[:900]
        return score_number(element)

    (finding,) = check_length_sensitivity(probe_context(handler_for(score), sums))
    assert (finding.severity, finding.value) == (Severity.WARN, -1.0)
    assert finding.measured == "-1.00 with 1,000 characters before it"


def score_end_of_boxed(element: dict[str, Any]) -> float:
    """Score the box of the last characters."""
    return float(f"\\boxed{{{element['reference_answer']['answer']}}}" in response_of(element)[-300:])


BOXED = tuple(
    Record(
        line=line,
        messages=(Message(role="user", content=f"What is {line} + {line}? Put it in \\boxed{{}}."),),
        fields={"reference_answer": {"answer": str(2 * line)}},
    )
    for line in range(1, 9)
)


def test_reading_only_the_last_characters_is_a_warning_where_text_may_follow() -> None:
    """1,000 characters after a box take its score away."""
    (finding,) = check_length_sensitivity(probe_context(handler_for(score_end_of_boxed), BOXED))
    assert (finding.severity, finding.measured) == (Severity.WARN, "-1.00 with 1,000 characters after it")


def test_text_after_the_answer_draws_one_warning() -> None:
    """S7 warns of it, so S13 only refers to it."""
    context = probe_context(handler_for(score_end_of_boxed), BOXED)
    severities = {
        finding.severity for finding in check_false_negatives(context) if finding.severity is not Severity.INFO
    }
    (finding,) = check_length_sensitivity(context)
    assert (severities, finding.severity) == ({Severity.WARN}, Severity.INFO)
    assert finding.message.endswith("see S7, which has the same cause.")


def test_text_after_an_answer_that_ends_the_response_may_be_refused(sums: tuple[Record, ...]) -> None:
    """The prompts ask for the answer after a marker, which has no end."""

    def score(element: dict[str, Any]) -> float:
        element["messages"][-1]["content"] = response_of(element)[-300:]
        return score_number(element)

    (finding,) = check_length_sensitivity(probe_context(handler_for(score), sums))
    assert finding.severity is Severity.OK


@pytest.mark.parametrize(("loss", "severity"), [(0.2, Severity.INFO), (0.5, Severity.INFO), (0.7, Severity.WARN)])
def test_a_small_penalty_of_long_right_answers_is_information(
    sums: tuple[Record, ...], loss: float, severity: Severity
) -> None:
    """Up to a half may be deliberate. Wrong answers score 0 at any length."""

    def score(element: dict[str, Any]) -> float:
        return score_number(element) * (1 - loss * min(1.0, len(response_of(element)) / 4000))

    findings = check_length_sensitivity(probe_context(handler_for(score), sums, row_count=32))
    assert min(finding.severity.rank for finding in findings) == severity.rank


def test_a_penalty_that_wrong_answers_escape_is_a_warning(sums: tuple[Record, ...]) -> None:
    """A long wrong answer gains what a long right answer loses."""

    def score(element: dict[str, Any]) -> float:
        share = 0.2 * min(1.0, len(response_of(element)) / 4000)
        return 1 - share if score_number(element) else share

    severities = {
        finding.message: finding.severity
        for finding in check_length_sensitivity(probe_context(handler_for(score), sums))
    }
    assert severities["Words around a right answer lower its score."] is Severity.WARN


def test_a_score_that_is_the_length_fails(sums: tuple[Record, ...]) -> None:
    """Right and wrong answers, and longer right rollouts, are reported."""
    findings = list(
        check_length_sensitivity(
            probe_context(handler_for(lambda element: min(1.0, len(response_of(element)) / 1000)), sums, row_count=32)
        )
    )
    assert [(finding.severity, finding.message) for finding in findings] == [
        (Severity.WARN, "Words around a right answer raise its score."),
        (Severity.FAIL, "Words around a wrong answer raise its score."),
        (Severity.WARN, "Longer right answers score more."),
    ]


def test_a_small_gain_of_wrong_answers_by_padding_is_a_warning(sums: tuple[Record, ...]) -> None:
    """A long response gets a fifth of the score."""

    def score(element: dict[str, Any]) -> float:
        return 0.2 * (len(response_of(element)) > 2000) + 0.8 * score_number(element)

    findings = [
        finding
        for finding in check_length_sensitivity(probe_context(handler_for(score), sums))
        if "wrong" in finding.message
    ]
    assert [(finding.severity, round(finding.value or 0.0, 3)) for finding in findings] == [(Severity.WARN, 0.2)]


def test_a_score_of_wrong_rollouts_that_grows_with_length_fails(sums: tuple[Record, ...]) -> None:
    """Only up to a length that padded answers exceed."""

    def score(element: dict[str, Any]) -> float:
        length = len(response_of(element)) / 1000
        return 1.0 if score_number(element) else length * (length < 0.9) * (last_marked_number(element) is not None)

    *_, finding = check_length_sensitivity(probe_context(handler_for(score), sums, row_count=128))
    assert (finding.severity, finding.message) == (Severity.FAIL, "Longer wrong answers score more.")
    assert finding.value is not None
    assert finding.value > 0.5


def test_rank_correlation_of_tied_pairs() -> None:
    """Computed by hand: ranks 0..9 with (0, 1) tied, (2, 3) tied, ... in the same order."""
    xs = list(range(10))
    assert rank_correlation(xs, [x // 2 for x in xs]) == pytest.approx(0.9847, abs=1e-4)


def test_rank_correlation_gives_ties_their_mean_rank() -> None:
    """Seven values share the lowest rank. Their mean rank is 3; the lowest rank for all would give 0.8107."""
    assert rank_correlation(list(range(10)), [0] * 7 + [1, 2, 3]) == pytest.approx(0.8128, abs=1e-4)


def test_a_tie_break_by_length_is_ok(sums: tuple[Record, ...]) -> None:
    """Shorter answers get so little more that training does not learn it."""

    def score(element: dict[str, Any]) -> float:
        return score_number(element) * (1.0 - len(response_of(element)) / 1e6)

    (finding,) = check_length_sensitivity(probe_context(handler_for(score), sums, row_count=32))
    assert finding.severity is Severity.OK


def test_a_score_for_repeated_marks_fails(sums: tuple[Record, ...]) -> None:
    """Each small sum gives a twentieth, up to one half."""

    def score(element: dict[str, Any]) -> float:
        steps = len(re.findall(r"\d+\s*[-+*/=]", response_of(element)))
        return 0.5 * score_number(element) + min(0.5, 0.05 * steps)

    (failure,) = [
        finding
        for finding in check_length_sensitivity(probe_context(handler_for(score), sums))
        if finding.severity is Severity.FAIL
    ]
    assert failure.measured == "+0.50 with small sums 30 times"


def test_a_score_for_repeated_work_fails(strings: tuple[Record, ...]) -> None:
    """The steps of a wrong answer, repeated."""

    def score(element: dict[str, Any]) -> float:
        return min(1.0, 0.02 * response_of(element).count("The "))

    (failure,) = [
        finding
        for finding in check_length_sensitivity(probe_context(handler_for(score), strings))
        if finding.severity is Severity.FAIL
    ]
    assert "with its own work 30 times" in failure.measured


def test_padding_that_only_avoids_a_penalty_is_ok(labels: tuple[Record, ...]) -> None:
    """A wrong label scores -1. A padded label is none and scores 0, as an empty response does."""

    def score(element: dict[str, Any]) -> float:
        labels_in_file = ("billing", "delivery", "returns", "technical", "account")
        return 2 * score_label(element) - 1 if response_of(element).strip().lower() in labels_in_file else 0.0

    (finding,) = check_length_sensitivity(probe_context(handler_for(score), labels, row_count=32))
    assert finding.severity is Severity.OK


def test_padded_answers_without_a_score_are_counted(sums: tuple[Record, ...]) -> None:
    """The function fails on long responses."""

    def score(element: dict[str, Any]) -> float:
        if len(response_of(element)) > 2000:
            raise ValueError("too long")
        return score_number(element)

    (finding,) = check_length_sensitivity(probe_context(handler_for(score), sums))
    assert finding.measured.endswith("(8 of 8 have no score and are left out)")


def test_rank_correlation_is_undefined_for_constants_and_few_pairs() -> None:
    """A sound function scores all right answers alike, which is not a correlation of 0."""
    assert rank_correlation(list(range(10)), [1.0] * 10) is None
    assert rank_correlation(list(range(9)), list(range(9))) is None
