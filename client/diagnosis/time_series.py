"""The numbers of a job's log, by metric and in the order of the steps, read as tolerantly as a service may change."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from client.mantle_client import Event
from client.terminal import format_count

REWARD, ADVANTAGE, LENGTH = "critic_rewards_mean", "critic_advantages_mean", "response_length_mean"
ENTROPY, GRADIENT = "actor_entropy", "actor_grad_norm"
METRIC_NAMES = (REWARD, ADVANTAGE, LENGTH, ENTROPY, GRADIENT)

WINDOW = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Up to ten neighbouring values; `last_step` is the step of the last."""

    last_step: int
    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Their mean."""
        return math.fsum(self.values) / len(self.values)

    @property
    def variance_of_mean(self) -> float:
        """Their sample variance over their number, so that it goes to 0 with more of them."""
        size = len(self.values)
        return math.fsum((value - self.mean) ** 2 for value in self.values) / (size - 1) / size if size > 1 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSeries:
    """One metric: the steps that carry it, from the first on, and its values."""

    steps: tuple[int, ...]
    values: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def first(self) -> Window:
        """The first ten."""
        return self._window(min(WINDOW, len(self)))

    @property
    def last(self) -> Window:
        """The last ten."""
        return self._window(len(self))

    @property
    def best(self) -> Window:
        """The ten neighbours with the highest mean; the earliest of equals."""
        ends = range(min(WINDOW, len(self)), len(self) + 1)
        return max((self._window(end) for end in ends), key=lambda window: window.mean)

    def up_to(self, step: int) -> TimeSeries:
        """The part up to and with `step`."""
        kept = sum(number <= step for number in self.steps)
        return TimeSeries(steps=self.steps[:kept], values=self.values[:kept])

    def _window(self, end: int) -> Window:
        return Window(last_step=self.steps[end - 1], values=self.values[max(0, end - WINDOW) : end])


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSeries:
    """A log's numbers.

    Attributes:
        steps: the steps that were logged, in order.
        total_steps: how many the job is to take; None where the log does not say.
        series: every metric of `READ`, empty for one that is never there.
        notes: what the log lacks, in sentences.
    """

    steps: tuple[int, ...]
    total_steps: int | None
    series: Mapping[str, TimeSeries]
    notes: tuple[str, ...]


def extract_metric_series(events: Iterable[Event]) -> MetricSeries:
    """Read a log in any order. A step that is logged twice counts as it was logged last."""
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
    """`value` as a finite number; None for anything else, a truth value among it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) <= sys.float_info.max else None


def _time_series(name: str, by_step: Mapping[int, Mapping[str, float]]) -> TimeSeries:
    found = [(step, value) for step in sorted(by_step) if (value := finite_number(by_step[step].get(name))) is not None]
    return TimeSeries(steps=tuple(step for step, _ in found), values=tuple(value for _, value in found))


def _missing_step_notes(log: tuple[Event, ...], steps: tuple[int, ...]) -> Iterable[str]:
    unplaced = sum(event.metrics is None and event.body.get("type") == "metrics" for event in log)
    if unplaced:
        yield f"{format_count(unplaced, 'metrics event')} without a step number left out."
    absent = sum(later - earlier - 1 for earlier, later in pairwise((0, *steps)))
    if absent > 0:
        yield f"{format_count(absent, 'step')} before step {steps[-1]} not in the log."


def _missing_metric_notes(series: Mapping[str, TimeSeries], *, steps: int) -> Iterable[str]:
    for name, values in series.items():
        if len(values) < steps:
            yield f"{name} is missing, or no number, in {steps - len(values)} of {format_count(steps, 'step')}."
