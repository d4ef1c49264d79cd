"""Generated training files: all records are read, or the first invalid line is reported."""

import io
import json
from typing import Any

import pytest
from hypothesis import given, settings

from simulator.grading.lambda_event import encode_element, event_element
from simulator.lambdas.limits import MAX_REQUEST_BYTES
from simulator.settings import EventShape, GradingSettings
from simulator.training.dataset import DatasetError, DatasetLimits, Record, read_records
from tests.training.malformed_files import files

ANY = DatasetLimits(min_records=0)


def read_or_error(data: bytes) -> tuple[Record, ...] | DatasetError:
    """Read the bytes of an uploaded file; return its records or the error."""
    try:
        return read_records(io.BytesIO(data), ANY)
    except DatasetError as error:
        return error


def first_lines(data: bytes, count: int) -> bytes:
    """Return the first lines of a file, as JSON Lines separates them."""
    return b"".join(io.BytesIO(data).readlines()[:count])


@settings(max_examples=20)
@given(files)
def test_a_file_is_read_or_refused_at_its_first_invalid_line(data: bytes) -> None:
    """The lines before it are valid, and it is not. A blank line is invalid if another line follows."""
    check_result(data)


@settings(max_examples=20)
@given(files)
def test_records_reach_the_reward_function_unchanged(data: bytes) -> None:
    """In every event shape, after encoding and decoding."""
    check_events(data)


@pytest.mark.slow
@settings(max_examples=150)
@given(files)
def test_very_many_files_are_read_or_refused(data: bytes) -> None:
    """Both checks, with enough examples for rare cases."""
    check_result(data)
    check_events(data)


def check_result(data: bytes) -> None:
    """Check the records or the error of a file."""
    result = read_or_error(data)
    if isinstance(result, DatasetError):
        assert result.line is not None
        assert not isinstance(read_or_error(first_lines(data, result.line - 1)), DatasetError)
        blank = "blank" in result.reason
        assert isinstance(read_or_error(first_lines(data, result.line) + (b"{}" if blank else b"")), DatasetError)
        assert str(result).isprintable()
    else:
        assert [record.line for record in result] == [
            line for line, raw in enumerate(io.BytesIO(data), start=1) if raw.strip()
        ]


def check_events(data: bytes) -> None:
    """Check the events of the records of a file."""
    result = read_or_error(data)
    records = () if isinstance(result, DatasetError) else result
    lines = [raw for raw in io.BytesIO(data) if raw.strip()]
    for record, raw in zip(records, lines, strict=False):
        fields: Any = json.loads(raw)
        del fields["messages"]
        assert record.fields == fields
        for shape in EventShape:
            element = event_element(
                rollout_id="r", record=record, text="7", settings=GradingSettings(event_shape=shape, wrap_strings=False)
            )
            received = json.loads(encode_element(element))
            assert received == element
            if shape is EventShape.DOCUMENTED:
                assert received["metadata"] == fields


def test_the_line_limit_equals_the_event_limit() -> None:
    """The two packages cannot import the number from each other."""
    assert DatasetLimits().max_line == MAX_REQUEST_BYTES


@pytest.mark.parametrize(("limit", "line"), [(10, None), (9, 2), (4, 1)])
def test_the_json_values_of_a_file_are_limited(limit: int, line: int | None) -> None:
    """A record of one short message has five: two objects, a list, two strings."""
    data = b'{"messages": [{"role": "user", "content": "?"}]}\n' * 2
    try:
        read_records(io.BytesIO(data), DatasetLimits(min_records=0, max_values=limit))
    except DatasetError as error:
        line_of_error: int | None = error.line
    else:
        line_of_error = None
    assert line_of_error == line
