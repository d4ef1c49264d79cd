"""Golden files: what is kept of a visit's scores, and how a change is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.doctor.report.golden import (
    GoldenFile,
    GoldenFileError,
    compare_with_golden,
    golden_from_report,
    parse_golden,
    render_golden,
)
from tests.doctor.sample_reports import sample_report, sample_results

REPORT = sample_report(
    results_by_label={
        "right answer": sample_results(1, 1, 0.1 + 0.2, None),
        "exploit: `#### ,`": sample_results(0, -0.0, 0),
    }
)
TEXT = f"""\
# The scores of a reward function, written by `rft-sim doctor --golden`; --update writes them anew.
data_sha256: {"ab" * 32}
event: superset shape, bare strings wrapped, thinking hidden
model: openai.gpt-oss-20b
rows: 32
seed: 0
scores:
  exploit: `#### ,`: 0 x3
  right answer: 1 x2, 0.3, -
"""


def test_a_golden_file_holds_a_line_for_each_question() -> None:
    """Sorted, with nine significant digits, one zero, and runs of one score counted."""
    assert render_golden(golden_from_report(REPORT)) == TEXT


def test_an_unchanged_visit_does_not_differ() -> None:
    """Not even by what single precision would lose."""
    assert compare_with_golden(parse_golden(TEXT), REPORT) == ()


def test_a_changed_score_is_told_with_its_row_and_response() -> None:
    """What was asked, the line in the data file, what answered, and both scores."""
    changed = sample_report(
        results_by_label=dict(REPORT.results_by_label) | {"right answer": sample_results(1, 0.5, 0.3, None)}
    )
    assert compare_with_golden(parse_golden(TEXT), changed) == (
        "right answer: 1 of 4 scores changed",
        "  score 2, line 2, “It is 2.↵#### 2”: 1 -> 0.5",
    )


def test_of_many_changes_eight_are_spelled_out() -> None:
    """And the rest counted."""
    kept, now = (
        sample_report(results_by_label={"a": sample_results(*[0.0] * 10)}),
        sample_report(results_by_label={"a": sample_results(*[1.0] * 10)}),
    )
    told = compare_with_golden(golden_from_report(kept), now)
    assert (told[0], len(told), told[-1]) == ("a: 10 of 10 scores changed", 10, "  and 2 more")


def test_questions_that_came_or_went_are_told() -> None:
    """A new release may ask something else."""
    now = sample_report(
        results_by_label={"right answer": REPORT.results_by_label["right answer"], "padded": sample_results(1)}
    )
    assert compare_with_golden(parse_golden(TEXT), now) == (
        "exploit: `#### ,`: no longer asked (3 scores)",
        "padded: not asked before (1 score)",
    )


def test_a_question_that_was_asked_less_often_is_told() -> None:
    """By the place at which nothing was asked."""
    now = sample_report(results_by_label=dict(REPORT.results_by_label) | {"right answer": sample_results(1, 1, 0.3)})
    assert compare_with_golden(parse_golden(TEXT), now) == (
        "right answer: 1 of 4 scores changed",
        "  score 4: - -> not asked",
    )


def test_other_questions_are_no_other_scores() -> None:
    """Where the file of prompts differs nothing is said of the scores, though they differ too."""
    now = sample_report(results_by_label={}, questions={"seed": "7", "probes": "S1"})
    assert compare_with_golden(parse_golden(TEXT), now) == (
        "The questions were others, so that scores cannot be compared:",
        "  probes: not named -> S1",
        "  seed: 0 -> 7",
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "line 1: this is no file that --golden has written"),
        ("{}", "line 1: this is no file that --golden has written"),
        (TEXT.partition("scores:")[0], "the line `scores:` is missing"),
        (TEXT.replace("seed: 0", "seed"), "line 6: expected `name: value`, found 'seed'"),
        (TEXT.replace("right answer: ", "right answer "), "line 9: expected `question: scores`, found"),
        (TEXT.replace("1 x2", "1 x"), "line 9: '1 x' is no score"),
        (TEXT.replace("0 x3", "0 x0"), "line 8: '0 x0' is no score"),
    ],
)
def test_what_is_no_golden_file_is_refused_with_its_line(text: str, fault: str) -> None:
    """And is not overwritten by a look at it."""
    with pytest.raises(GoldenFileError) as error:
        parse_golden(text)
    assert str(error.value).startswith(fault)


@given(
    st.dictionaries(
        st.text(), st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), min_size=1), max_size=4
    )
)
def test_any_scores_come_back_as_they_were_written(scores: dict[str, list[float | None]]) -> None:
    """Whatever a question is called."""
    kept = golden_from_report(
        sample_report(
            results_by_label={label: sample_results(*values, label=label) for label, values in scores.items()}
        )
    )
    assert parse_golden(render_golden(kept)) == kept


def test_two_kinds_of_question_with_one_name_are_kept_in_order() -> None:
    """Where names differ only by what cannot be seen."""
    both = sample_report(results_by_label={"a": sample_results(1), " a": sample_results(0)})
    assert golden_from_report(both) == GoldenFile(inputs=both.inputs, scores={"a": ("1", "0")})
