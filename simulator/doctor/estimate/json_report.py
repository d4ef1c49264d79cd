"""The estimate as JSON: one object with sorted keys, in ASCII.

schema_version   1. It rises when a key changes its meaning or disappears
data             {"name", "records", "train", "held_out"}
model            the base model
hyperparameters  {"n_epochs", "batch_size", "learning_rate_multiplier"}
estimate         the fields of `calculation.Estimate`. A range is {"low", "high"}. null if the run has no step
assumptions      by name: {"value", "unit", "mark", "why"}
findings         worst first: {"probe", "name", "severity", "what", "measured", "threshold", "value", "fix", "page"}
"""

import json
from dataclasses import asdict
from typing import Any, Final

from simulator.doctor.estimate.assumptions import Assumption
from simulator.doctor.estimate.run_estimate import EstimateReport
from simulator.doctor.finding import Finding, sort_by_severity
from simulator.doctor.report.explanations import explanation_link

SCHEMA_VERSION: Final = 1


def build_document(result: EstimateReport) -> dict[str, Any]:
    """Return an estimate as JSON values, with the keys above."""
    run = result.hyperparameters
    return {
        "schema_version": SCHEMA_VERSION,
        "data": {"name": result.data, "records": result.records, "train": result.train, "held_out": result.held_out},
        "model": result.model,
        "hyperparameters": {
            "n_epochs": run.n_epochs,
            "batch_size": run.batch_size,
            "learning_rate_multiplier": run.learning_rate_multiplier,
        },
        "estimate": None if result.estimate is None else asdict(result.estimate),
        "assumptions": {name: _assumption(assumption) for name, assumption in result.assumptions.items()},
        "findings": [_finding(finding) for finding in sort_by_severity(result.findings)],
    }


def render_json(result: EstimateReport) -> str:
    """Return the JSON text, with a final newline."""
    return json.dumps(build_document(result), indent=2, sort_keys=True, allow_nan=False) + "\n"


def _assumption(assumption: Assumption) -> dict[str, Any]:
    return {"value": assumption.value, "unit": assumption.unit, "mark": assumption.basis, "why": assumption.reason}


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "probe": finding.probe,
        "name": finding.name,
        "severity": finding.severity.value,
        "what": finding.message,
        "measured": finding.measured,
        "threshold": finding.threshold,
        "value": finding.value,
        "fix": finding.fix,
        "page": explanation_link(finding.probe),
    }
