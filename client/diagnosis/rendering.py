"""Print a diagnosis: a table at a terminal, one line per finding to a pipe, JSON for programs."""

from __future__ import annotations

import json
from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from client.diagnosis.report import Diagnosis, Finding
from client.diagnosis.rule import Severity
from client.errors import JobFailed
from client.job_outcome import require_success
from client.mantle_types import Job
from client.terminal import format_count, print_done, print_error, print_heading, print_warning

_COLOURS = {Severity.FAIL: "bold red", Severity.WARN: "yellow", Severity.INFO: "cyan", Severity.OK: "green"}
# From this width on, the value, its threshold, the meaning and the fix have a column each.
_WIDE_TERMINAL = 150
# T8 needs a validation reward, which many jobs do not have.
_USUALLY_UNMEASURED = 1


def print_diagnosis(diagnosis: Diagnosis, *, console: Console, ephemeral: bool = False) -> None:
    """Print why the job failed, if it did, the notes, the findings and the conclusion.

    `ephemeral` means that the job ends with this command.
    """
    _print_job_failure(diagnosis.job, console=console, ephemeral=ephemeral)
    steps = format_count(diagnosis.steps, "step")
    print_heading(console, f"{diagnosis.job.id}  {diagnosis.job.model}, {diagnosis.job.status}, {steps} read")
    for note in diagnosis.notes:
        print_warning(console, note)
    if diagnosis.steps and console.is_terminal:
        console.print(_table(diagnosis, width=console.width), soft_wrap=False)
    elif diagnosis.steps:
        for finding in diagnosis.findings:
            text = _meaning_and_fix(finding, separator=" ")
            fields = (finding.severity, finding.id, finding.name, finding.measured, finding.threshold, text)
            # Not through rich, which would replace the tabs with spaces.
            console.file.write("\t".join(fields) + "\n")
    _print_conclusion(diagnosis, console=console)


def render_diagnosis_json(diagnosis: Diagnosis) -> str:
    """Return the diagnosis as JSON with sorted keys. `error` is the service's own object."""
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
        "unread": diagnosis.unmeasured_count,
        "warnings": diagnosis.count(Severity.WARN),
    }
    return json.dumps(report, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _print_job_failure(job: Job, *, console: Console, ephemeral: bool) -> None:
    if job.status == "failed":
        try:
            require_success(job, ephemeral=ephemeral)
        except JobFailed as error:
            print_error(console, error.message, next_step=error.next_step)


def _table(diagnosis: Diagnosis, *, width: int) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    is_wide = width >= _WIDE_TERMINAL
    names = ("", "id", "rule", "measured", "threshold") if is_wide else ("", "id", "rule", "measured, threshold")
    for name in names:
        table.add_column(name, no_wrap=is_wide)
    for name in ("what it means", "what to do") if is_wide else ("what it means, what to do",):
        table.add_column(name, ratio=1)
    for finding in diagnosis.findings:
        table.add_row(*(_wide_cells(finding) if is_wide else _narrow_cells(finding)))
    return table


def _wide_cells(finding: Finding) -> tuple[Text, ...]:
    meaning, fix, threshold = Text(finding.meaning), Text(finding.fix), Text(finding.threshold, style="dim")
    return (*_label_cells(finding), Text(finding.measured), threshold, meaning, fix)


def _narrow_cells(finding: Finding) -> tuple[Text, ...]:
    measured = Text.assemble(finding.measured, ("\n" + finding.threshold, "dim"))
    return (*_label_cells(finding), measured, Text(_meaning_and_fix(finding, separator="\n")))


def _label_cells(finding: Finding) -> tuple[Text, ...]:
    return (Text(finding.severity, style=_COLOURS[finding.severity]), Text(finding.id), Text(finding.name))


def _meaning_and_fix(finding: Finding, *, separator: str) -> str:
    return f"{finding.meaning}{separator}→ {finding.fix}" if finding.fix else finding.meaning


def _print_conclusion(diagnosis: Diagnosis, *, console: Console) -> None:
    steps = format_count(diagnosis.steps, "step")
    failures, warnings = diagnosis.count(Severity.FAIL), diagnosis.count(Severity.WARN)
    unmeasured = (
        f"{diagnosis.unmeasured_count} of {format_count(len(diagnosis.findings), 'rule')} could not be measured"
    )
    if not diagnosis.steps:
        print_warning(console, "There is no training step yet.")
    elif failures:
        print_error(console, f"{format_count(failures, 'failure')}, {format_count(warnings, 'warning')} in {steps}")
    elif warnings:
        print_warning(console, f"{format_count(warnings, 'warning')} in {steps}")
    elif diagnosis.unmeasured_count > _USUALLY_UNMEASURED:
        print_warning(console, f"no failure or warning in {steps}, but {unmeasured}")
    else:
        print_done(
            console,
            "sound",
            f"no failure or warning in {steps}",
            detail=unmeasured if diagnosis.unmeasured_count else "",
        )
