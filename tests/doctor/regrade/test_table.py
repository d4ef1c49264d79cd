"""The comparison of old and new scores in the terminal."""

import io

from rich.console import Console

from simulator.doctor.regrade.comparison import compare_scores
from simulator.doctor.regrade.scoring import RegradedRollout
from simulator.doctor.regrade.table import RegradeReport, print_regrade
from tests.doctor.regrade.stored_samples import regraded_group, stored_rollout


def render(rows: list[RegradedRollout], *, limit: int = 20) -> str:
    """Return the printed comparison at 80 columns, with unchanged rows."""
    output = io.StringIO()
    report = RegradeReport(
        comparison=compare_scores(rows),
        function_name="new",
        source="ftjob-1",
        event_layout="superset shape",
        includes_unchanged=True,
    )
    print_regrade(report, Console(file=output, width=80, highlight=False, emoji=False), limit=limit)
    return output.getvalue()


def test_the_table_has_every_rollout_and_a_summary_of_each_split() -> None:
    """The largest change is first."""
    rows = [
        *regraded_group((1.0, 1.0, True), (1.0, 0.0, True), (0.0, None, False)),
        *regraded_group((0.0, 0.5, False), split="held_out", line=9),
    ]
    assert (
        render(rows)
        == """\
Regraded: ftjob-1
by new, event layout: superset shape. If the job had other settings, use --set

line  step  rollout  before   now  prompt, response
   1     1        2       0  none  Question 1?
                                   “Answer 2.” (wrong)
                                   KeyError: 'x'
   1     1        1       1     0  Question 1?
                                   “Answer 1.” (right)
   9     1        0       0   0.5  Question 9?
                                   “Answer 0.” (wrong)
   1     1        0       1     1  Question 1?
                                   “Answer 0.” (right)

                    training         held out
rollouts            3                1
mean score          1.000 to 0.500   0.000 to 0.500
higher score        0                1
lower score         1                0
no score            1                0
right above wrong   -                -
dead groups         100.0% to 0.0%   -

3 of 4 scores changed.
"""
    )


def test_equal_rows_are_merged_and_counted() -> None:
    """Each evaluation of an unchanged policy has the same rollouts."""
    rows = [
        RegradedRollout(rollout=stored_rollout(split="held_out", step=step, reward=1.0, correct=True), score=0.0)
        for step in (0, 20, 40)
    ]
    assert "   1     0   0 (x3)       1    0  Question 1?\n" in render(rows)


def test_rows_over_the_limit_are_counted() -> None:
    """With the options that show them."""
    text = render(regraded_group(*((0.0, 1.0, True) for _ in range(5))), limit=2)
    assert text.count("Question 1?") == 2
    assert "and 3 more: --limit N prints them, --json FILE contains all\n" in text
