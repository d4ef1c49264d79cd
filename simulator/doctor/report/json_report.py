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

from simulator.doctor.doctor_report import Visit
from simulator.doctor.finding import Exhibit, Finding, Severity, worst_first
from simulator.doctor.report.explanations import page_of
from simulator.doctor.training_trace import Course

SCHEMA_VERSION: Final = 1


def document(visit: Visit) -> dict[str, Any]:
    """Return a visit as JSON values, laid out as the module says."""
    return {
        "schema_version": SCHEMA_VERSION,
        "patient": visit.patient,
        "data": {"name": visit.data, "records": visit.records},
        "questions": dict(visit.questions),
        "hyperparameters": asdict(visit.hyperparameters),
        "calls": visit.calls,
        "notes": [visit.guess] if visit.guess else [],
        "verdict": visit.verdict,
        "counts": {severity.value: visit.count(severity) for severity in Severity},
        "findings": [_finding(finding) for finding in worst_first(visit.findings)],
        "courses": [_course(course) for course in visit.courses],
    }


def written(visit: Visit) -> str:
    """Return the JSON text, with a newline at its end."""
    return json.dumps(document(visit), indent=2, sort_keys=True, allow_nan=False) + "\n"


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "probe": finding.probe,
        "name": finding.name,
        "severity": finding.severity.value,
        "what": finding.what,
        "measured": finding.measured,
        "threshold": finding.threshold,
        "value": _number(finding.value),
        "fix": finding.fix,
        "page": page_of(finding.probe),
        "exhibits": [_exhibit(exhibit) for exhibit in finding.exhibits],
    }


def _exhibit(exhibit: Exhibit) -> dict[str, Any]:
    return asdict(exhibit) | {"score": _number(exhibit.score)}


def _course(course: Course) -> dict[str, Any]:
    return {
        "name": course.name,
        "total_steps": course.total_steps,
        "fault": course.fault,
        "steps": [
            metrics.as_data() | truth.as_data() for metrics, truth in zip(course.metrics, course.truths, strict=True)
        ],
        "held_out": [evaluation.as_data() for evaluation in course.held_out],
    }


def _number(value: float | None) -> float | None:
    """Return what JSON has a form for."""
    return value if value is not None and isfinite(value) else None
