"""Which reports are wanted, and their writing: the table always, the rest where the command line says."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from simulator.cli.reward_options import FAILED, STANDARD_OUTPUT, console_of, file_read, looked_at, unwritable
from simulator.cli.server_options import stop
from simulator.doctor.doctor_report import Visit, counted
from simulator.doctor.report import golden, table
from simulator.doctor.report import json_report as as_json
from simulator.doctor.report import junit_report as junit


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """Which reports are wanted, and where; `update` writes the golden file anew, `strict` fails for warnings."""

    json: str | None = None
    junit: Path | None = None
    html: Path | None = None
    golden: Path | None = None
    update: bool = False
    strict: bool = False

    @property
    def files(self) -> dict[str, Path]:
        """Where something is to be written, by the option that says so."""
        json = None if self.json in {None, STANDARD_OUTPUT} else Path(str(self.json))
        named = {"--json": json, "--junit": self.junit, "--html": self.html, "--golden": self.golden}
        return {option: path for option, path in named.items() if path is not None}


def kept(reports: Reports, *, read: Mapping[str, Path | None]) -> golden.Golden | None:
    """Return what the golden file holds, when there is one to compare with; look at where reports are to go.

    `read` are the files that are read, by the options that name them.
    """
    files = reports.files
    if reports.golden is None or reports.update or not reports.golden.is_file():
        looked_at(files, read=read)
        return None
    looked_at(files, read={**read, "--golden": files.pop("--golden")})
    try:
        return golden.read(file_read(reports.golden).decode("utf-8", "replace"))
    except golden.GoldenFileError as error:
        stop(f"{reports.golden}, {error}; --update writes it anew")


def delivered(visit: Visit, reports: Reports, kept: golden.Golden | None) -> int:
    """Write every report that is wanted, and return the exit code: 0, or 1 for what failed or differs.

    One that cannot be written takes nothing from the others; it is told, and the exit code is then 2.
    """
    on_output = reports.json == STANDARD_OUTPUT
    # Where a script reads standard output, people read standard error.
    console = console_of(stderr=on_output)
    if on_output:
        print(as_json.written(visit), end="")
        console.print(visit.verdict, markup=False, soft_wrap=True)
    else:
        table.printed(visit, console)
    faults = []
    if reports.json is not None and not on_output:
        faults.append(unwritable(Path(reports.json), as_json.written(visit)))
    if reports.junit is not None:
        faults.append(unwritable(reports.junit, junit.written(visit, strict=reports.strict)))
    if reports.html is not None:
        from simulator.doctor.report import html_report as html  # noqa: PLC0415  its engine takes a while to load

        faults.append(unwritable(reports.html, html.written(visit)))
    same = True
    if reports.golden is not None and kept is None:
        faults.append(_golden_written(visit, reports.golden, console))
    elif reports.golden is not None and kept is not None:
        same = _golden_held(visit, reports.golden, kept, console)
    if lost := [fault for fault in faults if fault]:
        stop("; ".join(lost))
    return 0 if visit.passed(strict=reports.strict) and same else FAILED


def _golden_written(visit: Visit, path: Path, console: Console) -> str:
    fault = unwritable(path, golden.written(golden.golden_of(visit)))
    if not fault:
        console.print(f"Golden file {path}: written.", markup=False, soft_wrap=True)
    return fault


def _golden_held(visit: Visit, path: Path, kept: golden.Golden, console: Console) -> bool:
    """Compare with the golden file; return whether all is as it was."""
    different = golden.differences(kept, visit)
    if not different:
        scores = sum(map(len, kept.scores.values()))
        console.print(f"Golden file {path}: all {counted(scores, 'score')} as before.", markup=False, soft_wrap=True)
        return True
    console.print(
        f"Golden file {path} differs; --update writes it anew.", style="bold red", markup=False, soft_wrap=True
    )
    for line in different:
        console.print(line, markup=False, soft_wrap=True)
    return False
