"""A verdict as a table: each finding with the requests that prove it, and what to do instead."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from simulator.doctor.report import terminal
from simulator.verdict.case import Case, Finding, Severity
from simulator.verdict.exchange import RequestEvidence
from simulator.verdict.verdict import TrafficSummary, Verdict, VerdictStatus

_STYLES: Final[Mapping[Severity, str]] = {
    Severity.FAIL: "bold red",
    Severity.WARN: "bold yellow",
    Severity.NOTE: "bold blue",
}
_VERDICT_STYLES: Final[Mapping[VerdictStatus, str]] = {
    VerdictStatus.CLEAN: "bold green",
    VerdictStatus.WARNED: "bold yellow",
    VerdictStatus.FAILED: "bold red",
}
_SHORT_UUID: Final = re.compile(r"\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_USUAL_PREFIX: Final = "/v1/fine_tuning"
"""The start of nearly every path in a verdict; the table shortens it."""

_MAX_CLIENTS: Final = 3
"""Clients that the table names."""


def print_verdict(verdict: Verdict, console: Console) -> None:
    """Print a verdict."""
    terminal.print_parts(_verdict_parts(verdict), console)


def _verdict_parts(verdict: Verdict) -> Iterator[RenderableType]:
    traffic = verdict.seen
    yield Text.assemble(("Verdict on the client: ", "bold"), (verdict.verdict.value, _VERDICT_STYLES[verdict.verdict]))
    yield Text(_describe_traffic(traffic), style="dim")
    for finding in verdict.findings:
        yield Text()
        yield _finding_row(finding, names_clients=len(traffic.clients) > 1)
    if verdict.findings:
        worst_finding = min(verdict.findings, key=lambda finding: finding.severity.rank)
        yield Text(f"\nWhat a finding means: rft-sim verdict --explain {worst_finding.rule}", style="dim")


def _describe_traffic(traffic: TrafficSummary) -> str:
    if not traffic.requests and not traffic.under_way:
        return "No request to Mantle."
    names = [*traffic.clients][-_MAX_CLIENTS:]
    others = len(traffic.clients) - len(names)
    clients = ", ".join(names) + (f" and {others:,} more" if others else "")
    counts = ", ".join(f"{count:,} x {answer}" for answer, count in traffic.answers.items())
    answers = f" ({counts})" if counts else ""
    unanswered = f", {traffic.under_way:,} not yet answered" if traffic.under_way else ""
    noun = "request" if traffic.requests == 1 else "requests"
    return (
        f"{traffic.requests:,} {noun}{answers} in {traffic.seconds:.1f} s by {clients}{unanswered}; "
        f"longest wait {traffic.longest_silence:.2g} s"
    )


def _finding_row(finding: Finding, *, names_clients: bool) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    style = _STYLES[finding.severity]
    times = f" ({finding.cases:,} times)" if finding.cases > 1 else ""
    is_note = finding.severity is Severity.NOTE
    parts: list[RenderableType] = [Text.assemble((f"{finding.name}{'?' if is_note else ''}", "bold"), times)]
    for case in finding.shown:
        parts.extend(_case_parts(case, finding, names_client=names_clients))
    if hidden_count := finding.cases - len(finding.shown):
        parts.append(Text(f"and {hidden_count:,} more", style="dim"))
    if not is_note:
        parts.append(_with_label("do", Text(finding.remedy, style="bold")))
    table.add_row(Text(finding.severity.upper(), style=style), Text(finding.rule, style=style), Group(*parts))
    return table


def _case_parts(case: Case, finding: Finding, *, names_client: bool) -> Iterator[RenderableType]:
    severity = f"{case.severity.value}: " if case.severity is not finding.severity else ""
    client = f"{case.client} " if names_client else ""
    yield Text(f"{severity}{client}{case.what}")
    requests = Table.grid(padding=(0, 2, 0, 0))
    requests.add_column(no_wrap=True, justify="right", style="dim", min_width=9)
    requests.add_column(overflow="fold")
    for evidence in case.requests:
        requests.add_row(f"{evidence.at:.3f}", _request_text(evidence))
    yield requests


def _request_text(evidence: RequestEvidence) -> Text:
    request = _SHORT_UUID.sub(r"\1…", evidence.request.replace(_USUAL_PREFIX, "…", 1))
    return Text.assemble(request, ("  ", ""), (evidence.answer, "cyan"))


def _with_label(label: str, text: Text) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(ratio=1)
    table.add_row(label, text)
    return table
