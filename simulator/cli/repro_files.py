"""The folder of `rft-sim doctor --repro`: checking that it can be written, and writing the scripts."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from simulator.cli.exit_codes import exit_with_error
from simulator.cli.files import write_file
from simulator.doctor.doctor_report import DoctorReport, format_count
from simulator.doctor.finding import Finding
from simulator.doctor.report.repro import FILE_NAME, MARKER, ReproTarget, build_scripts, without_script
from simulator.settings import GradingSettings
from simulator.training.dataset import Record


def check_repro_folder(folder: Path, *, reward: str) -> None:
    """Exit with an error if scripts cannot be written, or if one would overwrite a file that --repro did not write."""
    if not Path(reward).expanduser().exists():
        exit_with_error(
            f"--repro {folder} needs the reward function's file, folder or zip, and {reward} is deployed elsewhere"
        )
    if not folder.parent.is_dir():
        exit_with_error(f"--repro {folder} cannot be written: there is no folder {folder.parent}")
    if folder.exists() and not folder.is_dir():
        exit_with_error(f"--repro {folder} is a file; name a folder")
    for path in sorted(folder.glob("*.py")) if folder.exists() else ():
        if FILE_NAME.fullmatch(path.name) and not _is_own_script(path):
            exit_with_error(f"--repro {folder}: {path} was not written by --repro. Move it, or name another folder")


def write_scripts(
    report: DoctorReport, target: ReproTarget, folder: Path, *, records: Sequence[Record], settings: GradingSettings
) -> Mapping[Finding, str]:
    """Write the scripts; return the command that runs each, by its finding."""
    scripts = build_scripts(report, target=target, folder=folder, records=records, settings=settings)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        exit_with_error(f"--repro {folder} cannot be written: {error.strerror}")
    for name, text in scripts.values():
        write_file(folder / name, text)
    return {finding: f"python {shlex.quote(str(folder / name))}" for finding, (name, _) in scripts.items()}


def describe_scripts(report: DoctorReport, commands: Mapping[Finding, str], folder: Path) -> str:
    """Return how many scripts were written, and which findings have none."""
    missing = without_script(report, commands)
    reason = f" None for {', '.join(missing)}, which no single response shows." if missing else ""
    return f"Reproductions in {folder}: {format_count(len(commands), 'script')} written.{reason}"


def _is_own_script(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            return stream.readline().rstrip("\n") == MARKER
    except OSError:
        return False
