"""Runs of a self-test that were not run but written down."""

from collections.abc import Sequence
from pathlib import Path

from simulator.doctor.self_test.doctor_process import DoctorRun
from simulator.doctor.self_test.galleries import GalleryReward


def gallery_reward(name: str, *, is_sound: bool = False, expected: Sequence[str] = ("S9",)) -> GalleryReward:
    """Return a reward function of the tuning gallery."""
    return GalleryReward(
        gallery="tuning",
        name=name,
        path=Path(name),
        data=Path("train.jsonl"),
        is_sound=is_sound,
        expected=() if is_sound else tuple(expected),
    )


def doctor_run(
    name: str,
    *,
    is_sound: bool = False,
    expected: Sequence[str] = ("S9",),
    failed: Sequence[str] = (),
    warned: Sequence[str] = (),
    error: str = "",
    seconds: float = 2.0,
) -> DoctorRun:
    """Return a run with these findings."""
    return DoctorRun(
        reward=gallery_reward(name, is_sound=is_sound, expected=expected),
        seconds=seconds,
        failed=tuple(failed),
        warned=tuple(warned),
        error=error,
    )
