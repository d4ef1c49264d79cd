"""Golden files: their text, and the comparison with a new report."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.doctor.report.golden import (
    GoldenFileError,
    compare_with_golden,
    count_shared_scores,
    golden_from_report,
    has_other_labels,
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
cases:
  exploit: `#### ,`: JjTa pfl5 PyJm
  right answer: JjTa pfl5 PyJm 1zLw
"""


def test_a_golden_file_has_a_line_for_each_label() -> None:
    """Sorted, with nine significant digits, no -0, and the lengths of runs of equal scores."""
    assert render_golden(golden_from_report(REPORT)) == TEXT


def test_equal_scores_do_not_differ() -> None:
    """0.1 + 0.2 is equal to 0.3."""
    assert compare_with_golden(parse_golden(TEXT), REPORT) == ()


def test_a_changed_score_is_reported_with_its_row_and_response() -> None:
    """The label, the line in the data file, the response, and both scores."""
    changed = sample_report(
        results_by_label=dict(REPORT.results_by_label) | {"right answer": sample_results(1, 0.5, 0.3, None)}
    )
    assert compare_with_golden(parse_golden(TEXT), changed) == (
        "right answer: 1 of 4 scores changed",
        "  score 2, line 2, “It is 2.↵#### 2”: 1 -> 0.5",
    )


def test_at_most_eight_changes_of_a_label_are_listed() -> None:
    """The others are counted."""
    before, now = (
        sample_report(results_by_label={"a": sample_results(*[0.0] * 10)}),
        sample_report(results_by_label={"a": sample_results(*[1.0] * 10)}),
    )
    lines = compare_with_golden(golden_from_report(before), now)
    assert (lines[0], len(lines), lines[-1]) == ("a: 10 of 10 scores changed", 10, "  and 2 more")


def test_added_and_removed_labels_are_reported() -> None:
    """The settings of the function may have changed, and with them the cases."""
    now = sample_report(
        results_by_label={"right answer": REPORT.results_by_label["right answer"], "padded": sample_results(1)}
    )
    assert compare_with_golden(parse_golden(TEXT), now) == (
        "exploit: `#### ,`: removed (3 scores)",
        "padded: added (1 score)",
    )


def test_a_missing_score_is_reported() -> None:
    """By its position."""
    now = sample_report(results_by_label=dict(REPORT.results_by_label) | {"right answer": sample_results(1, 1, 0.3)})
    assert compare_with_golden(parse_golden(TEXT), now) == (
        "right answer: 1 of 4 scores changed",
        "  score 4: - -> missing",
    )


def test_scores_are_not_compared_if_the_inputs_differ() -> None:
    """Only the inputs are listed, although the scores differ too."""
    now = sample_report(results_by_label={}, inputs={"seed": "7", "probes": "S1"})
    assert compare_with_golden(parse_golden(TEXT), now) == (
        "The inputs differ, so the scores cannot be compared:",
        "  probes: none -> S1",
        "  seed: 0 -> 7",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: this is not a file that --golden wrote"),
        ("{}", "line 1: this is not a file that --golden wrote"),
        (TEXT.partition("scores:")[0], "the line `scores:` is missing"),
        (TEXT.replace("seed: 0", "seed"), "line 6: expected `name: value`, found 'seed'"),
        (TEXT.replace("right answer: ", "right answer "), "line 9: expected `label: scores`, found"),
        (TEXT.replace("1 x2", "1 x"), "line 9: '1 x' is not a score"),
        (TEXT.replace("0 x3", "0 x0"), "line 8: '0 x0' is not a score"),
        (TEXT.removesuffix(" 1zLw\n"), "line 12: as many keys as scores are needed for 'right answer'"),
    ],
)
def test_an_invalid_golden_file_is_refused_with_the_line(text: str, message: str) -> None:
    """The first invalid line."""
    with pytest.raises(GoldenFileError) as error:
        parse_golden(text)
    assert str(error.value).startswith(message)


@settings(max_examples=40)
@given(
    st.dictionaries(
        st.text(), st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), min_size=1), max_size=4
    )
)
def test_any_scores_survive_a_round_trip(scores: dict[str, list[float | None]]) -> None:
    """With any label."""
    golden = golden_from_report(
        sample_report(
            results_by_label={label: sample_results(*values, label=label) for label, values in scores.items()}
        )
    )
    assert parse_golden(render_golden(golden)) == golden


def test_only_shared_cases_are_compared_if_another_plan_or_number_of_rows_was_used() -> None:
    """Whichever run measured more: by the record and the response, and not by the position."""
    large = sample_report(
        results_by_label={"right answer": sample_results(0.0, 1.0, 0.5), "padded": sample_results(1.0)},
        inputs={"plan": "full", "rows": "32"},
    )
    results = sample_results(0.0, 1.0, 0.5)
    same, changed = (
        sample_report(
            results_by_label={"right answer": [results[1], replace(results[2], score=score)]},
            inputs={"plan": "reduced", "rows": "16"},
        )
        for score in (0.5, 0.0)
    )
    golden = parse_golden(render_golden(golden_from_report(large)))
    assert (compare_with_golden(golden, same), count_shared_scores(golden, same)) == ((), 2)
    assert compare_with_golden(golden_from_report(same), large) == ()
    assert compare_with_golden(golden, changed) == (
        "right answer: 1 of 2 scores changed",
        "  score 2, line 3, “It is 3.↵#### 3”: 0.5 -> 0",
    )


def test_a_file_without_keys_cannot_be_compared_with_another_plan() -> None:
    """An older release wrote it. With the same inputs it is compared as before."""
    old = parse_golden(TEXT.partition("cases:")[0])
    assert compare_with_golden(old, REPORT) == ()
    assert compare_with_golden(old, replace(REPORT, inputs=dict(REPORT.inputs) | {"rows": "16"})) == (
        "The inputs differ, so the scores cannot be compared:",
        "  rows: 32 -> 16",
    )


def test_a_file_of_an_older_release_is_compared_by_the_labels_that_both_have() -> None:
    """Each release tries more responses, and a commit of golden files must survive that."""
    old = parse_golden(TEXT.partition("cases:")[0])
    now = sample_report(results_by_label={"right answer": sample_results(1, 0, 0.3, None), "new": sample_results(1)})
    assert compare_with_golden(old, now) == (
        "right answer: 1 of 4 scores changed",
        "  score 2, line 2, “It is 2.↵#### 2”: 1 -> 0",
    )
    assert (has_other_labels(old, now), has_other_labels(old, REPORT), has_other_labels(parse_golden(TEXT), now)) == (
        True,
        False,
        False,
    )
    assert count_shared_scores(old, now) == 4


def test_equal_cases_have_keys_of_their_own() -> None:
    """The same rollout may be drawn twice."""
    golden = golden_from_report(sample_report(results_by_label={"a": sample_results(0.0) + sample_results(1.0)}))
    assert len(set(golden.cases["a"])) == 2


def test_labels_with_the_same_text_share_a_line() -> None:
    """If they differ only in blanks."""
    report = sample_report(results_by_label={"a": sample_results(1), " a": sample_results(0)})
    assert golden_from_report(report).scores == {"a": ("1", "0")}


def test_a_run_that_its_budget_ended_is_compared_in_what_it_has() -> None:
    """A label that is missing was not reached."""
    golden = golden_from_report(REPORT)
    first_results = {"right answer": REPORT.results_by_label["right answer"][:2]}
    cut_off = replace(REPORT, is_cut_off=True, results_by_label=first_results)
    assert (compare_with_golden(golden, cut_off), count_shared_scores(golden, cut_off)) == ((), 2)
