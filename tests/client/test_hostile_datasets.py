"""`rft check` and the simulator agree on any file."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from client.dataset import MAX_JSON_VALUES, MAX_ROWS, MIN_ROWS, validate_dataset
from client.jsonl import MAX_LINE_BYTES
from client.terminal import escape_control_characters
from simulator.training.dataset import DatasetError, DatasetLimits, read_records
from tests.training.malformed_files import files


@pytest.mark.slow
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=files)
def test_client_and_simulator_find_the_same_records_or_first_error(data: bytes, tmp_path: Path) -> None:
    """On generated files."""
    path = tmp_path / "generated.jsonl"
    path.write_bytes(data)
    report = validate_dataset(path, min_rows=0)
    try:
        lines = [record.line for record in read_records(io.BytesIO(data), DatasetLimits(min_records=0))]
    except DatasetError as error:
        lines = []
        error_line = error.line
    else:
        error_line = None
    problems = [problem for problem in report.problems if problem.line]
    assert (problems[0].line if problems else None) == error_line
    if error_line is None:
        assert [row.line for row in report.rows] == lines
    assert all(escape_control_characters(str(problem)) == str(problem) for problem in report.problems)


def test_client_and_simulator_limits_are_equal() -> None:
    """Neither imports the other."""
    limits = DatasetLimits()
    assert (limits.min_records, limits.max_records, limits.max_line, limits.max_values) == (
        MIN_ROWS,
        MAX_ROWS,
        MAX_LINE_BYTES,
        MAX_JSON_VALUES,
    )


def test_only_the_first_thousand_problems_are_reported(tmp_path: Path) -> None:
    """The last one says that there may be more. All lines are counted."""
    path = tmp_path / "broken.jsonl"
    path.write_bytes(b"{}\n" * 2_000)
    report = validate_dataset(path)
    assert len(report.problems) == 1_001
    assert str(report.problems[-1]) == "there may be more problems; the rest of the file was only counted"
    assert report.line_count == 2_000


@pytest.mark.parametrize(("content", "reason"), [(b"PK\x03\x04" + b"\xff\n" * 9, "zip"), (b"[\n{}\n]", "array")])
def test_a_file_of_another_format_has_one_problem(tmp_path: Path, content: bytes, reason: str) -> None:
    """Not one problem per line."""
    path = tmp_path / "other.jsonl"
    path.write_bytes(content)
    (problem,) = validate_dataset(path).problems
    assert problem.line == 1
    assert reason in problem.message
