"""The findings as JUnit XML for CI servers, with one test case per probe.

JUnit XML has no official schema. This report uses what the common parsers share: a `testsuites` root with counts, one
`testsuite`, and per test case at most one `failure` or `skipped`, then one `system-out`.
"""

from collections.abc import Sequence
from itertools import groupby
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from simulator.doctor.doctor_report import DoctorReport
from simulator.doctor.finding import Example, Finding, Severity
from simulator.doctor.report.annotations import NO_ANNOTATIONS, Annotations
from simulator.doctor.report.excerpts import format_score, one_line, shorten
from simulator.doctor.report.explanations import explanation_link
from simulator.http.sanitize import sanitize

_SUITE = "rft-sim doctor"
_MAX_LENGTH = 400  # characters of a prompt or a response


def render_junit(report: DoctorReport, *, strict: bool, annotations: Annotations = NO_ANNOTATIONS) -> str:
    """Return the XML. If strict, a warning fails its test case. Otherwise the case passes and contains the warning.

    A finding that a baseline knows, or that cannot be compared with it, does not fail its test case either.
    """
    cases = [
        (probe, tuple(findings))
        for probe, findings in groupby(report.findings, key=lambda finding: f"{finding.probe} {finding.name}")
    ]
    root = Element("testsuites", name=_SUITE)
    suite = SubElement(root, "testsuite", name=_SUITE)
    counts = {"tests": len(cases), "failures": 0, "errors": 0, "skipped": 0}
    properties = SubElement(suite, "properties")
    for name, value in report.inputs.items():
        SubElement(properties, "property", name=name, value=one_line(value))
    for calls in report.failed_calls:
        counts["tests"] += 1
        counts["failures"] += 1
        name = f"calls to {calls.service}"
        case = SubElement(suite, "testcase", classname=one_line(report.function_name), name=name, time="0")
        SubElement(case, "failure", type=Severity.FAIL.value, message=one_line(calls.sentence))
    for name, findings in cases:
        case = SubElement(suite, "testcase", classname=one_line(report.function_name), name=name, time="0")
        failed = [
            finding
            for finding in findings
            if finding.fails(strict=strict) and (annotations.comparison is None or annotations.is_new(finding))
        ]
        rest = [finding for finding in findings if finding not in failed]
        if failed:
            counts["failures"] += 1
            failure = SubElement(case, "failure", type=failed[0].severity.value, message=one_line(failed[0].message))
            failure.text = _finding_text(failed)
        elif all(finding.severity is Severity.SKIPPED for finding in findings):
            counts["skipped"] += 1
            SubElement(case, "skipped", message=one_line(findings[0].message))
            continue
        if rest:
            SubElement(case, "system-out").text = _finding_text(rest)
    for element in (root, suite):
        element.attrib |= {name: str(count) for name, count in counts.items()}
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _finding_text(findings: Sequence[Finding]) -> str:
    return "\n\n".join("\n".join(_finding_lines(finding)) for finding in findings)


def _finding_lines(finding: Finding) -> list[str]:
    facts = (
        ("measured", finding.measured),
        ("threshold", finding.threshold),
        ("fix", finding.fix),
        ("page", explanation_link(finding.probe)),
    )
    return [
        f"{finding.severity.value}: {one_line(finding.message)}",
        *(f"{name}: {one_line(text)}" for name, text in facts if text),
        *(line for example in finding.examples for line in _example_lines(example)),
    ]


def _example_lines(example: Example) -> list[str]:
    line = "" if example.line is None else f"line {example.line}, "
    return [
        f"  {line}prompt: {shorten(sanitize(example.prompt), _MAX_LENGTH)}",
        f"  response: {shorten(sanitize(example.response), _MAX_LENGTH)}",
        f"  score: {format_score(example.score)}{f' ({sanitize(example.note)})' if example.note else ''}",
    ]
