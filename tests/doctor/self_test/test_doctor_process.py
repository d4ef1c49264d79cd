"""Runs of the doctor as processes."""

from pathlib import Path

import pytest

from simulator.doctor.self_test.doctor_process import DoctorRun, read_run, run_doctor_on
from simulator.doctor.self_test.galleries import GalleryReward, galleries_folder, load_galleries
from tests.doctor.self_test.self_test_runs import gallery_reward

REWARDS = {reward.name: reward for reward in load_galleries(galleries_folder())}


def run_on(*rewards: GalleryReward, limit: float = 120.0) -> list[DoctorRun]:
    """Run a few probes on reward functions."""
    return list(run_doctor_on(rewards, jobs=2, options=["--only", "S1,S3", "--rows", "8"], limit=limit))


def test_a_run_holds_the_probes_by_severity() -> None:
    """Each probe once."""
    findings = [
        {"probe": probe, "severity": severity}
        for probe, severity in (("S9", "fail"), ("S9", "fail"), ("S9", "warn"), ("S1", "ok"), ("T8", "not measured"))
    ]
    run = read_run(gallery_reward("a"), {"findings": findings}, seconds=1.5)
    assert (run.outcome, run.cause) == ("fail", "fail")
    assert (run.failed, run.warned, run.not_measured, run.seconds) == (("S9",), ("S9",), ("T8",), 1.5)


@pytest.mark.slow
def test_reward_functions_are_run_side_by_side_and_reported_in_order() -> None:
    """A faulty and a sound one, through the command line."""
    runs = run_on(REWARDS["always_zero"], REWARDS["label_word"])
    assert [(run.reward.name, run.outcome, run.error) for run in runs] == [
        ("always_zero", "fail", ""),
        ("label_word", "ok", ""),
    ]


@pytest.mark.slow
def test_a_run_without_a_report_says_why() -> None:
    """The last line of what the command wrote."""
    (run,) = run_on(gallery_reward("nowhere"))
    assert (run.outcome, run.error.startswith("rft-sim: ")) == ("error", True)


def test_a_run_that_takes_too_long_is_ended() -> None:
    """With everything that it started."""
    (run,) = run_on(REWARDS["label_word"], limit=0.01)
    assert (run.outcome, run.error) == ("error", "ended after 0.01 s")


def test_a_consumer_that_stops_early_ends_the_others(tmp_path: Path) -> None:
    """As Ctrl-C does: nothing is left, and nothing more is started."""
    runs = run_doctor_on([REWARDS["label_word"]] * 3, jobs=1, limit=0.01)
    assert next(runs).outcome == "error"
    runs.close()
    assert list(runs) == []
