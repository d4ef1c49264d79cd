"""The figures of a self-test."""

import pytest

from simulator.doctor.self_test.figures import Figure, count_figures
from tests.doctor.self_test.self_test_runs import doctor_run


def test_verdicts_are_counted_for_sound_and_faulty_ones() -> None:
    """The cause counts where it is written down, and a run without a report has found nothing."""
    figures = count_figures(
        [
            doctor_run("a", is_sound=True),
            doctor_run("b", is_sound=True, warned=["S7"]),
            doctor_run("c", failed=["S5"], warned=["S9"]),
            doctor_run("d", warned=["S1"], seconds=9.0),
            doctor_run("e", expected=(), failed=["S1"], seconds=1.0),
            doctor_run("f", error="ended after 120 s"),
        ]
    )
    assert [(figure.name, figure.count, figure.of) for figure in figures.shares] == [
        ("sound: failed", 0, 2),
        ("sound: warned", 1, 2),
        ("faulty: failed", 2, 4),
        ("faulty: right cause failed or warned", 1, 3),
    ]
    assert [run.reward.name for run in figures.errors] == ["f"]
    assert (figures.median_seconds, figures.longest_seconds) == (2.0, 9.0)


@pytest.mark.parametrize(
    ("count", "of", "wanted", "is_at_most", "holds"),
    [
        (0, 40, 0.0, True, True),
        (1, 40, 0.0, True, False),
        (2, 12, 0.15, True, True),
        (8, 20, 0.15, True, False),
        (8, 12, 0.85, False, True),
        (5, 12, 0.85, False, False),
        (80, 100, 0.95, False, False),
        (0, 0, 0.95, False, True),
    ],
)
def test_a_figure_holds_if_the_wanted_share_is_not_refuted(
    count: int, of: int, wanted: float, is_at_most: bool, holds: bool
) -> None:
    """By the 95 % interval, because a few cannot show a share of 95 %. One failed sound function refutes none."""
    assert Figure(name="x", count=count, of=of, wanted=wanted, is_at_most=is_at_most).holds is holds


def test_figures_hold_only_if_every_run_has_a_report() -> None:
    """A doctor that hangs or crashes is broken."""
    good = [doctor_run("a", is_sound=True), doctor_run("b", failed=["S9"])]
    assert [count_figures(runs).hold for runs in (good, [*good, doctor_run("c", failed=["S9"], error="x")])] == [
        True,
        False,
    ]
