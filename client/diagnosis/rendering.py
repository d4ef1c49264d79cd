"""A diagnosis as it is shown: a table for a terminal, a line a finding for a pipe, JSON for programs."""

from __future__ import annotations

import json
from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from client.diagnosis.report import Diagnosis, Finding
from client.diagnosis.rules import Severity
from client.errors import JobFailed
from client.job_polling import require_success
from client.mantle_client import Job
from client.terminal import counted, done, failed, heading, warned

_COLOURS = {Severity.FAIL: "bold red", Severity.WARN: "yellow", Severity.INFO: "cyan", Severity.OK: "green"}
# From this width on, the measure, its threshold, the meaning and the fix have a column each.
_ROOMY = 150
# T8 wants a validation reward, and not every service or file gives one.
_OFTEN_UNREAD = 1


def diagnosis_shown(diagnosis: Diagnosis, *, console: Console, passing: bool = False) -> None:
    """Show a diagnosis: why the job failed, if it did, what the reading lacked, the findings, what they come to.

    `passing` says that nobody can look at the job afterwards.
    """
    _failure_told(diagnosis.job, console=console, passing=passing)
    steps = counted(diagnosis.steps, "step")
    heading(console, f"{diagnosis.job.id}  {diagnosis.job.model}, {diagnosis.job.status}, {steps} read")
    for note in diagnosis.notes:
        warned(console, note)
    if diagnosis.steps and console.is_terminal:
        console.print(_table(diagnosis, width=console.width), soft_wrap=False)
    elif diagnosis.steps:
        for finding in diagnosis.findings:
            words = _words(finding, between=" ")
            fields = (finding.severity, finding.id, finding.name, finding.measured, finding.threshold, words)
            # Past rich, which would make spaces of the tabs that other programs cut the line at.
            console.file.write("\t".join(fields) + "\n")
    _concluded(diagnosis, console=console)


def diagnosis_json(diagnosis: Diagnosis) -> str:
    """The same as JSON with sorted keys, `error` being the service's own."""
    report = {
        "error": diagnosis.job.body.get("error"),
        "failures": diagnosis.count(Severity.FAIL),
        "findings": [asdict(finding) for finding in diagnosis.findings],
        "job": diagnosis.job.id,
        "model": diagnosis.job.model,
        "notes": list(diagnosis.notes),
        "status": diagnosis.job.status,
        "steps": diagnosis.steps,
        "total_steps": diagnosis.total_steps,
        "unread": diagnosis.unread,
        "warnings": diagnosis.count(Severity.WARN),
    }
    return json.dumps(report, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _failure_told(job: Job, *, console: Console, passing: bool) -> None:
    if job.status == "failed":
        try:
            require_success(job, passing=passing)
        except JobFailed as error:
            failed(console, error.message, next_step=error.next_step)


def _table(diagnosis: Diagnosis, *, width: int) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    roomy = width >= _ROOMY
    names = ("", "id", "reading", "measured", "threshold") if roomy else ("", "id", "reading", "measured, threshold")
    for name in names:
        table.add_column(name, no_wrap=roomy)
    for name in ("what it means", "what to do") if roomy else ("what it means, what to do",):
        table.add_column(name, ratio=1)
    for finding in diagnosis.findings:
        table.add_row(*(_roomy(finding) if roomy else _narrow(finding)))
    return table


def _roomy(finding: Finding) -> tuple[Text, ...]:
    meaning, fix, threshold = Text(finding.meaning), Text(finding.fix), Text(finding.threshold, style="dim")
    return (*_named(finding), Text(finding.measured), threshold, meaning, fix)


def _narrow(finding: Finding) -> tuple[Text, ...]:
    measured = Text.assemble(finding.measured, ("\n" + finding.threshold, "dim"))
    return (*_named(finding), measured, Text(_words(finding, between="\n")))


def _named(finding: Finding) -> tuple[Text, ...]:
    return (Text(finding.severity, style=_COLOURS[finding.severity]), Text(finding.id), Text(finding.name))


def _words(finding: Finding, *, between: str) -> str:
    return f"{finding.meaning}{between}→ {finding.fix}" if finding.fix else finding.meaning


def _concluded(diagnosis: Diagnosis, *, console: Console) -> None:
    steps = counted(diagnosis.steps, "step")
    failures, warnings = diagnosis.count(Severity.FAIL), diagnosis.count(Severity.WARN)
    lacking = f"{diagnosis.unread} of {counted(len(diagnosis.findings), 'reading')} could not be taken"
    if not diagnosis.steps:
        warned(console, "There is no training step to read.")
    elif failures:
        failed(console, f"{counted(failures, 'failure')}, {counted(warnings, 'warning')} in {steps}")
    elif warnings:
        warned(console, f"{counted(warnings, 'warning')} in {steps}")
    elif diagnosis.unread > _OFTEN_UNREAD:
        warned(console, f"nothing to complain of in {steps}, but {lacking}")
    else:
        done(console, "sound", f"nothing to complain of in {steps}", aside=lacking if diagnosis.unread else "")
