"""The three numbers on top of a report, in words."""

from dataclasses import replace

import pytest

from simulator.doctor.headline_numbers import HeadlineNumber, not_measured
from simulator.doctor.report.headline import HeadlineRow, format_share, headline_rows
from tests.doctor.sample_reports import HEADLINE


def test_each_number_has_its_interval_and_says_what_it_is_about() -> None:
    """The response that earns most, and the share that the most frequent answer has anyway."""
    assert headline_rows(HEADLINE) == (
        HeadlineRow(
            name="false-pass ceiling",
            value="40%",
            interval="17% to 69%",
            note="the most that a response without the right answer earns: marker only",
        ),
        HeadlineRow(
            name="laziest response",
            value="28%",
            interval="13% to 51%",
            note="the most that one text earns on all rows: always refund, the most frequent answer (28% of the rows)",
        ),
        HeadlineRow(
            name="false-fail rate",
            value="5%",
            interval="2% to 12%",
            note="4 of 80 right responses are refused; the first: in bold",
        ),
    )


def test_nothing_earned_is_said_in_words() -> None:
    """A ceiling of 0 beside right answers that earn nothing says nothing good."""
    nothing = HeadlineNumber(value=0.0, low=0.0, high=0.11, count=32)
    notes = [
        headline_rows(replace(HEADLINE, false_pass_ceiling=nothing, right_score=score))[0].note for score in (1.0, 0.0)
    ]
    assert notes == [
        "no response without the right answer earns anything",
        "no response without the right answer earns anything, and no right answer does",
    ]


def test_a_number_that_was_not_measured_has_its_reason() -> None:
    """Instead of a note, and once if all three have the same."""
    first, _, last = headline_rows(not_measured("No right answer."))
    assert first == HeadlineRow(name="false-pass ceiling", value="-", interval="not measured", note="No right answer.")
    assert last.note == "for the same reason"


def test_another_answer_than_the_most_frequent_one_may_earn_most() -> None:
    """Then both are named."""
    lazy = replace(HEADLINE.laziest_response, response="0 to 1000")
    note = headline_rows(replace(HEADLINE, laziest_response=lazy))[1].note
    assert note == (
        "the most that one text earns on all rows: 0 to 1000; the most frequent answer, refund, has 28% of the rows"
    )


@pytest.mark.parametrize(
    ("share", "text"), [(0.0, "0%"), (0.001, "<1%"), (0.284, "28%"), (0.999, ">99%"), (1.0, "100%")]
)
def test_only_nothing_is_0_percent_and_only_everything_is_100(share: float, text: str) -> None:
    """A rounded 0 % would claim that nothing was found."""
    assert format_share(share) == text
