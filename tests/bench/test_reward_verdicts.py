"""The figures of the doctor's benchmark count what its reports say."""

from pathlib import Path

import pytest

from tests.bench.doctor_command import read_report
from tests.bench.reward_cases import RewardCase
from tests.bench.reward_verdicts import Figures, Outcome, Share, Verdict, summarize


def reward(*expected: str, sound: bool = False) -> RewardCase:
    """Return a case without files."""
    return RewardCase(collection="c", name="n", reward=Path(), data=Path(), sound=sound, expected=expected)


def verdict(
    outcome: Outcome = "nothing", *, failed: str = "", warned: str = "", not_measured: str = "", seconds: float = 1.0
) -> Verdict:
    """Return a verdict with ids in words."""
    return Verdict(
        outcome=outcome,
        seconds=seconds,
        failed=tuple(failed.split()),
        warned=tuple(warned.split()),
        not_measured=tuple(not_measured.split()),
    )


def test_a_report_is_read() -> None:
    """Its worst severity, and the ids of each severity once, in their order."""
    findings = [
        ("S10", "warn"),
        ("S9", "warn"),
        ("S9", "warn"),
        ("T12", "fail"),
        ("S5", "fail"),
        ("S3", "not measured"),
    ]
    report = {"findings": [{"probe": probe, "severity": severity} for probe, severity in [*findings, ("S1", "ok")]]}
    assert read_report(report, seconds=2.5) == verdict(
        "fail", failed="S5 T12", warned="S9 S10", not_measured="S3", seconds=2.5
    )


@pytest.mark.parametrize(
    ("found", "cause"),
    [
        (verdict("fail", failed="S5 S1", warned="S9"), "fail"),
        (verdict("fail", failed="S1", warned="S9"), "warn"),
        (verdict("fail", failed="S1"), ""),
        (verdict(not_measured="S5 S9"), ""),
        (verdict("hang"), ""),
    ],
)
def test_the_right_cause_is_an_expected_id_that_failed_or_warned(found: Verdict, cause: str) -> None:
    """A probe that did not measure found nothing."""
    assert found.cause(reward("S5", "S9")) == cause


def test_figures_count_each_reward_once() -> None:
    """In the columns of its kind; one without expected ids has no right cause."""
    results = [
        (reward(sound=True), verdict("fail", failed="S5")),
        (reward(sound=True), verdict("warn", warned="S5", not_measured="S6 T8")),
        (reward(sound=True), verdict("hang", seconds=180)),
        (reward("S9"), verdict("fail", failed="S9", seconds=3)),
        (reward("S9"), verdict("fail", failed="S1", warned="S9", seconds=4)),
        (reward("S9"), verdict("nothing", not_measured="S9")),
        (reward("S9"), verdict("crash")),
        (reward(), verdict("warn", warned="S2")),
    ]
    assert summarize(results) == Figures(
        sound_failed=Share(count=1, of=3),
        sound_warned=Share(count=1, of=3),
        sound_not_measured=Share(count=1, of=3),
        faulty_failed=Share(count=2, of=5),
        faulty_found=Share(count=3, of=5),
        cause_failed=Share(count=1, of=4),
        cause_found=Share(count=2, of=4),
        no_report=2,
        median_seconds=1.0,
        longest_seconds=180,
    )


def test_shares_are_written_with_percent() -> None:
    """Nothing of nothing is a dash."""
    assert [str(Share(count=count, of=of)) for count, of in [(3, 40), (40, 40), (0, 0)]] == [
        "3/40 8 %",
        "40/40 100 %",
        "-",
    ]
