"""Files that commands read and write. A file that cannot be used ends the command with one line."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from simulator.cli.exit_codes import exit_with_error
from simulator.training.dataset import DatasetError, DatasetLimits, Record, read_records

STANDARD_OUTPUT: Final = "-"


def read_file(path: Path) -> bytes:
    """Return a file's bytes."""
    try:
        return path.read_bytes()
    except OSError as error:
        exit_with_error(f"{path} cannot be read: {error.strerror}")


def parse_records(data: bytes, path: Path, limits: DatasetLimits) -> tuple[Record, ...]:
    """Return the records in a file's bytes; `path` is for the error message."""
    try:
        return read_records(io.BytesIO(data), limits)
    except DatasetError as error:
        exit_with_error(f"{path}: {error}")


def try_write_file(path: Path, text: str) -> str:
    """Write a file. Return an error message, or an empty string when the file was written."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        return f"{path} cannot be written: {error.strerror}"
    return ""


def write_file(path: Path, text: str) -> None:
    """Write a file."""
    if error := try_write_file(path, text):
        exit_with_error(error)


def report_path(option: str | None) -> Path | None:
    """Return the file that an option such as --json names; None for standard output or no option."""
    return None if option in {None, STANDARD_OUTPUT} else Path(str(option))


def check_report_paths(reports: Mapping[str, Path], *, inputs: Mapping[str, Path | None]) -> None:
    """Exit with an error when a report cannot be written, or would overwrite an input or another report.

    Existing files keep their content, and no new file is left behind.

    Args:
        reports: the path of each report, by the option that names it.
        inputs: the path of each file that is read, by the option that names it.
    """
    options = {path.resolve(): option for option, path in inputs.items() if path is not None}
    for option, path in reports.items():
        if other_option := options.get(path.resolve()):
            exit_with_error(f"{other_option} and {option} both name {path}: give one of them another file")
        options[path.resolve()] = option
        if not path.parent.is_dir():
            exit_with_error(f"{path} cannot be written: there is no folder {path.parent}")
        if path.is_dir():
            exit_with_error(f"{path} is a folder; name a file")
        exists = path.exists()
        if exists and not path.is_file():
            continue  # opening a pipe would wait for its reader
        try:
            path.open("ab").close()
        except OSError as error:
            exit_with_error(f"{path} cannot be written: {error.strerror}")
        if not exists:
            path.unlink()
