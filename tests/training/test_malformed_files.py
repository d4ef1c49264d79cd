"""Training files that hypothesis makes up: records, or one fault in its place, and nothing else."""

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
    """Read bytes as an uploaded file."""
    try:
        return read_records(io.BytesIO(data), ANY)
    except DatasetError as error:
        return error


def first_lines(data: bytes, count: int) -> bytes:
    """Return the first lines of a file; lines end where JSON Lines has them end."""
    return b"".join(io.BytesIO(data).readlines()[:count])


@settings(max_examples=150, deadline=None)
@given(files)
def test_a_file_is_read_or_refused_for_its_first_faulty_line(data: bytes) -> None:
    """What stands before that line is sound (a blank line is a fault once another one follows), and it is not."""
    told = read_or_error(data)
    if isinstance(told, DatasetError):
        assert told.line is not None
        assert not isinstance(read_or_error(first_lines(data, told.line - 1)), DatasetError)
        blank = "blank" in told.reason
        assert isinstance(read_or_error(first_lines(data, told.line) + (b"{}" if blank else b"")), DatasetError)
        assert str(told).isprintable()
    else:
        assert [record.line for record in told] == [
            line for line, raw in enumerate(io.BytesIO(data), start=1) if raw.strip()
        ]


@settings(max_examples=150, deadline=None)
@given(files)
def test_what_was_read_reaches_the_reward_function_as_it_stood(data: bytes) -> None:
    """In every shape of the event it can be written, and read again it is the same."""
    told = read_or_error(data)
    records = () if isinstance(told, DatasetError) else told
    lines = [raw for raw in io.BytesIO(data) if raw.strip()]
    for record, raw in zip(records, lines, strict=False):
        said: Any = json.loads(raw)
        del said["messages"]
        assert record.fields == said
        for shape in EventShape:
            element = event_element(
                rollout_id="r", record=record, text="7", settings=GradingSettings(event_shape=shape, wrap_strings=False)
            )
            received = json.loads(encode_element(element))
            assert received == element
            if shape is EventShape.DOCUMENTED:
                assert received["metadata"] == said


def test_the_longest_line_is_as_long_as_an_event() -> None:
    """The one number stands where it cannot be imported from the other's place."""
    assert DatasetLimits().max_line == MAX_REQUEST_BYTES


@pytest.mark.parametrize(("most", "line"), [(10, None), (9, 2), (4, 1)])
def test_the_values_of_a_file_are_counted_up_to_its_limit(most: int, line: int | None) -> None:
    """Each text, number, word, list and object: a record of one short message holds five."""
    data = b'{"messages": [{"role": "user", "content": "?"}]}\n' * 2
    try:
        read_records(io.BytesIO(data), DatasetLimits(min_records=0, max_values=most))
    except DatasetError as error:
        found = error.line
    else:
        found = None
    assert found == line
