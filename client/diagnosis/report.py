"""What a job's own metrics say about its reward and its learning: the rules of `client.diagnosis.rules` over its log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from client.diagnosis.rules import MIN_STEPS_FOR_TREND, RULES, Rule, RuleInput, RuleResult, Severity, not_measured
from client.diagnosis.time_series import REWARD, TimeSeries, extract_metric_series
from client.mantle_client import Checkpoint, Event, Job
from client.terminal import format_count


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One reading of a job.

    Attributes:
        id: the reward doctor's, `T2` to `T10`; unique together with `name`.
        value: what was measured; None where it could not be, and `meaning` then says why.
        measured: the same for people.
        threshold: from where on it is a failure or a warning, for people.
        fix: what to do about it; empty where there is nothing to do.
    """

    id: str
    name: str
    severity: Severity
    value: float | None
    measured: str
    threshold: str
    meaning: str
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Everything read from a job.

    Attributes:
        steps: how many the log holds.
        total_steps: how many the job was to take; None where the log does not say.
        findings: every rule's, worst first.
        notes: what the reading lacked, in sentences.
    """

    job: Job
    steps: int
    total_steps: int | None
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    def count(self, severity: Severity) -> int:
        """How many findings are of a kind."""
        return sum(finding.severity is severity for finding in self.findings)

    def should_fail(self, *, strict: bool = False) -> bool:
        """True when the job failed, or its reading did; with `strict` for warnings, too."""
        worst = (Severity.FAIL, Severity.WARN) if strict else (Severity.FAIL,)
        return self.job.status == "failed" or any(self.count(severity) for severity in worst)

    @property
    def unmeasured_count(self) -> int:
        """How many readings could not be taken."""
        return sum(finding.value is None for finding in self.findings)


def diagnose_job(
    job: Job, events: Iterable[Event], checkpoints: Iterable[Checkpoint], *, validation_rows: int | None = None
) -> Diagnosis:
    """Read a job as far as it is; `validation_rows` is the size of its validation file, where somebody counted it."""
    log = tuple(events)
    case = RuleInput(
        job=job, metrics=extract_metric_series(log), checkpoints=tuple(checkpoints), validation_rows=validation_rows
    )
    order = list(Severity)
    return Diagnosis(
        job=job,
        steps=len(case.metrics.steps),
        total_steps=case.metrics.total_steps,
        findings=tuple(
            sorted((_evaluate_rule(rule, case) for rule in RULES), key=lambda found: order.index(found.severity))
        ),
        notes=(*_progress_notes(case), *case.metrics.notes, *_warning_notes(log)),
    )


def _evaluate_rule(rule: Rule, case: RuleInput) -> Finding:
    series = case.metrics.series[rule.metric]
    reading = _precondition_failure(rule, case, series) or rule.evaluate(case, series)
    return Finding(
        id=rule.id,
        name=rule.name,
        severity=reading.severity,
        value=reading.value,
        measured=reading.measured,
        threshold=rule.threshold,
        meaning=reading.meaning,
        fix=reading.fix,
    )


def _precondition_failure(rule: Rule, case: RuleInput, series: TimeSeries) -> RuleResult | None:
    if case.metrics.steps and not series:
        return not_measured(f"The events carry no {rule.metric}.")
    if len(series) < rule.min_values:
        return not_measured(f"It takes {rule.min_values} steps; there are {len(series)}.")
    if rule.metric == REWARD and not 0.0 <= min(series.values) <= max(series.values) <= 1.0:
        return not_measured("Some rewards lie outside 0 to 1, the range that the threshold is for.")
    return None


def _progress_notes(case: RuleInput) -> Iterable[str]:
    steps, total = case.metrics.steps, case.metrics.total_steps
    if case.job.status != "succeeded" and steps:
        planned = f" of {total}" if total else ""
        yield f"The job is {case.job.status}; this is read from its first {steps[-1]}{planned} steps."
    if 0 < len(steps) < MIN_STEPS_FOR_TREND:
        fix = ""
        if total is not None and total < MIN_STEPS_FOR_TREND:
            fix = " More epochs or a smaller batch make more steps."
        elif not case.job.has_ended:
            fix = " Look again later."
        yield f"{format_count(len(steps), 'step')}: below {MIN_STEPS_FOR_TREND} the first ten are among the last.{fix}"


def _warning_notes(log: Sequence[Event]) -> Iterable[str]:
    said = [event.message for event in log if event.level not in {"info", "error"}]
    if said:
        yield f"The service logged {format_count(len(said), 'warning')}. The first: {said[0]}"
