"""The three numbers on top of a report."""

from collections.abc import Callable, Mapping

import pytest

from simulator.doctor.headline_numbers import (
    HeadlineNumber,
    HeadlineNumbers,
    measure_headline_numbers,
    not_measured,
    wilson_interval,
)
from simulator.doctor.invocation import Case, CaseResult
from simulator.doctor.probe_context import UNKNOWN_ANSWERS
from simulator.doctor.rows import Row
from simulator.training.dataset import Record
from tests.doctor.conftest import load_records
from tests.doctor.fake_reward_functions import handler_for, probe_context

ScoresByLabel = Mapping[str, Callable[[Row], tuple[str, float | None] | None]]
"""The response and the score of each row, by the label of the case. None where it is not tried."""

RIGHT: ScoresByLabel = {"right answer": lambda row: (row.right_response, 1.0)}


def measure(scores: ScoresByLabel, *, file: str = "labels", rows: int = 8) -> HeadlineNumbers:
    """Return the numbers of results that were not measured but written down."""
    context = probe_context(handler_for(lambda _element: 0.0), load_records(file), row_count=rows)
    for label, respond in scores.items():
        context.invoker.results_by_label[label] = [
            CaseResult(case=Case(label=label, record=row.record, text=tried[0]), score=tried[1])
            for row in context.rows
            if (tried := respond(row)) is not None
        ]
    return measure_headline_numbers(context, context.invoker.results_by_label)


@pytest.mark.parametrize(
    ("mean", "count", "interval"),
    [
        (0.0, 32, (0.0, 0.1072)),
        (0.5, 10, (0.2366, 0.7634)),
        (0.9, 100, (0.8256, 0.9448)),
        (1.0, 8, (0.6756, 1.0)),
    ],
)
def test_the_interval_is_wilsons(mean: float, count: int, interval: tuple[float, float]) -> None:
    """At 95 %, as statsmodels' `proportion_confint(method="wilson")` gives it."""
    assert wilson_interval(mean, count) == pytest.approx(interval, abs=5e-5)


def test_the_ceiling_is_the_kind_of_wrong_response_that_earns_most() -> None:
    """Relative to right answers, which earn 0.5 here: an exploit that earns 0.2 earns 40 % of them."""
    headline = measure(
        {
            "right answer": lambda row: (row.right_response, 0.5),
            "wrong answer": lambda row: (row.wrong_response, 0.1),
            "wrong answer: evasive": lambda _row: ("It depends.", 0.15),
            "exploit, label: a colon": lambda _row: (":", 0.2),
            "exploit, label: a colon, no reference": lambda _row: (":", 1.0),
            "rollout of the base model": lambda _row: ("no", 1.0),
        }
    )
    number = headline.false_pass_ceiling
    assert (number.value, number.low, number.high) == pytest.approx((0.4, *wilson_interval(0.4, 8)))
    assert (number.response, number.text, number.count) == ("a colon", ":", 8)


def test_a_response_that_scores_more_than_right_ones_earns_all_of_them_at_most() -> None:
    """An inverted function has a ceiling of 100 %, also where its right answers earn nothing."""
    inverted: ScoresByLabel = {
        "right answer": lambda row: (row.right_response, 0.0),
        "wrong answer": lambda row: (row.wrong_response, 1.0),
    }
    headline = measure(inverted)
    numbers = headline.false_pass_ceiling.value, headline.false_fail_rate.value, headline.right_score
    assert numbers == (1.0, 1.0, 0.0)


def test_scores_below_0_are_normalized_first() -> None:
    """AWS: a reward is typically within -1 and 1. A 0 on that scale is half of a right answer."""
    headline = measure(
        {**RIGHT, "wrong answer": lambda row: (row.wrong_response, -1.0 if row.record.line % 2 else 0.0)}
    )
    share = sum(0.5 for row in rows_of("labels") if row.record.line % 2 == 0) / 8
    assert headline.false_pass_ceiling.value == pytest.approx(share)


def rows_of(file: str) -> tuple[Row, ...]:
    """Return the rows that `measure` uses."""
    return probe_context(handler_for(lambda _element: 0.0), load_records(file)).answerable_rows


def test_a_hit_on_rows_of_one_answer_is_no_ceiling() -> None:
    """It may be coincidence: the response was tried where a single answer is right."""
    answer = rows_of("labels")[0].reference.text
    headline = measure(
        {
            **RIGHT,
            "wrong answer": lambda row: (row.wrong_response, 0.0),
            "exploit, label: lucky": lambda row: ("lucky", 1.0) if row.reference.text == answer else None,
        }
    )
    assert (headline.false_pass_ceiling.value, headline.false_pass_ceiling.response) == (0.0, "almost right answer")


@pytest.mark.parametrize("file", ["code", "text"])
def test_an_almost_right_answer_that_a_sound_function_may_accept_is_no_false_pass(file: str) -> None:
    """Another program may do the same, and a shorter text may be enough."""
    headline = measure({**RIGHT, "wrong answer": lambda row: (row.wrong_response, 1.0)}, file=file)
    assert headline.false_pass_ceiling == HeadlineNumber(reason="No wrong response was scored: see S5 and S9.")


def test_a_fixed_label_earns_what_it_earns_on_other_rows_and_where_it_is_right() -> None:
    """There it earns what the rows' right answers earn, although no probe tries it there."""
    rows = rows_of("labels")
    answers = sorted(row.reference.text for row in rows)
    majority = max(sorted(set(answers)), key=answers.count)
    label = next(answer for answer in answers if answer != majority)
    times = answers.count(label)
    headline = measure(
        {
            **RIGHT,
            f"exploit, label: always {label}": lambda row: (label, 0.9) if row.reference.text != label else None,
            "exploit, label: empty": lambda _row: ("", 0.0),
        }
    )
    lazy = headline.laziest_response
    assert lazy.value == pytest.approx((times + 0.9 * (8 - times)) / 8)
    assert (lazy.response, lazy.text, lazy.count) == (f"always {label}", label, 8)
    assert (lazy.majority_answer, lazy.majority_share) == (majority, answers.count(majority) / 8)


def test_the_most_frequent_answer_earns_at_least_its_share_although_no_probe_tries_it() -> None:
    """For an object or a program, S9 tries no constant answer."""
    rows = rows_of("labels")
    answers = sorted(row.reference.text for row in rows)
    majority = max(sorted(set(answers)), key=answers.count)
    lazy = measure({**RIGHT, "exploit, label: empty": lambda _row: ("", 0.0)}).laziest_response
    assert (lazy.response, lazy.value, lazy.count) == (f"always {majority}", answers.count(majority) / 8, 8)


def test_a_text_that_differs_from_row_to_row_is_no_fixed_response(sums: tuple[Record, ...]) -> None:
    """The prompt repeated scores on every row, and is another text on each."""
    headline = measure(
        {**RIGHT, "exploit, number: the prompt again": lambda row: (row.record.messages[-1].content, 1.0)}, file="train"
    )
    assert headline.laziest_response.reason == "No fixed response was scored: see S9."
    assert headline.false_pass_ceiling.value == 1.0


def test_the_false_fail_rate_counts_required_ways_of_writing_only() -> None:
    """8 plain answers, 8 with CRLF of which 4 get no score or little, and no remark in brackets, which is optional."""
    lines = [row.record.line for row in rows_of("labels")]
    scores = dict(zip(lines, [1.0, 1.0, 1.0, 1.0, None, 0.0, 0.4, 0.4], strict=True))
    headline = measure(
        {
            **RIGHT,
            "right answer, label: CRLF line ends": lambda row: (f"{row.reference.text}\r\n", scores[row.record.line]),
            "right answer, label: a remark in brackets": lambda row: (f"{row.reference.text} (most likely)", 0.0),
            "right answer as boxed": lambda _row: ("", 0.0),
        }
    )
    number = headline.false_fail_rate
    assert (number.value, number.count, number.response) == (0.25, 16, "CRLF line ends")


def test_nothing_is_measured_without_a_right_answer() -> None:
    """The reason says how to let it be measured."""
    record = load_records("labels")[0]
    context = probe_context(
        handler_for(lambda _element: 0.0), [Record(line=1, messages=record.messages, fields={}), record], row_count=1
    )
    context.rows = tuple(row for row in context.rows if row.reference.kind == "none")
    headline = measure_headline_numbers(context, {})
    assert headline == not_measured(headline.false_fail_rate.reason)
    assert headline.false_fail_rate.reason == UNKNOWN_ANSWERS
