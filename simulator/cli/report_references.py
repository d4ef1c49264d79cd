"""The files that `rft-sim doctor` compares a run with: the golden file of scores, and the baseline of findings."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from simulator.cli.exit_codes import exit_with_error
from simulator.cli.files import check_report_paths, read_file, try_write_file
from simulator.doctor.doctor_report import DoctorReport, format_count
from simulator.doctor.plan import FULL
from simulator.doctor.report import baseline, golden
from simulator.doctor.report.baseline import Baseline, BaselineComparison
from simulator.doctor.report.golden import GoldenFile


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """What earlier runs have stored, as far as this run compares itself with it."""

    golden: GoldenFile | None = None
    baseline: Baseline | None = None


NO_REFERENCES: Final = References()


def load_references(
    files: Mapping[str, Path],
    *,
    inputs: Mapping[str, Path | None],
    updates_golden: bool = False,
    updates_baseline: bool = False,
) -> References:
    """Return the golden file and the baseline to compare with; exit with an error when a report cannot be written.

    Args:
        files: the files to write or to compare with, by the option that names each.
        inputs: the files that are read, by the options that name them.
        updates_golden: the golden file is overwritten, and not compared.
        updates_baseline: the same for the baseline.
    """
    compared = {
        option: files[option]
        for option, is_updated in (("--golden", updates_golden), ("--baseline", updates_baseline))
        if option in files and not is_updated and files[option].is_file()
    }
    written = {option: path for option, path in files.items() if option not in compared}
    check_report_paths(written, inputs={**inputs, **compared})
    return References(
        golden=_load_golden(compared.get("--golden")), baseline=_load_baseline(compared.get("--baseline"))
    )


def _load_golden(path: Path | None) -> GoldenFile | None:
    if path is None:
        return None
    try:
        return golden.parse_golden(read_file(path).decode("utf-8", "replace"))
    except golden.GoldenFileError as error:
        exit_with_error(f"{path}, {error}; --update overwrites it")


def _load_baseline(path: Path | None) -> Baseline | None:
    if path is None:
        return None
    try:
        return baseline.parse_baseline(read_file(path).decode("utf-8", "replace"))
    except baseline.BaselineFileError as error:
        exit_with_error(f"{path}: {error}; --update-baseline overwrites it")


def write_golden(report: DoctorReport, path: Path, console: Console) -> str:
    """Write the golden file, unless the budget ended first. Return an error message or an empty string."""
    if report.is_cut_off:
        hint = "Choose a smaller --plan or a larger --budget."
        print_line(f"Golden file {path}: not written, because the budget ended first. {hint}", console)
        return ""
    error = try_write_file(path, golden.render_golden(golden.golden_from_report(report)))
    if not error:
        print_line(f"Golden file {path}: written.", console)
    return error


def matches_golden(report: DoctorReport, path: Path, golden_file: GoldenFile, console: Console) -> bool:
    """Print how the scores differ from the golden file; return whether they are equal."""
    differences = golden.compare_with_golden(golden_file, report)
    if not differences:
        scores = golden.count_shared_scores(golden_file, report)
        print_line(
            f"Golden file {path}: all {format_count(scores, 'score')} unchanged{_note(golden_file, report)}.", console
        )
        return True
    print_line(f"Golden file {path} differs; --update overwrites it.", console, style="bold red")
    for line in differences:
        print_line(line, console)
    return False


def _note(golden_file: GoldenFile, report: DoctorReport) -> str:
    """Return which part was compared, if the run or the release of the file measured more or less."""
    before, now = ((inputs.get("plan", FULL.name), inputs["rows"]) for inputs in (golden_file.inputs, report.inputs))
    if golden.has_other_labels(golden_file, report):
        return " of those that both releases measure (--update adds the other ones)"
    if before == now:
        return ""
    plans = " and ".join(f"plan {plan} with {rows} rows" for plan, rows in (before, now))
    return f" of those that both runs measured ({plans})"


def write_baseline(report: DoctorReport, path: Path, console: Console) -> str:
    """Write the baseline, and return an error message or an empty string."""
    stored = baseline.baseline_from_report(report)
    error = try_write_file(path, baseline.render_baseline(stored))
    if not error:
        counts = baseline.describe_counts(stored.findings)
        print_line(f"Baseline {path}: written with {counts}. Later runs fail for new ones only.", console)
    return error


def print_comparison(comparison: BaselineComparison, path: Path, console: Console) -> None:
    """Print which findings are new and fixed."""
    style = "" if comparison.passes(strict=True) else "bold red"
    hint = " --update-baseline overwrites it." if comparison.new or comparison.fixed else ""
    print_line(f"Baseline {path}: {comparison.summary}.{hint}", console, style=style)
    for line in baseline.describe_comparison(comparison):
        print_line(f"  {line}", console)


def print_line(text: str, console: Console, *, style: str = "") -> None:
    """Print a text without markup, and do not break its line, so that a script can find it."""
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)
