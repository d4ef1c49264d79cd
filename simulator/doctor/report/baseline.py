"""A baseline file holds the failures and warnings of a doctor run, so that later runs fail for new ones only.

It is JSON without times, to be committed beside the reward function:

    schema_version  1
    inputs          the inputs of the doctor run by name
    probes          the ids of the probes that the run was to measure
    findings        {"probe", "name", "severity", "what", "measured"}

A finding is known if the file has one of the same probe with the same message, numbers aside, that was at least as bad.
Only what both runs were to measure is compared. The inputs may differ: a finding on other rows is the same finding.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from simulator.doctor.doctor_report import DoctorReport, format_count
from simulator.doctor.finding import PROBLEM_SEVERITIES, Finding, Severity, findings_pass, probe_order
from simulator.doctor.plan import FULL, find_plan
from simulator.doctor.probe_runner import TRAINING_SKIPPED
from simulator.doctor.report.excerpts import one_line

SCHEMA_VERSION: Final = 1
_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)*")
_KEYS: Final = {"inputs": dict, "probes": list, "findings": list}
_FINDING_KEYS: Final = ("probe", "name", "severity", "what", "measured")


class BaselineFileError(Exception):
    """The file is not a baseline. The message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The contents of a baseline file."""

    inputs: Mapping[str, str]
    probes: frozenset[str]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineComparison:
    """The failures and warnings of a doctor run beside those of a baseline.

    Attributes:
        new: findings of now that the baseline does not have, or that were less bad.
        known: findings of now that the baseline has.
        fixed: findings of the baseline that the run measured and did not find.
        not_measured: findings of the baseline that the run could not measure or was not to measure.
        not_compared: findings of now whose probe the baseline's run was not to measure.
        changed_inputs: the names of inputs that differ.
    """

    new: tuple[Finding, ...] = ()
    known: tuple[Finding, ...] = ()
    fixed: tuple[Finding, ...] = ()
    not_measured: tuple[Finding, ...] = ()
    not_compared: tuple[Finding, ...] = ()
    changed_inputs: tuple[str, ...] = ()

    def passes(self, *, strict: bool) -> bool:
        """Whether there is no new failure, and if strict, no new warning."""
        return findings_pass(self.new, strict=strict)

    @property
    def summary(self) -> str:
        """The numbers of findings, such as "1 new, 2 known, 0 fixed"."""
        parts = [f"{len(self.new)} new", f"{len(self.known)} known", f"{len(self.fixed)} fixed"]
        if self.not_measured:
            parts.append(f"{len(self.not_measured)} not measured now")
        if self.not_compared:
            parts.append(f"{len(self.not_compared)} not compared")
        return ", ".join(parts)


def baseline_from_report(report: DoctorReport) -> Baseline:
    """Return the baseline of a doctor run."""
    return Baseline(inputs=report.inputs, probes=planned_probes(report), findings=report.problems)


def planned_probes(report: DoctorReport) -> frozenset[str]:
    """Return the ids of the probes that a run was to measure, also if the function made that impossible."""
    plan = find_plan(report.plan) or FULL
    return frozenset(
        finding.probe
        for finding in report.findings
        if finding.severity is not Severity.SKIPPED
        or (finding.message != TRAINING_SKIPPED and finding.probe not in plan.left_out)
    )


def compare_with_baseline(baseline: Baseline, report: DoctorReport) -> BaselineComparison:
    """Return which failures and warnings of a run are new, known and fixed."""
    measured = report.measured_probes
    left = list(baseline.findings)
    new: list[Finding] = []
    known: list[Finding] = []
    not_compared: list[Finding] = []
    for finding in report.problems:
        match = next((other for other in left if finding_key(other) == finding_key(finding)), None)
        if match is not None:
            left.remove(match)
            (known if finding.severity.rank >= match.severity.rank else new).append(finding)
        elif finding.probe in baseline.probes:
            new.append(finding)
        else:
            not_compared.append(finding)
    names = sorted(baseline.inputs.keys() | report.inputs.keys())
    return BaselineComparison(
        new=tuple(new),
        known=tuple(known),
        fixed=tuple(finding for finding in left if finding.probe in measured),
        not_measured=tuple(finding for finding in left if finding.probe not in measured),
        not_compared=tuple(not_compared),
        changed_inputs=tuple(name for name in names if baseline.inputs.get(name) != report.inputs.get(name)),
    )


def describe_comparison(comparison: BaselineComparison) -> tuple[str, ...]:
    """Return the differences from a baseline, one per line."""
    groups: Sequence[tuple[str, Iterable[Finding]]] = (
        ("new", comparison.new),
        ("fixed", comparison.fixed),
        ("not measured now", comparison.not_measured),
        ("not compared, because the run of the baseline was not to measure it", comparison.not_compared),
    )
    inputs = f"The inputs differ: {', '.join(comparison.changed_inputs)}."
    return (
        *(
            f"{name}: {finding.severity} {finding.probe} {finding.name}: {one_line(finding.message)}"
            for name, findings in groups
            for finding in findings
        ),
        *([inputs] if comparison.changed_inputs else ()),
    )


def describe_counts(findings: Iterable[Finding]) -> str:
    """Return the numbers of failures and warnings, such as "1 failure and 2 warnings"."""
    severities = [finding.severity for finding in findings]
    counts = (
        format_count(number, noun)
        for severity, noun in ((Severity.FAIL, "failure"), (Severity.WARN, "warning"))
        if (number := severities.count(severity))
    )
    return " and ".join(counts) or "no failure and no warning"


def render_baseline(baseline: Baseline) -> str:
    """Return the text of the file."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "inputs": dict(baseline.inputs),
        "probes": sorted(baseline.probes, key=probe_order),
        "findings": [finding_as_json(finding) for finding in baseline.findings],
    }
    return json.dumps(document, indent=2) + "\n"


def parse_baseline(text: str) -> Baseline:
    """Parse the text of a baseline file.

    Raises:
        BaselineFileError: `render_baseline` did not write it.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BaselineFileError(f"this is not a file that --baseline wrote: {error}") from None
    if not isinstance(document, dict) or any(not isinstance(document.get(key), kind) for key, kind in _KEYS.items()):
        raise BaselineFileError(f"this is not a file that --baseline wrote: it needs {', '.join(_KEYS)}")
    if document.get("schema_version") != SCHEMA_VERSION:
        raise BaselineFileError(f"schema_version is {document.get('schema_version')!r}, and this release reads 1")
    return Baseline(
        inputs={str(name): str(value) for name, value in document["inputs"].items()},
        probes=frozenset(map(str, document["probes"])),
        findings=tuple(_parse_finding(entry, index) for index, entry in enumerate(document["findings"], start=1)),
    )


def finding_as_json(finding: Finding) -> dict[str, str]:
    """Return what a baseline holds of a finding."""
    return {
        "probe": finding.probe,
        "name": finding.name,
        "severity": finding.severity.value,
        "what": finding.message,
        "measured": finding.measured,
    }


def _parse_finding(entry: Any, index: int) -> Finding:
    if not isinstance(entry, dict) or any(not isinstance(entry.get(key), str) for key in _FINDING_KEYS):
        raise BaselineFileError(f"finding {index} needs the texts {', '.join(_FINDING_KEYS)}")
    if entry["severity"] not in {severity.value for severity in PROBLEM_SEVERITIES}:
        raise BaselineFileError(f"finding {index} has the severity {entry['severity']!r}, not fail or warn")
    return Finding(
        probe=entry["probe"],
        name=entry["name"],
        severity=Severity(entry["severity"]),
        message=entry["what"],
        measured=entry["measured"],
    )


def finding_key(finding: Finding) -> tuple[str, str]:
    """Return what makes two findings the same one: the probe and the message without its numbers."""
    return finding.probe, _NUMBER.sub("#", finding.message)
