"""The findings as JSON for scripts: one object with stable keys.

    schema_version   1. It rises when a key changes its meaning or disappears
    patient          the reward function's name
    data             {"name", "records"}
    questions        the inputs of the doctor run by name: the file's sha256, the model, the rows, the seed, ...
    hyperparameters  those of the planned training run, by verl's and the API's names
    plan             the name of the plan: how much was measured
    plan_cause       why it is not the full plan, or ""
    plan_changes     the options that overrule the plan, such as "--rows 8"
    calls            the number of invocations
    failed_service_calls  the function's calls to the AWS services of which a call failed: {"service", "calls",
                     "failed", "error"}. If there are any, the probes of scores measured nothing
    notes            remarks on the findings, one sentence each; failed calls first
    verdict          a sentence for people
    headline         the three numbers on top, or null if only some probes ran: {"false_pass_ceiling",
                     "laziest_response", "false_fail_rate", "interval", "right_score"}. Each number is {"value", "low",
                     "high", "count", "response", "text", "majority_share", "majority_answer", "reason"}; `value` is
                     null where `reason` says why it was not measured. docs/doctor.md defines them
    counts           the number of findings by severity: fail, warn, info, not measured, ok
    findings         worst first: {"probe", "name", "severity", "what", "measured", "threshold", "value", "fix", "page",
                     "repro", "exhibits"}. `value` is the measured value as a number, or null. `repro` is the command
                     that reproduces the finding, or null. An exhibit is {"line", "prompt", "response", "score",
                     "note"}, with complete texts
    baseline         the comparison with a baseline, or null: {"new", "known", "fixed", "not_measured",
                     "not_compared"} are lists of {"probe", "name", "severity", "what", "measured"}, and
                     "changed_inputs" is a list of names
    courses          the simulated runs: {"name", "total_steps", "fault", "steps", "held_out"}. A step holds
                     what Bedrock publishes and the hidden truth, by name

Keys are sorted. Everything is ASCII, because a reward function can return any text.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from math import isfinite
from typing import Any, Final

from simulator.doctor.doctor_report import DoctorReport
from simulator.doctor.finding import Example, Finding, Severity, probe_order, sort_by_severity
from simulator.doctor.headline_numbers import INTERVAL, HeadlineNumbers
from simulator.doctor.report.annotations import NO_ANNOTATIONS, Annotations
from simulator.doctor.report.baseline import BaselineComparison, finding_as_json
from simulator.doctor.report.explanations import explanation_link
from simulator.doctor.training_trace import TrainingTrace

SCHEMA_VERSION: Final = 1


def build_document(report: DoctorReport, annotations: Annotations = NO_ANNOTATIONS) -> dict[str, Any]:
    """Return a doctor run as JSON values, with the keys above."""
    return {
        "schema_version": SCHEMA_VERSION,
        "patient": report.function_name,
        "data": {"name": report.data_name, "records": report.record_count},
        "questions": dict(report.inputs),
        "hyperparameters": asdict(report.hyperparameters),
        "plan": report.plan,
        "plan_cause": report.plan_cause,
        "plan_changes": list(report.plan_changes),
        "calls": report.call_count,
        "failed_service_calls": [asdict(calls) for calls in report.failed_calls],
        "notes": [
            *(calls.sentence for calls in report.failed_calls),
            *report.notices,
            *report.differences,
            *([report.calibration_warning] if report.calibration_warning else []),
        ],
        "verdict": report.verdict,
        "headline": None if report.headline is None else _headline(report.headline),
        "counts": {severity.value: report.count(severity) for severity in Severity},
        "findings": [_finding(finding, annotations) for finding in sort_by_severity(report.findings)],
        "baseline": None if annotations.comparison is None else _baseline(annotations.comparison),
        "courses": [_trace(trace) for trace in report.traces],
    }


def probes_with(severity: Severity, document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of the probes that have a finding of this severity in a report as JSON values, sorted."""
    ids = {finding["probe"] for finding in document["findings"] if finding["severity"] == severity}
    return tuple(sorted(ids, key=probe_order))


def render_json(report: DoctorReport, annotations: Annotations = NO_ANNOTATIONS) -> str:
    """Return the JSON text, with a final newline."""
    return json.dumps(build_document(report, annotations), indent=2, sort_keys=True, allow_nan=False) + "\n"


def _headline(headline: HeadlineNumbers) -> dict[str, Any]:
    return {"interval": INTERVAL} | asdict(headline)


def _baseline(comparison: BaselineComparison) -> dict[str, Any]:
    groups = {name: getattr(comparison, name) for name in ("new", "known", "fixed", "not_measured", "not_compared")}
    lists = {name: [finding_as_json(finding) for finding in findings] for name, findings in groups.items()}
    return lists | {"changed_inputs": list(comparison.changed_inputs)}


def _finding(finding: Finding, annotations: Annotations) -> dict[str, Any]:
    return {
        "probe": finding.probe,
        "name": finding.name,
        "severity": finding.severity.value,
        "what": finding.message,
        "measured": finding.measured,
        "threshold": finding.threshold,
        "value": _number(finding.value),
        "fix": finding.fix,
        "page": explanation_link(finding.probe),
        "repro": annotations.repro_commands.get(finding),
        "exhibits": [_example(example) for example in finding.examples],
    }


def _example(example: Example) -> dict[str, Any]:
    return {
        "line": example.line,
        "prompt": example.prompt,
        "response": example.response,
        "score": _number(example.score),
        "note": example.note,
    }


def _trace(trace: TrainingTrace) -> dict[str, Any]:
    return {
        "name": trace.name,
        "total_steps": trace.total_steps,
        "fault": trace.error,
        "steps": [
            metrics.as_data() | truth.as_data() for metrics, truth in zip(trace.metrics, trace.truths, strict=True)
        ],
        "held_out": [evaluation.as_data() for evaluation in trace.held_out],
    }


def _number(value: float | None) -> float | None:
    """Return the number, or None for NaN and infinity, which JSON lacks."""
    return value if value is not None and isfinite(value) else None
