"""The reports of `rft-sim doctor`: which to write, writing them, and comparing with a golden file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from simulator.cli.console import make_console
from simulator.cli.exit_codes import EXIT_FAILED, exit_with_error
from simulator.cli.files import STANDARD_OUTPUT, check_report_paths, read_file, report_path, try_write_file
from simulator.doctor.doctor_report import DoctorReport, format_count
from simulator.doctor.report import golden, json_report, junit_report, table


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFiles:
    """The reports to write besides the table.

    Attributes:
        json: a file, or - for standard output.
        junit: a file.
        html: a file.
        golden: the file to compare every score with.
        updates_golden: overwrite the golden file.
        is_strict: warnings fail too.
    """

    json: str | None = None
    junit: Path | None = None
    html: Path | None = None
    golden: Path | None = None
    updates_golden: bool = False
    is_strict: bool = False

    @property
    def paths(self) -> dict[str, Path]:
        """The files to write, by the option that names each."""
        options = {
            "--json": report_path(self.json),
            "--junit": self.junit,
            "--html": self.html,
            "--golden": self.golden,
        }
        return {option: path for option, path in options.items() if path is not None}


def load_golden(report_files: ReportFiles, *, inputs: Mapping[str, Path | None]) -> golden.GoldenFile | None:
    """Return the golden file to compare with, or None; exit with an error when a report cannot be written.

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
        exit_with_error(f"{report_files.golden}, {error}; --update overwrites it")


def write_reports(report: DoctorReport, report_files: ReportFiles, golden_file: golden.GoldenFile | None) -> int:
    """Write the reports; return the exit code: 0, or 1 for a failure or a changed score.

    When a report cannot be written, the others are written all the same, and the command exits with 2.
    """
    prints_json = report_files.json == STANDARD_OUTPUT
    console = make_console(stderr=prints_json)
    if prints_json:
        print(json_report.render_json(report), end="")
        console.print(report.verdict, markup=False, soft_wrap=True)
    else:
        table.print_report(report, console)
    errors = []
    if report_files.json is not None and not prints_json:
        errors.append(try_write_file(Path(report_files.json), json_report.render_json(report)))
    if report_files.junit is not None:
        errors.append(
            try_write_file(report_files.junit, junit_report.render_junit(report, strict=report_files.is_strict))
        )
    if report_files.html is not None:
        from simulator.doctor.report import html_report  # noqa: PLC0415  its template engine loads slowly

        errors.append(try_write_file(report_files.html, html_report.render_html(report)))
    is_unchanged = True
    if report_files.golden is not None and (report.failed_calls or report.has_refused_scores):
        console.print(
            f"Golden file {report_files.golden}: neither written nor compared, because the scores were not measured.",
            markup=False,
            soft_wrap=True,
        )
    elif report_files.golden is not None and golden_file is None:
        errors.append(_write_golden(report, report_files.golden, console))
    elif report_files.golden is not None and golden_file is not None:
        is_unchanged = _matches_golden(report, report_files.golden, golden_file, console)
    if messages := [error for error in errors if error]:
        exit_with_error("; ".join(messages))
    return 0 if report.passes(strict=report_files.is_strict) and is_unchanged else EXIT_FAILED


def _write_golden(report: DoctorReport, path: Path, console: Console) -> str:
    error = try_write_file(path, golden.render_golden(golden.golden_from_report(report)))
    if not error:
        console.print(f"Golden file {path}: written.", markup=False, soft_wrap=True)
    return error


def _matches_golden(report: DoctorReport, path: Path, golden_file: golden.GoldenFile, console: Console) -> bool:
    """Print how the scores differ from the golden file; return whether they are equal."""
    differences = golden.compare_with_golden(golden_file, report)
    if not differences:
        scores = sum(map(len, golden_file.scores.values()))
        console.print(
            f"Golden file {path}: all {format_count(scores, 'score')} unchanged.", markup=False, soft_wrap=True
        )
        return True
    console.print(
        f"Golden file {path} differs; --update overwrites it.", style="bold red", markup=False, soft_wrap=True
    )
    for line in differences:
        console.print(line, markup=False, soft_wrap=True)
    return False
