"""The findings for scripts: one JSON object with stable keys.

    schema_version   1; a key that changes its meaning or goes away raises it
    patient          the reward function's name
    data             {"name", "records"}
    questions        what the questions depend on, by name: the file's sha256, the model, the rows, the seed, ...
    hyperparameters  of the run that is being considered, by verl's and the API's names
    calls            how often the function was invoked
    notes            what to know before the findings are read, a sentence each
    verdict          a sentence for people
    counts           findings by severity: fail, warn, info, not measured, ok
    findings         worst first: {"probe", "name", "severity", "what", "measured", "threshold", "value", "fix", "page",
                     "exhibits"}; `value` is the measured value as a number, or null. An exhibit is {"line", "prompt",
                     "response", "score", "note"}, with texts as they were sent, in full
    courses          the rehearsed runs: {"name", "total_steps", "fault", "steps", "held_out"}; a step holds what
                     Bedrock publishes and the hidden truth beside it, by name

Keys are sorted, and all is ASCII, so that what a reward function returned can be written anywhere.
"""

import json
from dataclasses import asdict
from math import isfinite
from typing import Any, Final

from simulator.doctor.doctor_report import DoctorReport
from simulator.doctor.finding import Example, Finding, Severity, sort_by_severity
from simulator.doctor.report.explanations import explanation_link
from simulator.doctor.training_trace import TrainingTrace

SCHEMA_VERSION: Final = 1


def build_document(report: DoctorReport) -> dict[str, Any]:
    """Return a visit as JSON values, laid out as the module says."""
    return {
        "schema_version": SCHEMA_VERSION,
        "patient": report.function_name,
        "data": {"name": report.data_name, "records": report.record_count},
        "questions": dict(report.inputs),
        "hyperparameters": asdict(report.hyperparameters),
        "calls": report.call_count,
        "notes": [report.calibration_warning] if report.calibration_warning else [],
        "verdict": report.verdict,
        "counts": {severity.value: report.count(severity) for severity in Severity},
        "findings": [_finding(finding) for finding in sort_by_severity(report.findings)],
        "courses": [_trace(course) for course in report.traces],
    }


def render_json(report: DoctorReport) -> str:
    """Return the JSON text, with a newline at its end."""
    return json.dumps(build_document(report), indent=2, sort_keys=True, allow_nan=False) + "\n"


def _finding(finding: Finding) -> dict[str, Any]:
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
        "exhibits": [_example(exhibit) for exhibit in finding.examples],
    }


def _example(exhibit: Example) -> dict[str, Any]:
    return asdict(exhibit) | {"score": _number(exhibit.score)}


def _trace(course: TrainingTrace) -> dict[str, Any]:
    return {
        "name": course.name,
        "total_steps": course.total_steps,
        "fault": course.error,
        "steps": [
            metrics.as_data() | truth.as_data() for metrics, truth in zip(course.metrics, course.truths, strict=True)
        ],
        "held_out": [evaluation.as_data() for evaluation in course.held_out],
    }


def _number(value: float | None) -> float | None:
    """Return what JSON has a form for."""
    return value if value is not None and isfinite(value) else None
