"""Print the problems of a data file, and refuse a file that has any."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from client.dataset import DatasetIssue, DatasetReport, validate_dataset
from client.errors import UsageError
from client.terminal import format_count, print_error, print_warning

_MAX_PRINTED = 20


def print_issues(issues: Sequence[DatasetIssue], *, path: str, console: Console, as_errors: bool) -> None:
    """Print the first issues of a file and the number of the others."""
    for issue in issues[:_MAX_PRINTED]:
        (print_error if as_errors else print_warning)(console, f"{path}, {issue}")
    if len(issues) > _MAX_PRINTED:
        (print_error if as_errors else print_warning)(
            console, f"{path}: {len(issues) - _MAX_PRINTED:,} more like these"
        )


def require_valid_dataset(location: str, path: Path, *, console: Console, min_rows: int | None = None) -> DatasetReport:
    """Validate a file and print its problems. `location` is its name in messages.

    Raises:
        UsageError: it has problems.
    """
    report = validate_dataset(path) if min_rows is None else validate_dataset(path, min_rows=min_rows)
    print_issues(report.problems, path=location, console=console, as_errors=True)
    if not report.is_valid:
        raise UsageError(
            f"{location} would be refused for {format_count(len(report.problems), 'problem')}.",
            next_step=f"Correct it and check it again: rft check {location}",
        )
    return report
