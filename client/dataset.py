"""What the service would say about a data file, said before the upload, with line numbers."""

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

# INFERRED: held in memory, the smallest JSON value takes 25 times the room of its text.
_MOST_VALUES = 10_000_000
_MOST_PROBLEMS = 1_000
_SHAPE_SHOWN = 60  # characters
_SHAPES_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetIssue:
    """One remark about a file; `line` is counted from 1, None means the file as a whole."""

    line: int | None
    message: str

    def __str__(self) -> str:
        return self.message if self.line is None else f"line {self.line:,}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One good record.

    Attributes:
        line: counted from 1.
        messages: the prompt, as in the file.
        record: the whole record, reference answer and custom fields included.
    """

    line: int
    messages: Sequence[Mapping[str, object]]
    record: Mapping[str, object]

    @property
    def prompt_key(self) -> str:
        """The messages as one canonical string: two rows with the same prompt have the same one."""
        return canonical_json(self.messages)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetReport:
    """What a file holds. `problems` would fail the job; `warnings` would not, but deserve a look."""

    path: Path
    sha256: str
    size: int
    line_count: int
    rows: tuple[Row, ...]
    problems: tuple[DatasetIssue, ...]
    warnings: tuple[DatasetIssue, ...]

    @property
    def is_valid(self) -> bool:
        """No problem was found."""
        return not self.problems


def validate_dataset(path: Path, *, min_rows: int = MIN_ROWS) -> DatasetReport:
    """Read and judge one JSONL file.

    Args:
        path: the file.
        min_rows: how many rows it must hold. INFERRED: the minimum is documented for training, not for validation.

    Raises:
        Misuse: there is no such file.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise UsageError(f"{path} {what}.", next_step="Give a JSONL file: one JSON object with `messages` per line.")
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        size = stream.tell()
        stream.seek(0)
        try:
            lines, rows, problems = _read(_lines(stream))
            problems.extend(_count_problems(lines, fewest=min_rows))
        except NotJsonLines as error:
            lines, rows, problems = 1, [], [DatasetIssue(line=1, message=str(error))]
    return DatasetReport(
        path=path,
        sha256=sha256,
        size=size,
        line_count=lines,
        rows=tuple(rows),
        problems=tuple(problems),
        warnings=tuple(_warnings(rows)),
    )


def canonical_json(value: object) -> str:
    """JSON with sorted keys and no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sample_rows(rows: Sequence[Row], *, size: int) -> tuple[Row, ...]:
    """`size` rows in file order, the same ones for the same rows: each is ranked by the hash of its own content."""

    def rank(row: Row) -> bytes:
        return hashlib.blake2b(f"sample\0{row.line}\0{canonical_json(row.record)}".encode()).digest()

    return tuple(sorted(islice(sorted(rows, key=rank), size), key=lambda row: row.line))


def count_shared_prompts(rows: Iterable[Row], other_rows: Iterable[Row]) -> int:
    """How many rows of `rows` have a prompt that `other_rows` has too."""
    known = {row.prompt_key for row in other_rows}
    return sum(row.prompt_key in known for row in rows)


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a file; of one that is too long, no more than shows that it is."""
    piece = MAX_LINE_BYTES + 1
    while line := stream.readline(piece):
        rest = line
        while len(rest) == piece and not rest.endswith(b"\n"):
            rest = stream.readline(piece)
        yield line


def _read(lines: Iterable[bytes]) -> tuple[int, list[Row], list[DatasetIssue]]:
    """The number of the last line that is not blank, the good rows, and what is wrong with the other lines.

    Raises:
        NotLines: the file holds something else.
    """
    rows: list[Row] = []
    problems: list[DatasetIssue] = []
    last = values = 0
    stopped = False
    for number, line in enumerate(lines, start=1):
        if len(line) <= MAX_LINE_BYTES and not line.strip():
            continue
        blank, last = range(last + 1, number), number
        if stopped or len(rows) > MAX_ROWS:  # the rest is only counted
            continue
        if blank:
            text = "the line is blank, and blank lines may only end the file; take it out"
            problems.append(DatasetIssue(line=blank[0], message=text))
        if number == 1:
            require_json_lines(line)
        try:
            record, count = parse_object(line)
            rows.append(_row(number, record))
        except InvalidLine as unfit:
            problems.append(DatasetIssue(line=number, message=str(unfit)))
        else:
            values += count
        if values > _MOST_VALUES:
            stopped = True
            text = f"up to here the file holds more than {_MOST_VALUES:,} JSON values; make the records smaller"
            problems.append(DatasetIssue(line=number, message=text))
        elif len(problems) >= _MOST_PROBLEMS:
            stopped = True
            problems.append(
                DatasetIssue(line=None, message="there may be more problems; the rest of the file was only counted")
            )
    return last, rows, problems


def _row(number: int, record: Mapping[str, object]) -> Row:
    messages = record.get("messages")
    if "messages" not in record:
        raise InvalidLine("`messages` is missing; it holds the prompt, as a list of {role, content}")
    if not isinstance(messages, list) or not messages:
        raise InvalidLine("`messages` must be a list with at least one message")
    for position, message in enumerate(messages):
        _require_message(message, where=f"messages[{position}]")
    if messages[-1]["role"] == "assistant":
        raise InvalidLine(
            "the last of `messages` has the role assistant; end with the prompt that the model is to answer"
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
                    f'{where}: content[{position}] is not a text part; only {{"type": "text", "text": ...}} trains'
                )
        content = "".join(part["text"] for part in content)
    if not isinstance(content, str):
        raise InvalidLine(f"{where}: content is {json_type(content)}; it must be text, or a list of text parts")
    if not content.strip():
        raise InvalidLine(f"{where}: content has no text")


def _count_problems(lines: int, *, fewest: int) -> Iterator[DatasetIssue]:
    if lines == 0:
        yield DatasetIssue(
            line=None, message=f"the file holds no record; {fewest:,} to {MAX_ROWS:,} records are needed"
        )
    elif lines < fewest:
        yield DatasetIssue(line=None, message=f"too few records: {lines:,}; at least {fewest:,} are needed")
    elif lines > MAX_ROWS:
        yield DatasetIssue(line=None, message=f"too many records: {lines:,}; at most {MAX_ROWS:,} are allowed")


def _warnings(rows: Sequence[Row]) -> Iterator[DatasetIssue]:
    first_seen: dict[str, int] = {}
    doubles: list[tuple[int, int]] = []
    shapes: defaultdict[str, list[int]] = defaultdict(list)
    for row in rows:
        earlier = first_seen.setdefault(row.prompt_key, row.line)
        if earlier != row.line:
            doubles.append((row.line, earlier))
        shapes[_reference_shape(row.record)].append(row.line)
    if doubles:
        line, earlier = doubles[0]
        more = f", and {len(doubles) - 1:,} more like it" if len(doubles) > 1 else ""
        yield DatasetIssue(
            line=line, message=f"the same prompt as line {earlier:,}{more}; doubles weigh twice in training"
        )
    # DOCUMENTED: reference_answer "can contain any format"; AWS calls it optional in one place, mandatory in another.
    missing = shapes.pop("", [])
    if missing:
        rows_without = f"{len(missing):,} of {len(rows):,} rows"
        text = f"no `reference_answer` ({rows_without}); the reward function has nothing to compare with"
        yield DatasetIssue(line=missing[0], message=text)
    if len(shapes) > 1:
        each = [f"{shape} ({len(lines):,} rows, first at line {lines[0]:,})" for shape, lines in shapes.items()]
        others = [f"{len(each) - _SHAPES_SHOWN:,} more"] if len(each) > _SHAPES_SHOWN else []
        counted = ", ".join([*each[:_SHAPES_SHOWN], *others])
        yield DatasetIssue(
            line=None,
            message=f"`reference_answer` has several shapes: {counted}; is the reward function ready for each?",
        )


def _reference_shape(record: Mapping[str, object]) -> str:
    reference = record.get("reference_answer")
    if reference is None:
        return ""
    if isinstance(reference, dict):
        return shorten("object {" + ", ".join(sorted(reference)) + "}", max_length=_SHAPE_SHOWN)
    return json_type(reference)
