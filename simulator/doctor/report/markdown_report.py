"""The findings as Markdown, for a comment on a pull request.

The numbers and a table of the findings come first. Fixes and examples of failures and warnings are folded. GitHub
allows 65,536 characters in a comment, so long texts are shortened, and the last findings lose their details if there is
no room.
"""

from collections.abc import Iterator
from typing import Final

from simulator.doctor.doctor_report import DoctorReport, format_count
from simulator.doctor.finding import Example, Finding, Severity, sort_by_severity
from simulator.doctor.headline_numbers import INTERVAL
from simulator.doctor.report.annotations import NO_ANNOTATIONS, Annotations
from simulator.doctor.report.baseline import describe_comparison
from simulator.doctor.report.excerpts import ELLIPSIS, format_score, one_line, shorten
from simulator.doctor.report.headline import headline_rows
from simulator.doctor.report.markdown_text import code_block, code_span, to_cell, to_markdown
from simulator.http.sanitize import sanitize

MAX_LENGTH: Final = 60_000
"""Characters of the whole text. DOCUMENTED by GitHub's API: a comment has at most 65,536."""

_MAX_EXAMPLES: Final = 2
_PROMPT, _RESPONSE, _TEXT = 300, 600, 300  # characters
_PROMPT_HEAD: Final = 0.8  # the share of the start
_LINES: Final = 12  # of a response
_ICONS: Final = {Severity.FAIL: "❌ fail", Severity.WARN: "⚠️ warn", Severity.INFO: "ℹ️ info"}  # noqa: RUF001  an emoji


def render_markdown_report(report: DoctorReport, annotations: Annotations = NO_ANNOTATIONS) -> str:
    """Return the Markdown text."""
    ranked = sort_by_severity(report.findings)
    problems = [finding for finding in ranked if finding.severity in _ICONS]
    lines = [*_head(report, annotations), *_headline(report), *_finding_table(problems, annotations)]
    details = [
        "\n".join(_details(finding, annotations)) for finding in problems if finding.severity is not Severity.INFO
    ]
    tail = [*_other_findings(ranked), *_inputs(report)]
    room = MAX_LENGTH - sum(len(line) + 1 for line in (*lines, *tail))
    for index, detail in enumerate(details):
        room -= len(detail) + 1
        if room < 0:
            lines.append(f"Details of {format_count(len(details) - index, 'finding')} are left out: `--html FILE`.")
            lines.append("")
            break
        lines.append(detail)
    return "\n".join([*lines, *tail])


def _head(report: DoctorReport, annotations: Annotations) -> Iterator[str]:
    yield f"### Reward doctor: {code_span(one_line(report.function_name))}"
    yield ""
    yield f"**{to_markdown(one_line(report.verdict))}**"
    yield ""
    for sentence in (*report.differences, *report.notices):
        yield f"⚠️ {to_markdown(one_line(sentence))}"
        yield ""
    if (comparison := annotations.comparison) is not None:
        yield f"Compared with the baseline: {comparison.summary}."
        yield ""
        changes = describe_comparison(comparison)
        yield from (f"- {to_markdown(shorten(line, _TEXT))}" for line in changes)
        if changes:
            yield ""


def _headline(report: DoctorReport) -> Iterator[str]:
    rows = headline_rows(report.headline)
    if not rows:
        return
    yield "| | | interval | |"
    yield "|---|--:|---|---|"
    for row in rows:
        name, interval = (text.replace(" ", "&nbsp;") for text in (row.name, row.interval))
        yield f"| {name} | **{to_cell(row.value)}** | {interval} | {to_cell(row.note)} |"
    yield ""


def _finding_table(findings: list[Finding], annotations: Annotations) -> Iterator[str]:
    if not findings:
        return
    yield "| | finding | measured | expected |"
    yield "|---|---|---|---|"
    for finding in findings:
        state = " (known)" if annotations.is_known(finding) else " (**new**)" if annotations.is_new(finding) else ""
        what = f"**{finding.probe} {to_cell(finding.name)}**{state}: {_cell(finding.message)}"
        yield f"| {_ICONS[finding.severity]} | {what} | {_cell(finding.measured)} | {_cell(finding.threshold)} |"
    yield ""


def _details(finding: Finding, annotations: Annotations) -> Iterator[str]:
    """Yield the fix, the command and the examples of a finding, folded. Nothing if it has none."""
    command = annotations.repro_commands.get(finding)
    if not finding.fix and not finding.examples:
        return
    yield f"<details><summary><b>{finding.probe}</b> {to_markdown(finding.name)}: example and fix</summary>"
    yield ""
    if finding.fix:
        yield f"**Fix:** {to_markdown(one_line(finding.fix))}"
        yield ""
    if command:
        yield "Reproduce:"
        yield ""
        yield code_block(command)
        yield ""
    prompt = ""
    for example in finding.examples[:_MAX_EXAMPLES]:
        yield from _example(example, shows_prompt=example.prompt != prompt)
        prompt = example.prompt
    if (more := len(finding.examples) - _MAX_EXAMPLES) > 0:
        yield f"And {more} more: `--html FILE` and `--json FILE` contain all."
        yield ""
    yield "</details>"
    yield ""


def _example(example: Example, *, shows_prompt: bool) -> Iterator[str]:
    if example.prompt and shows_prompt:
        line = "" if example.line is None else f", line {example.line} of the file"
        yield f"Prompt{line}:"
        yield ""
        yield f"> {to_markdown(shorten(one_line(example.prompt), _PROMPT, head_share=_PROMPT_HEAD))}"
        yield ""
    note = f" ({to_markdown(shorten(one_line(example.note), _TEXT))})" if example.note else ""
    yield f"{'Response' if example.response else 'An empty response'}, score **{format_score(example.score)}**{note}:"
    yield ""
    if example.response:
        yield code_block(_shorten_lines(shorten(sanitize(example.response, keep_newlines=True), _RESPONSE)))
        yield ""


def _other_findings(findings: tuple[Finding, ...]) -> Iterator[str]:
    others = {finding.probe for finding in findings if finding.severity in _ICONS}
    passed = list(
        dict.fromkeys(
            finding.probe for finding in findings if finding.severity is Severity.OK and finding.probe not in others
        )
    )
    reasons: dict[str, list[str]] = {}
    for finding in findings:
        if finding.severity is Severity.SKIPPED:
            reasons.setdefault(one_line(finding.message), []).append(finding.probe)
    if passed:
        yield f"ok: {', '.join(passed)}"
        yield ""
    for reason, probes in reasons.items():
        yield f"not measured: {', '.join(dict.fromkeys(probes))} ({to_markdown(shorten(reason, _TEXT))})"
        yield ""


def _inputs(report: DoctorReport) -> Iterator[str]:
    scope = (
        f"{report.data_name}: {format_count(report.record_count, 'record')}, {report.inputs['rows']} tested in "
        f"{format_count(report.call_count, 'call')}, plan {report.plan}, seed {report.inputs['seed']}."
    )
    interval = f" Intervals: {INTERVAL}, over the tested rows." if report.headline is not None else ""
    yield f"<sub>{to_markdown(one_line(scope))}{interval} `rft-sim doctor --explain ID` explains a finding.</sub>"
    yield ""


def _shorten_lines(text: str) -> str:
    """Return the first and the last lines of a text with many lines."""
    lines = text.split("\n")
    half = _LINES // 2
    return text if len(lines) <= _LINES else "\n".join([*lines[:half], ELLIPSIS, *lines[-half:]])


def _cell(text: str) -> str:
    return to_cell(shorten(one_line(text), _TEXT))
