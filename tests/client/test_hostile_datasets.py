"""`rft check` and the simulator say the same of a file, whatever it holds."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from client.dataset import MAX_ROWS, MIN_ROWS, validate_dataset
from client.jsonl import MAX_LINE_BYTES
from client.terminal import escape_control_characters
from simulator.training.dataset import DatasetError, DatasetLimits, read_records
from tests.training.malformed_files import files


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=files)
def test_client_and_simulator_find_the_same_records_or_first_error(data: bytes, tmp_path: Path) -> None:
    """A file that passes here fails no job, and the line to mend is the same."""
    path = tmp_path / "made-up.jsonl"
    path.write_bytes(data)
    verdict = validate_dataset(path, min_rows=0)
    try:
        lines = [record.line for record in read_records(io.BytesIO(data), DatasetLimits(min_records=0))]
    except DatasetError as error:
        lines = []
        fault = error.line
    else:
        fault = None
    problems = [problem for problem in verdict.problems if problem.line]
    assert (problems[0].line if problems else None) == fault
    if fault is None:
        assert [row.line for row in verdict.rows] == lines
    assert all(escape_control_characters(str(finding)) == str(finding) for finding in verdict.problems)


def test_client_and_simulator_limits_are_equal() -> None:
    """Two rooms that do not import each other hold the same numbers."""
    limits = DatasetLimits()
    assert (limits.min_records, limits.max_records, limits.max_line) == (MIN_ROWS, MAX_ROWS, MAX_LINE_BYTES)


def test_only_the_first_thousand_problems_are_named(tmp_path: Path) -> None:
    """And a last one says so; the lines are counted all the same."""
    path = tmp_path / "broken.jsonl"
    path.write_bytes(b"{}\n" * 2_000)
    verdict = validate_dataset(path)
    assert len(verdict.problems) == 1_001
    assert str(verdict.problems[-1]) == "there may be more problems; the rest of the file was only counted"
    assert verdict.line_count == 2_000


@pytest.mark.parametrize(("content", "reason"), [(b"PK\x03\x04" + b"\xff\n" * 9, "zip"), (b"[\n{}\n]", "array")])
def test_of_a_file_that_is_something_else_nothing_else_is_said(tmp_path: Path, content: bytes, reason: str) -> None:
    """That its lines are no records follows from it."""
    path = tmp_path / "other.jsonl"
    path.write_bytes(content)
    (problem,) = validate_dataset(path).problems
    assert problem.line == 1
    assert reason in problem.message
