"""A verdict for a person at a terminal: each finding with the requests that show it, and what to do instead."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from simulator.doctor.report import terminal as report
from simulator.verdict.auditor import TrafficSummary, Verdict, VerdictStatus
from simulator.verdict.exchange import RequestEvidence
from simulator.verdict.rule import Case, Finding, Severity

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
_USUAL: Final = "/v1/fine_tuning"  # all that is before `/jobs`, of nearly every request that is shown
_MAX_CLIENTS: Final = 3  # that are named


def print_verdict(verdict: Verdict, console: Console) -> None:
    """Print a verdict."""
    report.print_parts(_parts(verdict), console)


def _parts(verdict: Verdict) -> Iterator[RenderableType]:
    seen = verdict.seen
    yield Text.assemble(("Verdict on the client: ", "bold"), (verdict.verdict.value, _VERDICT_STYLES[verdict.verdict]))
    yield Text(_describe_traffic(seen), style="dim")
    for finding in verdict.findings:
        yield Text()
        yield _finding(finding, names_clients=len(seen.clients) > 1)
    if verdict.findings:
        first = min(verdict.findings, key=lambda finding: finding.severity.rank)
        yield Text(f"\nWhat a finding means: rft-sim verdict --explain {first.rule}", style="dim")


def _describe_traffic(seen: TrafficSummary) -> str:
    if not seen.requests and not seen.under_way:
        return "It asked Mantle for nothing."
    names = [*seen.clients][-_MAX_CLIENTS:]
    others = len(seen.clients) - len(names)
    who = ", ".join(names) + (f" and {others:,} more" if others else "")
    answers = ", ".join(f"{count:,} x {answer}" for answer, count in seen.answers.items())
    waiting = f", {seen.under_way:,} still under way" if seen.under_way else ""
    noun = "request" if seen.requests == 1 else "requests"
    said = f" ({answers})" if answers else ""
    return (
        f"{seen.requests:,} {noun}{said} in {seen.seconds:.1f} s by {who}{waiting}; "
        f"longest silence {seen.longest_silence:.2g} s"
    )


def _finding(finding: Finding, *, names_clients: bool) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    style = _STYLES[finding.severity]
    times = f" ({finding.cases:,} times)" if finding.cases > 1 else ""
    is_note = finding.severity is Severity.NOTE
    parts: list[RenderableType] = [Text.assemble((f"{finding.name}{'?' if is_note else ''}", "bold"), times)]
    for case in finding.shown:
        parts.extend(_case(case, finding, names_client=names_clients))
    if more := finding.cases - len(finding.shown):
        parts.append(Text(f"and {more:,} more", style="dim"))
    if not is_note:
        parts.append(_labelled("do", Text(finding.remedy, style="bold")))
    table.add_row(Text(finding.severity.upper(), style=style), Text(finding.rule, style=style), Group(*parts))
    return table


def _case(case: Case, finding: Finding, *, names_client: bool) -> Iterator[RenderableType]:
    milder = f"{case.severity.value}: " if case.severity is not finding.severity else ""
    who = f"{case.client} " if names_client else ""
    yield Text(f"{milder}{who}{case.what}")
    requests = Table.grid(padding=(0, 2, 0, 0))
    requests.add_column(no_wrap=True, justify="right", style="dim", min_width=9)
    requests.add_column(overflow="fold")
    for evidence in case.requests:
        requests.add_row(f"{evidence.at:.3f}", _request(evidence))
    yield requests


def _request(evidence: RequestEvidence) -> Text:
    asked = _SHORT_UUID.sub(r"\1…", evidence.request.replace(_USUAL, "…", 1))
    return Text.assemble(asked, ("  ", ""), (evidence.answer, "cyan"))


def _labelled(label: str, text: Text) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(ratio=1)
    table.add_row(label, text)
    return table
