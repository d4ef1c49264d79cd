"""The findings as SARIF 2.1.0, the format that code scanning of GitHub and other services read.

Each probe is a rule. A failure is an error, a warning a warning, information a note; what is ok or was not measured is
no result. A result points to the handler of the reward function. Its related locations are the records of its examples.
With a baseline, results have a `baselineState`, and those that are fixed are absent.

DOCUMENTED: docs.oasis-open.org/sarif/sarif/v2.1.0, sections 3.27 (result) and 3.49 (reportingDescriptor). GitHub shows
only results with a location in a file of the repository, so paths are relative to the current folder where they can be.
"""

import hashlib
import json
from importlib import metadata
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from simulator.doctor.doctor_report import DoctorReport
from simulator.doctor.finding import Example, Finding, Severity, sort_by_severity
from simulator.doctor.report.annotations import NO_ANNOTATIONS, Annotations
from simulator.doctor.report.excerpts import format_score, one_line, shorten
from simulator.doctor.report.explanations import find_probe
from simulator.doctor.report.markdown_text import to_markdown
from simulator.doctor.source_location import SourceLocation
from simulator.http.sanitize import sanitize

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS: Final = {Severity.FAIL: "error", Severity.WARN: "warning", Severity.INFO: "note"}
"""The SARIF levels of the severities that become results."""

_FINGERPRINT: Final = "rftSim/v1"
_MAX_LENGTH: Final = 200  # characters of a response
_ROOT: Final = "%SRCROOT%"


def render_sarif(report: DoctorReport, annotations: Annotations = NO_ANNOTATIONS) -> str:
    """Return the SARIF log."""
    results = [finding for finding in sort_by_severity(report.findings) if finding.severity in LEVELS]
    rule_ids = list(dict.fromkeys(finding.probe for finding in results))
    absent = () if annotations.comparison is None else annotations.comparison.fixed
    rule_ids += [finding.probe for finding in absent if finding.probe not in rule_ids]
    names = {finding.probe: finding.name for finding in (*absent, *results)}
    run = {
        "tool": {
            "driver": {
                "name": "rft-sim doctor",
                "semanticVersion": metadata.version("bedrock-rft-testbed"),
                "rules": [_rule(probe_id, names[probe_id]) for probe_id in rule_ids],
            }
        },
        "invocations": [{"executionSuccessful": not report.failed_calls and report.is_judged}],
        "columnKind": "unicodeCodePoints",
        "results": [
            *(_result(finding, rule_ids, report, annotations) for finding in results),
            *(_result(finding, rule_ids, report, annotations, is_absent=True) for finding in absent),
        ],
        "properties": {"verdict": report.verdict, "inputs": dict(report.inputs)},
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(probe_id: str, name: str) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": probe_id, "name": name.title().replace(" ", "").replace("-", "")}
    if probe := find_probe(probe_id):
        rule |= {
            "shortDescription": {"text": f"{probe.name}: {probe.question}"},
            "fullDescription": {"text": probe.means},
            "help": {
                "text": f"{probe.remedy}\n\n{probe.measured}",
                "markdown": f"**What to do.** {to_markdown(probe.remedy)}\n\n**How it is measured.** "
                f"{to_markdown(probe.measured)}",
            },
        }
    return rule


def _result(
    finding: Finding, rule_ids: list[str], report: DoctorReport, annotations: Annotations, *, is_absent: bool = False
) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.probe,
        "ruleIndex": rule_ids.index(finding.probe),
        "level": LEVELS[finding.severity],
        "message": {"text": _message(finding, annotations)},
        "locations": [_location(report, annotations.source)],
        "partialFingerprints": {
            _FINGERPRINT: hashlib.sha256(f"{finding.probe} {finding.message}".encode("utf-8", "replace")).hexdigest()
        },
    }
    related = [
        _related_location(index, example, annotations.data_path)
        for index, example in enumerate(finding.examples)
        if example.line is not None and annotations.data_path
    ]
    if related:
        result["relatedLocations"] = related
    if is_absent:
        result["baselineState"] = "absent"
    elif annotations.is_known(finding) or annotations.is_new(finding):
        result["baselineState"] = "unchanged" if annotations.is_known(finding) else "new"
    return result


def _message(finding: Finding, annotations: Annotations) -> str:
    expected = f" (expected: {one_line(finding.threshold)})" if finding.threshold else ""
    command = annotations.repro_commands.get(finding)
    lines = (
        f"{finding.name}: {one_line(finding.message)}",
        f"Measured: {one_line(finding.measured)}{expected}" if finding.measured else "",
        f"Fix: {one_line(finding.fix)}" if finding.fix else "",
        f"Reproduce: {command}" if command else "",
    )
    return "\n".join(line for line in lines if line)


def _location(report: DoctorReport, source: SourceLocation | None) -> dict[str, Any]:
    if source is None:  # a deployed function has no file
        return {"logicalLocations": [{"fullyQualifiedName": one_line(report.function_name), "kind": "function"}]}
    return {
        "physicalLocation": {
            "artifactLocation": _artifact(source.path),
            "region": {"startLine": source.line},
        }
    }


def _related_location(index: int, example: Example, data_path: str) -> dict[str, Any]:
    response = shorten(sanitize(example.response), _MAX_LENGTH)
    note = f" ({one_line(example.note)})" if example.note else ""
    return {
        "id": index,
        "message": {"text": f"The response “{response}” scores {format_score(example.score)}{note}."},
        "physicalLocation": {
            "artifactLocation": _artifact(Path(data_path)),
            "region": {"startLine": example.line},
        },
    }


def _artifact(path: Path) -> dict[str, str]:
    """Return a path as a URI, relative to the current folder if it is below it."""
    absolute = path.expanduser().resolve()
    if absolute.is_relative_to(folder := Path.cwd().resolve()):
        return {"uri": quote(absolute.relative_to(folder).as_posix()), "uriBaseId": _ROOT}
    return {"uri": absolute.as_uri()}
