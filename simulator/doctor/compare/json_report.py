"""The comparison of two versions as JSON for scripts.

    schema_version  1
    old, new        {"name", "calls", "plan", "inputs"}
    passes          whether both were measured and the new version has no new failure. The exit code says the same
    verdict         a sentence for people
    headline        {"false_pass_ceiling", "laziest_response", "false_fail_rate"}: {"old", "new"}, as in the JSON of
                    the doctor
    findings        {"new", "fixed", "same", "not_compared"}: lists of {"probe", "name", "severity", "what",
                    "measured"}; "changed": a list of {"old", "new"}
    scores          {"group", "count", "changed", "up", "down", "lost", "gained", "old_mean", "new_mean"}
    largest         {"label", "line", "prompt", "response", "old", "new", "error"}
    unmatched       the number of responses that one version scored only

Everything is ASCII.
"""

import json
from dataclasses import asdict
from math import isfinite
from typing import Any, Final

from simulator.doctor.compare.comparison import ReportComparison, ScoredTwice
from simulator.doctor.doctor_report import DoctorReport
from simulator.doctor.report.baseline import finding_as_json

SCHEMA_VERSION: Final = 1


def build_document(comparison: ReportComparison) -> dict[str, Any]:
    """Return a comparison as JSON values, with the keys above."""
    findings = comparison.findings
    lists = {name: getattr(findings, name) for name in ("new", "fixed", "same", "not_compared")}
    return {
        "schema_version": SCHEMA_VERSION,
        "old": _report(comparison.old),
        "new": _report(comparison.new),
        "passes": comparison.passes,
        "verdict": comparison.verdict,
        "headline": {
            change.key: {"old": asdict(change.old), "new": asdict(change.new)} for change in comparison.numbers
        },
        "findings": {name: [finding_as_json(finding) for finding in listed] for name, listed in lists.items()}
        | {
            "changed": [
                {"old": finding_as_json(change.old), "new": finding_as_json(change.new)} for change in findings.changed
            ]
        },
        "scores": [
            {
                "group": group.group,
                "count": group.count,
                "changed": group.changed,
                "up": group.up,
                "down": group.down,
                "lost": group.lost,
                "gained": group.gained,
                "old_mean": group.mean_old,
                "new_mean": group.mean_new,
            }
            for group in comparison.scores
        ],
        "largest": [_example(pair) for pair in comparison.largest],
        "unmatched": comparison.unmatched,
    }


def render_json(comparison: ReportComparison) -> str:
    """Return the JSON text, with a final newline."""
    return json.dumps(build_document(comparison), indent=2, sort_keys=True, allow_nan=False) + "\n"


def _report(report: DoctorReport) -> dict[str, Any]:
    return {
        "name": report.function_name,
        "calls": report.call_count,
        "plan": report.plan,
        "inputs": dict(report.inputs),
    }


def _example(pair: ScoredTwice) -> dict[str, Any]:
    record = pair.new.case.record
    return {
        "label": pair.label,
        "line": record.line,
        "prompt": record.messages[-1].content,
        "response": pair.new.case.text,
        "old": _number(pair.old.score),
        "new": _number(pair.new.score),
        "error": pair.new.error or pair.old.error,
    }


def _number(score: float | None) -> float | None:
    return score if score is not None and isfinite(score) else None
