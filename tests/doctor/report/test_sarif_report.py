"""The report as SARIF 2.1.0."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from simulator.doctor.report.annotations import NO_ANNOTATIONS, Annotations
from simulator.doctor.report.baseline import BaselineComparison
from simulator.doctor.report.sarif_report import render_sarif
from simulator.doctor.source_location import SourceLocation
from tests.doctor.sample_reports import FAIL_FINDING, FULL_REPORT, WARN_FINDING, sample_report


def closed(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    """Return the schema of an object with these properties and no others."""
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


TEXT = {"type": "string"}
MESSAGE = closed({"text": TEXT, "markdown": TEXT}, "text")
ARTIFACT = closed({"uri": {"type": "string", "pattern": r"^[^\\ ]+$"}, "uriBaseId": TEXT}, "uri")
PHYSICAL = closed({"artifactLocation": ARTIFACT, "region": closed({"startLine": {"minimum": 1}})}, "artifactLocation")
LOGICAL = closed({"fullyQualifiedName": TEXT, "kind": TEXT})
LOCATION = closed(
    {
        "id": {"type": "integer", "minimum": 0},
        "message": MESSAGE,
        "physicalLocation": PHYSICAL,
        "logicalLocations": {"items": LOGICAL},
    }
)
RESULT = closed(
    {
        "ruleId": TEXT,
        "ruleIndex": {"type": "integer", "minimum": 0},
        "level": {"enum": ["none", "note", "warning", "error"]},
        "message": MESSAGE,
        "locations": {"items": LOCATION},
        "relatedLocations": {"items": LOCATION, "uniqueItems": True},
        "partialFingerprints": {"additionalProperties": TEXT},
        "baselineState": {"enum": ["new", "unchanged", "updated", "absent"]},
    },
    "message",
)
RULE = closed(
    {"id": TEXT, "name": TEXT, "shortDescription": MESSAGE, "fullDescription": MESSAGE, "help": MESSAGE}, "id"
)
DRIVER = closed({"name": TEXT, "semanticVersion": TEXT, "rules": {"items": RULE, "uniqueItems": True}}, "name")
RUN = closed(
    {
        "tool": closed({"driver": DRIVER}, "driver"),
        "invocations": {"items": closed({"executionSuccessful": {"type": "boolean"}}, "executionSuccessful")},
        "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
        "results": {"items": RESULT},
        "properties": {"type": "object"},
    },
    "tool",
)
# The part of SARIF 2.1.0 that the report uses, closed: a property that this list lacks needs a look at the standard.
LOG = closed(
    {"$schema": TEXT, "version": {"const": "2.1.0"}, "runs": {"type": "array", "items": RUN}}, "version", "runs"
)

COMPARISON = BaselineComparison(
    new=(FAIL_FINDING,), known=(WARN_FINDING,), fixed=(replace(WARN_FINDING, probe="S9", name="exploits"),)
)
ANNOTATIONS = Annotations(
    source=SourceLocation(path=Path("a folder/reward.py"), line=7), data_path="data/train.jsonl", comparison=COMPARISON
)


def run_of(annotations: Annotations) -> dict[str, Any]:
    """Return the run of the full report."""
    run: dict[str, Any] = json.loads(render_sarif(FULL_REPORT, annotations))["runs"][0]
    return run


@pytest.mark.parametrize("annotations", [NO_ANNOTATIONS, ANNOTATIONS])
def test_the_log_has_the_structure_of_the_standard(annotations: Annotations) -> None:
    """With and without a file, a baseline and related locations."""
    errors = Draft202012Validator(LOG).iter_errors(json.loads(render_sarif(FULL_REPORT, annotations)))
    assert [error.message for error in errors] == []


def test_a_failure_is_an_error_a_warning_a_warning_and_information_a_note() -> None:
    """What is ok or was not measured is no result. Each result names its rule."""
    run = run_of(NO_ANNOTATIONS)
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    results = [(result["ruleId"], rules[result["ruleIndex"]], result["level"]) for result in run["results"]]
    assert results == [("S4", "S4", "error"), ("S7", "S7", "warning"), ("T14", "T14", "note")]


def test_a_result_points_to_the_handler_and_to_the_records_of_its_examples() -> None:
    """Relative to the current folder, as GitHub needs it."""
    result = run_of(ANNOTATIONS)["results"][0]
    assert result["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "a%20folder/reward.py", "uriBaseId": "%SRCROOT%"},
                "region": {"startLine": 7},
            }
        }
    ]
    lines = [location["physicalLocation"]["region"]["startLine"] for location in result["relatedLocations"]]
    assert lines == [12, 13, 14]  # one example has no line
    assert result["relatedLocations"][0]["message"]["text"].endswith('scores 0 (reference {"text": "72"}).')


def test_a_file_outside_the_current_folder_has_an_absolute_uri() -> None:
    """There is no root that it is relative to."""
    annotations = Annotations(source=SourceLocation(path=Path("/elsewhere/reward.py")))
    location = run_of(annotations)["results"][0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"] == {"uri": "file:///elsewhere/reward.py"}


def test_a_deployed_function_has_a_name_instead_of_a_file() -> None:
    """Its code is not on this machine."""
    (location,) = run_of(NO_ANNOTATIONS)["results"][0]["locations"]
    assert location == {"logicalLocations": [{"fullyQualifiedName": "reward", "kind": "function"}]}


def test_a_baseline_gives_each_result_its_state() -> None:
    """A fixed finding is absent. Information is not part of a baseline."""
    states = [(result["ruleId"], result.get("baselineState")) for result in run_of(ANNOTATIONS)["results"]]
    assert states == [("S4", "new"), ("S7", "unchanged"), ("T14", None), ("S9", "absent")]


def test_the_same_finding_has_the_same_fingerprint_in_another_run() -> None:
    """Whatever was measured, so that code scanning keeps one alert."""
    reports = (sample_report(replace(FAIL_FINDING, measured=measured)) for measured in ("1 of 2", "2 of 2"))
    first, second = (json.loads(render_sarif(report))["runs"][0]["results"][0] for report in reports)
    assert first["partialFingerprints"] == second["partialFingerprints"]
