"""The findings as one HTML file, without scripts or other files, to read, print or send."""

from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Final

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup, escape

from simulator.doctor.doctor_report import DoctorReport
from simulator.doctor.finding import PROBLEM_SEVERITIES, Finding, Probe, Severity, sort_by_severity
from simulator.doctor.headline_numbers import INTERVAL
from simulator.doctor.report import curves
from simulator.doctor.report.annotations import NO_ANNOTATIONS, Annotations
from simulator.doctor.report.baseline import describe_comparison
from simulator.doctor.report.excerpts import format_score, shorten
from simulator.doctor.report.explanations import ALL_PROBES, SECTIONS
from simulator.doctor.report.headline import headline_rows
from simulator.doctor.report.markdown_text import CODE_SPAN
from simulator.http.sanitize import sanitize

_TEMPLATE: Final = "report.html.jinja"
_PROMPT, _RESPONSE = 1_200, 3_000  # characters

_CLASSES: Final = {
    Severity.FAIL: "fail",
    Severity.WARN: "warn",
    Severity.INFO: "info",
    Severity.SKIPPED: "skipped",
    Severity.OK: "ok",
}


def render_html(
    report: DoctorReport, *, probes: Sequence[Probe] = ALL_PROBES, annotations: Annotations = NO_ANNOTATIONS
) -> str:
    """Return the HTML. It includes the explanations of those `probes` that ran."""
    ranked = sort_by_severity(report.findings)
    probe_ids = set(report.probe_ids)
    return _template().render(
        report=report,
        annotations=annotations,
        changes=() if annotations.comparison is None else describe_comparison(annotations.comparison),
        headline=headline_rows(report.headline),
        interval=INTERVAL,
        findings=[finding for finding in ranked if finding.severity not in {Severity.OK, Severity.SKIPPED}],
        other_findings=[finding for finding in ranked if finding.severity in {Severity.OK, Severity.SKIPPED}],
        tone=_tone(ranked),
        traces=[(trace, curves.draw_curves(trace), curves.summarize_trace(trace)) for trace in report.traces],
        layout=curves,
        probes=[probe for probe in probes if probe.id in probe_ids],
        sections=SECTIONS,
    )


def _tone(findings: Sequence[Finding]) -> str:
    """Return the CSS class of the verdict: that of the worst finding if it is a failure or a warning, else ok."""
    worst = findings[0].severity if findings else Severity.OK
    return _CLASSES[worst] if worst in PROBLEM_SEVERITIES else _CLASSES[Severity.OK]


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {
        "kind": _CLASSES.__getitem__,
        "prose": _prose,
        "prompt": lambda text: shorten(sanitize(text, keep_newlines=True), _PROMPT),
        "response": lambda text: shorten(sanitize(text, keep_newlines=True), _RESPONSE),
        "score": format_score,
    }
    return environment.from_string(resources.files(__package__).joinpath(_TEMPLATE).read_text(encoding="utf-8"))


def _prose(text: str) -> Markup:
    """Return escaped text, with the parts in backquotes as code."""
    parts = (
        Markup("<code>{}</code>").format(part.strip("`")) if index % 2 else escape(part)
        for index, part in enumerate(CODE_SPAN.split(sanitize(text)))
    )
    return Markup("").join(parts)
