"""What a diagnosis rule is, what it receives and what it returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from client.diagnosis.time_series import WINDOW, MetricSeries, TimeSeries
from client.mantle_types import Checkpoint, Job

# With fewer steps the first ten and the last ten overlap.
MIN_STEPS_FOR_TREND = 2 * WINDOW


class Severity(StrEnum):
    """The severity of a finding, worst first."""

    FAIL = "fail"
    WARN = "warn"
    INFO = "info"
    OK = "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleInput:
    """A job and its log. `validation_rows` is the size of its validation file, or None if unknown."""

    job: Job
    metrics: MetricSeries
    checkpoints: tuple[Checkpoint, ...]
    validation_rows: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleResult:
    """The result of a rule. Without a `value` nothing was measured, and `meaning` says why."""

    severity: Severity
    value: float | None
    measured: str
    meaning: str
    fix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. `evaluate` receives a series of at least `min_values` values, and only rewards between 0 and 1."""

    id: str
    name: str
    threshold: str
    metric: str
    min_values: int
    evaluate: Callable[[RuleInput, TimeSeries], RuleResult]


def unmeasured_result(reason: str, fix: str = "") -> RuleResult:
    """Return the result of a rule that could not measure."""
    return RuleResult(severity=Severity.INFO, value=None, measured="not measured", meaning=reason, fix=fix)


def ok_result(value: float, measured: str, meaning: str) -> RuleResult:
    """Return a result within the threshold."""
    return RuleResult(severity=Severity.OK, value=value, measured=measured, meaning=meaning)


def warning_result(value: float, measured: str, meaning: str, fix: str) -> RuleResult:
    """Return a warning."""
    return RuleResult(severity=Severity.WARN, value=value, measured=measured, meaning=meaning, fix=fix)


def failure_result(value: float, measured: str, meaning: str, fix: str) -> RuleResult:
    """Return a failure."""
    return RuleResult(severity=Severity.FAIL, value=value, measured=measured, meaning=meaning, fix=fix)
