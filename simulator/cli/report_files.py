"""Which reports are wanted, and their writing: the table always, the rest where the command line says."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from simulator.cli.reward_options import (
    EXIT_FAILED,
    STANDARD_OUTPUT,
    check_report_paths,
    make_console,
    read_file,
    try_write_file,
)
from simulator.cli.server_options import exit_with_error
from simulator.doctor.doctor_report import DoctorReport, format_count
from simulator.doctor.report import golden, table
from simulator.doctor.report import json_report as as_json
from simulator.doctor.report import junit_report as junit


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFiles:
    """Which reports are wanted, and where; `updates_golden` writes the golden file anew, `is_strict` fails for warnings."""

    json: str | None = None
    junit: Path | None = None
    html: Path | None = None
    golden: Path | None = None
    updates_golden: bool = False
    is_strict: bool = False

    @property
    def paths(self) -> dict[str, Path]:
        """Where something is to be written, by the option that says so."""
        json = None if self.json in {None, STANDARD_OUTPUT} else Path(str(self.json))
        named = {"--json": json, "--junit": self.junit, "--html": self.html, "--golden": self.golden}
        return {option: path for option, path in named.items() if path is not None}


def load_golden(report_files: ReportFiles, *, inputs: Mapping[str, Path | None]) -> golden.GoldenFile | None:
    """Return what the golden file holds, when there is one to compare with; look at where reports are to go.

    `inputs` are the files that are read, by the options that name them.
    """
    files = report_files.paths
    if report_files.golden is None or report_files.updates_golden or not report_files.golden.is_file():
        check_report_paths(files, inputs=inputs)
        return None
    check_report_paths(files, inputs={**inputs, "--golden": files.pop("--golden")})
    try:
        return golden.parse_golden(read_file(report_files.golden).decode("utf-8", "replace"))
    except golden.GoldenFileError as error:
        exit_with_error(f"{report_files.golden}, {error}; --update writes it anew")


def write_reports(report: DoctorReport, report_files: ReportFiles, golden_file: golden.GoldenFile | None) -> int:
    """Write every report that is wanted, and return the exit code: 0, or 1 for what failed or differs.

    One that cannot be written takes nothing from the others; it is told, and the exit code is then 2.
    """
    on_output = report_files.json == STANDARD_OUTPUT
    # Where a script reads standard output, people read standard error.
    console = make_console(stderr=on_output)
    if on_output:
        print(as_json.render_json(report), end="")
        console.print(report.verdict, markup=False, soft_wrap=True)
    else:
        table.print_report(report, console)
    faults = []
    if report_files.json is not None and not on_output:
        faults.append(try_write_file(Path(report_files.json), as_json.render_json(report)))
    if report_files.junit is not None:
        faults.append(try_write_file(report_files.junit, junit.render_junit(report, strict=report_files.is_strict)))
    if report_files.html is not None:
        from simulator.doctor.report import html_report as html  # noqa: PLC0415  its engine takes a while to load

        faults.append(try_write_file(report_files.html, html.render_html(report)))
    same = True
    if report_files.golden is not None and golden_file is None:
        faults.append(_write_golden(report, report_files.golden, console))
    elif report_files.golden is not None and golden_file is not None:
        same = _matches_golden(report, report_files.golden, golden_file, console)
    if lost := [fault for fault in faults if fault]:
        exit_with_error("; ".join(lost))
    return 0 if report.passes(strict=report_files.is_strict) and same else EXIT_FAILED


def _write_golden(visit: DoctorReport, path: Path, console: Console) -> str:
    fault = try_write_file(path, golden.render_golden(golden.golden_from_report(visit)))
    if not fault:
        console.print(f"Golden file {path}: written.", markup=False, soft_wrap=True)
    return fault


def _matches_golden(visit: DoctorReport, path: Path, kept: golden.GoldenFile, console: Console) -> bool:
    """Compare with the golden file; return whether all is as it was."""
    different = golden.compare_with_golden(kept, visit)
    if not different:
        scores = sum(map(len, kept.scores.values()))
        console.print(
            f"Golden file {path}: all {format_count(scores, 'score')} as before.", markup=False, soft_wrap=True
        )
        return True
    console.print(
        f"Golden file {path} differs; --update writes it anew.", style="bold red", markup=False, soft_wrap=True
    )
    for line in different:
        console.print(line, markup=False, soft_wrap=True)
    return False
