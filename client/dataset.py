"""Validate a data file as the service does, before the upload, with line numbers."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from client.errors import UsageError
from client.jsonl import (
    MAX_LINE_BYTES,
    InvalidLine,
    NotJsonLines,
    json_type,
    parse_object,
    quote_value,
    require_json_lines,
)
from client.terminal import shorten

# DOCUMENTED: "a minimum of 100 records", at most 20,000.
MIN_ROWS, MAX_ROWS = 100, 20_000
# DOCUMENTED: "user, system or assistant role containing the input prompt".
ROLES = ("system", "user", "assistant")

# INFERRED: in memory, a small JSON value takes 25 times the size of its text.
MAX_JSON_VALUES = 10_000_000
_MAX_PROBLEMS = 1_000
_MAX_SHAPE_LENGTH = 60  # characters
_MAX_SHAPES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetIssue:
    """A problem or warning; `line` counts from 1, None means the whole file."""

    line: int | None
    message: str

    def __str__(self) -> str:
        return self.message if self.line is None else f"line {self.line:,}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One valid record.

    Attributes:
        line: the line number, from 1.
        messages: the prompt, as it is in the file.
        record: the whole record, with the reference answer and custom fields.
    """

    line: int
    messages: Sequence[Mapping[str, object]]
    record: Mapping[str, object]

    @property
    def prompt_key(self) -> str:
        """The messages as canonical JSON, equal for equal prompts."""
        return canonical_json(self.messages)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetReport:
    """The contents of a file. `problems` would make the job fail; `warnings` would not."""

    path: Path
    sha256: str
    size: int
    line_count: int
    rows: tuple[Row, ...]
    problems: tuple[DatasetIssue, ...]
    warnings: tuple[DatasetIssue, ...]

    @property
    def is_valid(self) -> bool:
        """True if there are no problems."""
        return not self.problems


def validate_dataset(path: Path, *, min_rows: int = MIN_ROWS) -> DatasetReport:
    """Read and validate one JSONL file.

    Args:
        path: the file.
        min_rows: the smallest number of rows. INFERRED: AWS documents it for training data, not for validation data.

    Raises:
        UsageError: there is no such file.
    """
    if not path.is_file():
        problem = "is a folder" if path.is_dir() else "does not exist"
        raise UsageError(f"{path} {problem}.", next_step="Give a JSONL file: one JSON object with `messages` per line.")
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        size = stream.tell()
        stream.seek(0)
        try:
            line_count, rows, problems = _parse_lines(_read_lines(stream))
            problems.extend(_check_line_count(line_count, min_rows=min_rows))
        except NotJsonLines as error:
            line_count, rows, problems = 1, [], [DatasetIssue(line=1, message=str(error))]
    return DatasetReport(
        path=path,
        sha256=sha256,
        size=size,
        line_count=line_count,
        rows=tuple(rows),
        problems=tuple(problems),
        warnings=tuple(_find_warnings(rows)),
    )


def canonical_json(value: object) -> str:
    """Return JSON with sorted keys and no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sample_rows(rows: Sequence[Row], *, size: int) -> tuple[Row, ...]:
    """Return `size` rows in file order. They are chosen by a hash of their content, so the sample is repeatable."""

    def rank(row: Row) -> bytes:
        return hashlib.blake2b(f"sample\0{row.line}\0{canonical_json(row.record)}".encode()).digest()

    return tuple(sorted(islice(sorted(rows, key=rank), size), key=lambda row: row.line))


def count_shared_prompts(rows: Iterable[Row], other_rows: Iterable[Row]) -> int:
    """Count the rows whose prompt is also in `other_rows`."""
    other_prompts = {row.prompt_key for row in other_rows}
    return sum(row.prompt_key in other_prompts for row in rows)


def _read_lines(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a file. A line that is too long is cut after the limit, which keeps memory bounded."""
    limit = MAX_LINE_BYTES + 1
    while line := stream.readline(limit):
        chunk = line
        while len(chunk) == limit and not chunk.endswith(b"\n"):
            chunk = stream.readline(limit)
        yield line


def _parse_lines(lines: Iterable[bytes]) -> tuple[int, list[Row], list[DatasetIssue]]:
    """Return the number of the last line that is not blank, the valid rows, and the problems of the other lines.

    Raises:
        NotJsonLines: the file is of another format.
    """
    rows: list[Row] = []
    problems: list[DatasetIssue] = []
    last_line = total_values = 0
    only_count = False
    for number, line in enumerate(lines, start=1):
        if len(line) <= MAX_LINE_BYTES and not line.strip():
            continue
        blank_lines, last_line = range(last_line + 1, number), number
        if only_count or len(rows) > MAX_ROWS:  # the other lines are only counted
            continue
        if blank_lines:
            text = "the line is blank, and only the end of the file may be blank; remove it"
            problems.append(DatasetIssue(line=blank_lines[0], message=text))
        if number == 1:
            require_json_lines(line)
        try:
            record, value_count = parse_object(line)
            rows.append(_parse_row(number, record))
        except InvalidLine as error:
            problems.append(DatasetIssue(line=number, message=str(error)))
        else:
            total_values += value_count
        if total_values > MAX_JSON_VALUES:
            only_count = True
            text = f"up to this line the file holds more than {MAX_JSON_VALUES:,} JSON values; make the records smaller"
            problems.append(DatasetIssue(line=number, message=text))
        elif len(problems) >= _MAX_PROBLEMS:
            only_count = True
            problems.append(
                DatasetIssue(line=None, message="there may be more problems; the rest of the file was only counted")
            )
    return last_line, rows, problems


def _parse_row(number: int, record: Mapping[str, object]) -> Row:
    messages = record.get("messages")
    if "messages" not in record:
        raise InvalidLine("`messages` is missing; it holds the prompt, as a list of {role, content}")
    if not isinstance(messages, list) or not messages:
        raise InvalidLine("`messages` must be a list with at least one message")
    for position, message in enumerate(messages):
        _require_message(message, where=f"messages[{position}]")
    if messages[-1]["role"] == "assistant":
        raise InvalidLine(
            "the last of `messages` has the role assistant; the last must be the prompt that the model answers"
        )
    return Row(line=number, messages=messages, record=record)


def _require_message(message: object, *, where: str) -> None:
    if not isinstance(message, dict):
        raise InvalidLine(f"{where} of `messages` is a JSON {json_type(message)}, not an object with role and content")
    role = message.get("role")
    if role not in ROLES:
        raise InvalidLine(f"{where} has the role {quote_value(role)}; the roles are {', '.join(ROLES)}")
    content = message.get("content")
    if isinstance(content, list):
        for position, part in enumerate(content):
            if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
                raise InvalidLine(
                    f'{where}: content[{position}] is not a text part; only {{"type": "text", "text": ...}} is allowed'
                )
        content = "".join(part["text"] for part in content)
    if not isinstance(content, str):
        raise InvalidLine(f"{where}: content is {json_type(content)}; it must be text, or a list of text parts")
    if not content.strip():
        raise InvalidLine(f"{where}: content has no text")


def _check_line_count(lines: int, *, min_rows: int) -> Iterator[DatasetIssue]:
    if lines == 0:
        yield DatasetIssue(
            line=None, message=f"the file holds no record; {min_rows:,} to {MAX_ROWS:,} records are needed"
        )
    elif lines < min_rows:
        yield DatasetIssue(line=None, message=f"too few records: {lines:,}; at least {min_rows:,} are needed")
    elif lines > MAX_ROWS:
        yield DatasetIssue(line=None, message=f"too many records: {lines:,}; at most {MAX_ROWS:,} are allowed")


def _find_warnings(rows: Sequence[Row]) -> Iterator[DatasetIssue]:
    first_line_by_prompt: dict[str, int] = {}
    duplicates: list[tuple[int, int]] = []
    shapes: defaultdict[str, list[int]] = defaultdict(list)
    for row in rows:
        earlier = first_line_by_prompt.setdefault(row.prompt_key, row.line)
        if earlier != row.line:
            duplicates.append((row.line, earlier))
        shapes[_reference_shape(row.record)].append(row.line)
    if duplicates:
        line, earlier = duplicates[0]
        duplicates_note = f", and {len(duplicates) - 1:,} more duplicates" if len(duplicates) > 1 else ""
        yield DatasetIssue(
            line=line,
            message=f"the same prompt as line {earlier:,}{duplicates_note}; duplicates count twice in training",
        )
    # DOCUMENTED: reference_answer "can contain any format"; AWS calls it optional in one place, mandatory in another.
    lines_without_reference = shapes.pop("", [])
    if lines_without_reference:
        rows_without = f"{len(lines_without_reference):,} of {len(rows):,} rows"
        text = f"no `reference_answer` ({rows_without}); the reward function has nothing to compare with"
        yield DatasetIssue(line=lines_without_reference[0], message=text)
    if len(shapes) > 1:
        counts = [f"{shape} ({len(lines):,} rows, first at line {lines[0]:,})" for shape, lines in shapes.items()]
        hidden_note = [f"{len(counts) - _MAX_SHAPES:,} more"] if len(counts) > _MAX_SHAPES else []
        counts_text = ", ".join([*counts[:_MAX_SHAPES], *hidden_note])
        yield DatasetIssue(
            line=None,
            message=f"`reference_answer` has several shapes: {counts_text}; the reward function must handle each",
        )


def _reference_shape(record: Mapping[str, object]) -> str:
    reference = record.get("reference_answer")
    if reference is None:
        return ""
    if isinstance(reference, dict):
        return shorten("object {" + ", ".join(sorted(reference)) + "}", max_length=_MAX_SHAPE_LENGTH)
    return json_type(reference)
