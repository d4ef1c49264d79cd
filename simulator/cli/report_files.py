"""The reports of `rft-sim doctor`: which to write, and writing them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from simulator.cli.console import make_console
from simulator.cli.exit_codes import EXIT_FAILED, exit_with_error
from simulator.cli.files import STANDARD_OUTPUT, report_path, try_write_file
from simulator.cli.report_references import (
    NO_REFERENCES,
    References,
    matches_golden,
    print_comparison,
    print_line,
    write_baseline,
    write_golden,
)
from simulator.doctor.doctor_report import DoctorReport
from simulator.doctor.report import json_report, junit_report, markdown_report, sarif_report, table
from simulator.doctor.report.annotations import NO_ANNOTATIONS, Annotations
from simulator.doctor.report.baseline import compare_with_baseline


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFiles:
    """The reports to write besides the table.

    Attributes:
        json: a file, or - for standard output.
        junit: a file.
        html: a file.
        sarif: a file.
        markdown: a file.
        repro: the folder for scripts that reproduce the findings.
        baseline: the file to compare the findings with.
        updates_baseline: overwrite the baseline.
        golden: the file to compare every score with.
        updates_golden: overwrite the golden file.
        is_strict: warnings fail too.
    """

    json: str | None = None
    junit: Path | None = None
    html: Path | None = None
    sarif: Path | None = None
    markdown: Path | None = None
    repro: Path | None = None
    baseline: Path | None = None
    updates_baseline: bool = False
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
            "--sarif": self.sarif,
            "--markdown": self.markdown,
            "--baseline": self.baseline,
            "--golden": self.golden,
        }
        return {option: path for option, path in options.items() if path is not None}


def write_reports(
    report: DoctorReport,
    report_files: ReportFiles,
    references: References = NO_REFERENCES,
    annotations: Annotations = NO_ANNOTATIONS,
) -> int:
    """Write the reports; return the exit code: 0, or 1 for a failure or a changed score.

    With a baseline, known failures do not count. When a report cannot be written, the others are written all the same,
    and the command exits with 2.
    """
    prints_json = report_files.json == STANDARD_OUTPUT
    console = make_console(stderr=prints_json)
    if references.baseline is not None and report.has_scores:
        annotations = replace(annotations, comparison=compare_with_baseline(references.baseline, report))
    if prints_json:
        print(json_report.render_json(report, annotations), end="")
        console.print(report.verdict, markup=False, soft_wrap=True)
    else:
        table.print_report(report, console, annotations)
    errors = [try_write_file(path, text) for path, text in _render_files(report, report_files, annotations)]
    is_unchanged = True
    if report_files.golden is not None:
        if not report.has_scores:
            _print_unmeasured("Golden file", report_files.golden, console)
        elif references.golden is None:
            errors.append(write_golden(report, report_files.golden, console))
        else:
            is_unchanged = matches_golden(report, report_files.golden, references.golden, console)
    passes = report.passes(strict=report_files.is_strict)
    if report_files.baseline is not None:
        if not report.has_scores:
            _print_unmeasured("Baseline", report_files.baseline, console)
        elif annotations.comparison is None:
            errors.append(write_baseline(report, report_files.baseline, console))
            passes = True
        else:
            print_comparison(annotations.comparison, report_files.baseline, console)
            passes = annotations.comparison.passes(strict=report_files.is_strict)
    if messages := [error for error in errors if error]:
        exit_with_error("; ".join(messages))
    return 0 if passes and is_unchanged else EXIT_FAILED


def _render_files(
    report: DoctorReport, report_files: ReportFiles, annotations: Annotations
) -> Iterator[tuple[Path, str]]:
    """Yield the file and the text of each report."""
    if report_files.json not in {None, STANDARD_OUTPUT}:
        yield Path(str(report_files.json)), json_report.render_json(report, annotations)
    if report_files.junit is not None:
        strict = report_files.is_strict
        yield report_files.junit, junit_report.render_junit(report, strict=strict, annotations=annotations)
    if report_files.html is not None:
        from simulator.doctor.report import html_report  # noqa: PLC0415  its template engine loads slowly

        yield report_files.html, html_report.render_html(report, annotations=annotations)
    if report_files.sarif is not None:
        yield report_files.sarif, sarif_report.render_sarif(report, annotations)
    if report_files.markdown is not None:
        yield report_files.markdown, markdown_report.render_markdown_report(report, annotations)


def _print_unmeasured(name: str, path: Path, console: Console) -> None:
    print_line(f"{name} {path}: neither written nor compared, because the scores were not measured.", console)
