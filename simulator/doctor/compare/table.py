"""The comparison of two versions as tables for a terminal."""

from collections.abc import Iterable, Iterator

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from simulator.doctor.compare.comparison import FindingChange, ReportComparison, ScoredTwice
from simulator.doctor.doctor_report import format_count
from simulator.doctor.finding import Finding, Severity
from simulator.doctor.headline_numbers import HeadlineNumber
from simulator.doctor.report.excerpts import format_score, one_line, shorten
from simulator.doctor.report.headline import format_share
from simulator.doctor.report.terminal import print_parts
from simulator.http.sanitize import sanitize

_PROMPT, _RESPONSE = 150, 200  # characters
_PROMPT_HEAD = 0.8  # the share of the start
_STYLES = {Severity.FAIL: "bold red", Severity.WARN: "bold yellow"}


def print_comparison(comparison: ReportComparison, console: Console) -> None:
    """Print what changed: numbers, findings, scores, and the largest differences."""
    print_parts(_parts(comparison), console)


def _parts(comparison: ReportComparison) -> Iterator[RenderableType]:
    yield _heading(comparison)
    for report in (comparison.old, comparison.new):
        for sentence in (*(calls.sentence for calls in report.failed_calls), *report.differences, *report.notices):
            yield Text(f"{one_line(report.function_name)}: {one_line(sentence)}", style="bold yellow")
    if comparison.numbers:
        yield Text()
        yield _number_table(comparison)
    rows = list(_finding_rows(comparison))
    if rows:
        yield Text()
        yield _finding_table(rows)
    if comparison.scores:
        yield Text()
        yield _score_table(comparison)
    if comparison.unmatched:
        yield Text(f"{format_count(comparison.unmatched, 'response')} scored in one version only", style="dim")
    if comparison.largest:
        yield Text()
        yield Text("Largest differences, one of each kind of response", style="dim")
        for pair in comparison.largest:
            yield _example(pair)
    yield Text()
    yield Text(comparison.verdict, style="bold green" if comparison.passes else "bold red")


def _heading(comparison: ReportComparison) -> Text:
    old, new = comparison.old, comparison.new
    plans = old.plan if old.plan == new.plan else f"{old.plan} and {new.plan}"
    scope = (
        f"{old.data_name}: {format_count(old.record_count, 'record')}, {new.inputs['rows']} tested, "
        f"{format_count(old.call_count, 'call')} and {format_count(new.call_count, 'call')} · plan {plans} · "
        f"seed {old.inputs['seed']}"
    )
    return Text.assemble(
        (f"Reward functions: {one_line(old.function_name)} -> {one_line(new.function_name)}\n", "bold"),
        (one_line(scope), "dim"),
    )


def _number_table(comparison: ReportComparison) -> Table:
    table = _plain_table()
    for heading in ("", "old", "", "new", ""):
        table.add_column(heading, no_wrap=True)
    table.add_column("response of the new number", ratio=1)
    for change in comparison.numbers:
        is_worse = (change.new.value or 0.0) > (change.old.value or 0.0)
        style = "bold red" if is_worse else "bold green" if change.new.value != change.old.value else ""
        table.add_row(
            change.name,
            *_cells(change.old),
            Text(_cells(change.new)[0], style=style),
            _cells(change.new)[1],
            Text(shorten(one_line(_response(change.new)), _PROMPT), style="dim"),
        )
    return table


def _response(number: HeadlineNumber) -> str:
    return number.reason or (number.response if number.value else "")


def _cells(number: HeadlineNumber) -> tuple[str, str]:
    if number.value is None or number.low is None or number.high is None:
        return "-", "not measured"
    return format_share(number.value), f"{number.low:.0%} to {number.high:.0%}"


def _finding_rows(comparison: ReportComparison) -> Iterator[tuple[str, Text, str, str]]:
    """Yield the kind of change, the severity, the probe and the text."""
    findings = comparison.findings
    yield from _rows("new", findings.new)
    yield from (_changed_row(change) for change in findings.changed)
    yield from _rows("fixed", findings.fixed)
    yield from _rows("not compared", findings.not_compared)
    if findings.same:
        yield "unchanged", Text(), ", ".join(dict.fromkeys(finding.probe for finding in findings.same)), ""


def _rows(kind: str, findings: Iterable[Finding]) -> Iterator[tuple[str, Text, str, str]]:
    for finding in findings:
        yield kind, _severity(finding), finding.probe, f"{finding.name}: {one_line(finding.message)}{_value(finding)}"


def _changed_row(change: FindingChange) -> tuple[str, Text, str, str]:
    old, new = change.old, change.new
    severity = _severity(new)
    if old.severity is not new.severity:
        severity = Text.assemble(_severity(old), " -> ", severity)
    text = f"{new.name}: {one_line(new.message)}"
    if old.message != new.message:
        text += f" Before: {one_line(old.message)}"
    return "changed", severity, new.probe, f"{text} ({one_line(old.measured)} -> {one_line(new.measured)})"


def _severity(finding: Finding) -> Text:
    return Text(finding.severity.upper(), style=_STYLES[finding.severity])


def _value(finding: Finding) -> str:
    return f" ({one_line(finding.measured)})" if finding.measured else ""


def _finding_table(rows: Iterable[tuple[str, Text, str, str]]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(2):
        table.add_column(no_wrap=True)
    table.add_column(max_width=20)
    table.add_column(ratio=1)
    for kind, severity, probe, text in rows:
        table.add_row(Text(kind, style="bold red" if kind == "new" else ""), severity, probe, text)
    return table


def _score_table(comparison: ReportComparison) -> Table:
    table = _plain_table()
    table.add_column("the same responses", no_wrap=True)
    for heading in ("count", "changed", "up", "down", "lost", "old mean", "new mean"):
        table.add_column(heading, justify="right", no_wrap=True)
    for group in comparison.scores:
        table.add_row(
            group.group,
            f"{group.count:,}",
            Text(f"{group.changed:,}", style="bold" if group.changed else ""),
            f"{group.up:,}",
            f"{group.down:,}",
            f"{group.lost:,}",
            _mean(group.mean_old),
            _mean(group.mean_new),
        )
    return table


def _mean(mean: float | None) -> str:
    return "-" if mean is None else f"{mean:.3f}"


def _example(pair: ScoredTwice) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(ratio=1, overflow="fold")
    record = pair.new.case.record
    prompt = shorten(one_line(record.messages[-1].content), _PROMPT, head_share=_PROMPT_HEAD)
    errors = f"  {one_line(pair.new.error or pair.old.error)}" if pair.new.error or pair.old.error else ""
    table.add_row(f"line {record.line}", Text(prompt, style="dim"))
    table.add_row("response", f"“{shorten(sanitize(pair.new.case.text), _RESPONSE)}”")
    table.add_row(
        "score",
        Text.assemble(
            (f"{format_score(pair.old.score)} -> {format_score(pair.new.score)}", "cyan"),
            (f"  {one_line(pair.label)}{errors}", "dim"),
        ),
    )
    return table


def _plain_table() -> Table:
    return Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
