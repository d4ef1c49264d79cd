"""Apply the diagnosis rules to a job and collect their findings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from client.diagnosis.rule import MIN_STEPS_FOR_TREND, Rule, RuleInput, RuleResult, Severity, unmeasured_result
from client.diagnosis.rules import DEAD_GRADIENT, RULES
from client.diagnosis.time_series import REWARD, TimeSeries, extract_metric_series
from client.failed_calls import failed_call_messages
from client.mantle_types import Checkpoint, Event, Job
from client.terminal import format_count


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one rule.

    Attributes:
        id: the id of the doctor's probe, `T2` to `T10`; unique together with `name`.
        value: the measured number; None if nothing was measured, and `meaning` then says why.
        measured: the value as text.
        threshold: where a failure or a warning begins, as text.
        fix: what to do about it; empty if there is nothing to do.
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
    """The findings of all rules on one job.

    Attributes:
        steps: the number of steps in the log.
        total_steps: the planned number of steps; None if the log does not say.
        findings: one per rule, worst first.
        notes: sentences about missing data.
    """

    job: Job
    steps: int
    total_steps: int | None
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    def count(self, severity: Severity) -> int:
        """Count the findings of one severity."""
        return sum(finding.severity is severity for finding in self.findings)

    def should_fail(self, *, strict: bool = False) -> bool:
        """True if the job failed or a finding is a failure; with `strict` also for a warning."""
        worst = (Severity.FAIL, Severity.WARN) if strict else (Severity.FAIL,)
        return self.job.status == "failed" or any(self.count(severity) for severity in worst)

    @property
    def unmeasured_count(self) -> int:
        """The number of findings without a value."""
        return sum(finding.value is None for finding in self.findings)


def diagnose_job(
    job: Job, events: Iterable[Event], checkpoints: Iterable[Checkpoint], *, validation_rows: int | None = None
) -> Diagnosis:
    """Diagnose a job from its events so far. `validation_rows`: the size of its validation file, None if unknown."""
    log = tuple(events)
    rule_input = RuleInput(
        job=job, metrics=extract_metric_series(log), checkpoints=tuple(checkpoints), validation_rows=validation_rows
    )
    severities = list(Severity)
    failed_calls = failed_call_messages(log)
    return Diagnosis(
        job=job,
        steps=len(rule_input.metrics.steps),
        total_steps=rule_input.metrics.total_steps,
        findings=tuple(
            sorted(
                (_evaluate_rule(rule, rule_input, has_fallback_scores=bool(failed_calls)) for rule in RULES),
                key=lambda finding: severities.index(finding.severity),
            )
        ),
        notes=(*failed_calls, *_progress_notes(rule_input), *rule_input.metrics.notes, *_warning_notes(log)),
    )


def _evaluate_rule(rule: Rule, rule_input: RuleInput, *, has_fallback_scores: bool) -> Finding:
    series = rule_input.metrics.series[rule.metric]
    if has_fallback_scores:
        result = unmeasured_result("The scores are the function's fallback.")
    else:
        result = _precondition_failure(rule, rule_input, series) or rule.evaluate(rule_input, series)
    return Finding(
        id=rule.id,
        name=rule.name,
        severity=result.severity,
        value=result.value,
        measured=result.measured,
        threshold=rule.threshold,
        meaning=result.meaning,
        fix=result.fix,
    )


def _precondition_failure(rule: Rule, rule_input: RuleInput, series: TimeSeries) -> RuleResult | None:
    if rule_input.metrics.steps and not series:
        return unmeasured_result(f"The events carry no {rule.metric}.")
    if len(series) < rule.min_values:
        return unmeasured_result(f"It needs {rule.min_values} steps; there are {len(series)}.")
    if rule.metric == REWARD and not 0.0 <= min(series.values) <= max(series.values) <= 1.0:
        return unmeasured_result("Some rewards are outside 0 to 1, the range of the threshold.")
    return None


def _progress_notes(rule_input: RuleInput) -> Iterable[str]:
    steps, total = rule_input.metrics.steps, rule_input.metrics.total_steps
    if rule_input.job.status != "succeeded" and steps:
        planned_text = f" of {total}" if total else ""
        yield f"The job is {rule_input.job.status}; this is based on its first {steps[-1]}{planned_text} steps."
    if 0 < len(steps) < MIN_STEPS_FOR_TREND:
        advice = ""
        if total is not None and total < MIN_STEPS_FOR_TREND:
            advice = " More epochs or a smaller batch make more steps."
        elif not rule_input.job.has_ended:
            advice = " Run this again later."
        step_count = format_count(len(steps), "step")
        yield f"{step_count}: below {MIN_STEPS_FOR_TREND} the first ten and the last ten overlap.{advice}"


def _warning_notes(log: Sequence[Event]) -> Iterable[str]:
    messages = [
        event.message for event in log if event.level not in {"info", "error"} and not failed_call_messages([event])
    ]
    if messages:
        yield f"The service logged {format_count(len(messages), 'warning')}. The first: {messages[0]}"


def dead_gradient_message(job: Job, events: Iterable[Event]) -> str | None:
    """Return the finding about dead steps as one text, or None if it is no failure and no warning."""
    findings = diagnose_job(job, events, ()).findings
    (finding,) = (finding for finding in findings if finding.name == DEAD_GRADIENT)
    if finding.severity not in {Severity.FAIL, Severity.WARN}:
        return None
    return f"{finding.measured} had a dead gradient. {finding.meaning} {finding.fix}"
