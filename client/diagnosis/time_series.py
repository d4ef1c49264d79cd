"""The metrics of a job's log as time series. Missing and malformed values are skipped and noted."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from client.mantle_types import Event
from client.terminal import format_count

REWARD, ADVANTAGE, LENGTH = "critic_rewards_mean", "critic_advantages_mean", "response_length_mean"
ENTROPY, GRADIENT, LOSS = "actor_entropy", "actor_grad_norm", "actor_pg_loss"
METRIC_NAMES = (REWARD, ADVANTAGE, LENGTH, ENTROPY, GRADIENT, LOSS)

WINDOW = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Up to ten consecutive values; `last_step` is the step of the last."""

    last_step: int
    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The mean of the values."""
        return math.fsum(self.values) / len(self.values)

    @property
    def variance_of_mean(self) -> float:
        """The sample variance divided by the number of values: the variance of their mean."""
        size = len(self.values)
        return math.fsum((value - self.mean) ** 2 for value in self.values) / (size - 1) / size if size > 1 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSeries:
    """One metric: the steps that have it, in order, and its values."""

    steps: tuple[int, ...]
    values: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def first(self) -> Window:
        """The first ten values."""
        return self._window(min(WINDOW, len(self)))

    @property
    def last(self) -> Window:
        """The last ten values."""
        return self._window(len(self))

    @property
    def best(self) -> Window:
        """The ten consecutive values with the highest mean; the earliest if several are equal."""
        ends = range(min(WINDOW, len(self)), len(self) + 1)
        return max((self._window(end) for end in ends), key=lambda window: window.mean)

    def up_to(self, step: int) -> TimeSeries:
        """Return the part up to and including `step`."""
        count = sum(number <= step for number in self.steps)
        return TimeSeries(steps=self.steps[:count], values=self.values[:count])

    def _window(self, end: int) -> Window:
        return Window(last_step=self.steps[end - 1], values=self.values[max(0, end - WINDOW) : end])


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSeries:
    """All time series of a log.

    Attributes:
        steps: the steps that were logged, in order.
        total_steps: the planned number of steps; None if the log does not say.
        series: one per name in `METRIC_NAMES`, empty if the log never has it.
        notes: sentences about data that is missing in the log.
    """

    steps: tuple[int, ...]
    total_steps: int | None
    series: Mapping[str, TimeSeries]
    notes: tuple[str, ...]


def extract_metric_series(events: Iterable[Event]) -> MetricSeries:
    """Return the time series of a log in any order. If a step is logged twice, the last entry counts."""
    log = tuple(events)
    by_step = {event.step: event.metrics for event in log if event.metrics is not None and event.step is not None}
    steps = tuple(sorted(by_step))
    totals = [finite_number(by_step[step].get("total_steps")) for step in steps]
    series = {name: _time_series(name, by_step) for name in METRIC_NAMES}
    return MetricSeries(
        steps=steps,
        total_steps=next((int(total) for total in totals if total), None),
        series=series,
        notes=(*_missing_step_notes(log, steps), *_missing_metric_notes(series, steps=len(steps))),
    )


def finite_number(value: object) -> float | None:
    """Return `value` as a finite number, or None if it is anything else, such as a boolean."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) <= sys.float_info.max else None


def _time_series(name: str, by_step: Mapping[int, Mapping[str, float]]) -> TimeSeries:
    points = [
        (step, value) for step in sorted(by_step) if (value := finite_number(by_step[step].get(name))) is not None
    ]
    return TimeSeries(steps=tuple(step for step, _ in points), values=tuple(value for _, value in points))


def _missing_step_notes(log: tuple[Event, ...], steps: tuple[int, ...]) -> Iterable[str]:
    without_step = sum(event.metrics is None and event.body.get("type") == "metrics" for event in log)
    if without_step:
        yield f"{format_count(without_step, 'metrics event')} without a step number left out."
    missing = sum(later - earlier - 1 for earlier, later in pairwise((0, *steps)))
    if missing > 0:
        yield f"{format_count(missing, 'step')} before step {steps[-1]} not in the log."


def _missing_metric_notes(series: Mapping[str, TimeSeries], *, steps: int) -> Iterable[str]:
    for name, values in series.items():
        if len(values) < steps:
            yield f"{name} is missing or not a number in {steps - len(values)} of {format_count(steps, 'step')}."
