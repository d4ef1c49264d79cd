"""The figures of a self-test, and those that are wanted.

The wanted figures are those of docs/doctor.md: no sound reward function fails, at most 15 % of them draw a warning, at
least 85 % of the faulty ones fail, and at least 95 % have a failure or a warning that names their fault. A selection of
a few cannot show a share of 95 %: a figure holds if the wanted value is within the 95 % interval of what was counted.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from simulator.doctor.headline_numbers import wilson_interval
from simulator.doctor.self_test.doctor_process import DoctorRun

MAX_SOUND_FAILED: Final = 0.0
MAX_SOUND_WARNED: Final = 0.15
MIN_FAULTY_FAILED: Final = 0.85
MIN_CAUSE_FOUND: Final = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A share, and the share that is wanted: at most or at least so much."""

    name: str
    count: int
    of: int
    wanted: float
    is_at_most: bool

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the share."""
        return wilson_interval(self.count / self.of, self.of) if self.of else (0.0, 1.0)

    @property
    def holds(self) -> bool:
        """Whether the wanted share is not refuted. A share of 0 is: by a single one."""
        if self.is_at_most and self.wanted == 0:
            return self.count == 0
        low, high = self.interval
        return low <= self.wanted if self.is_at_most else high >= self.wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The figures of a self-test.

    Attributes:
        shares: what was found.
        errors: the runs without a report.
        median_seconds: the median duration of a run.
        longest_seconds: the longest duration of a run.
    """

    shares: tuple[Figure, ...]
    errors: tuple[DoctorRun, ...]
    median_seconds: float
    longest_seconds: float

    @property
    def hold(self) -> bool:
        """Whether all wanted shares hold and every run has a report. Durations depend on the machine and count not."""
        return not self.errors and all(figure.holds for figure in self.shares)


def count_figures(runs: Sequence[DoctorRun]) -> Figures:
    """Return the figures. A run without a report has found nothing."""
    sound = [run for run in runs if run.reward.is_sound]
    faulty = [run for run in runs if not run.reward.is_sound]
    explained = [run for run in faulty if run.reward.expected]
    seconds = [run.seconds for run in runs]
    return Figures(
        shares=(
            _figure("sound: failed", (run.outcome == "fail" for run in sound), at_most=MAX_SOUND_FAILED),
            _figure("sound: warned", (run.outcome == "warn" for run in sound), at_most=MAX_SOUND_WARNED),
            _figure("faulty: failed", (run.outcome == "fail" for run in faulty), at_least=MIN_FAULTY_FAILED),
            _figure(
                "faulty: right cause failed or warned",
                (bool(run.cause) for run in explained),
                at_least=MIN_CAUSE_FOUND,
            ),
        ),
        errors=tuple(run for run in runs if run.error),
        median_seconds=median(seconds) if seconds else 0.0,
        longest_seconds=max(seconds, default=0.0),
    )


def _figure(name: str, facts: Iterable[bool], *, at_most: float | None = None, at_least: float = 0.0) -> Figure:
    listed = list(facts)
    return Figure(
        name=name,
        count=sum(listed),
        of=len(listed),
        wanted=at_least if at_most is None else at_most,
        is_at_most=at_most is not None,
    )
