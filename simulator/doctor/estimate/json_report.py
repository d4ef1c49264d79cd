"""The estimate as a JSON document.

The JSON is one object with sorted keys, all of it ASCII:

    schema_version   1; a key that changes its meaning or goes away raises it
    data             {"name", "records", "train", "held_out"}
    model            the base model
    hyperparameters  {"n_epochs", "batch_size", "learning_rate_multiplier"}
    estimate         the figures, as `reckoning.Estimate` says; a range is {"low", "high"}. null where the run cannot
                     take a single step
    assumptions      for each by name: {"value", "unit", "mark", "why"}
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
    """Return an estimate as JSON values, laid out as the module says."""
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
    """Return the JSON text, with a newline at its end."""
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
