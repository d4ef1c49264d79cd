"""What the service would say about a data file, said before the upload, with line numbers."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NoReturn

from client.errors import Misuse

# DOCUMENTED: "a minimum of 100 records", at most 20,000.
FEWEST_ROWS, MOST_ROWS = 100, 20_000
# DOCUMENTED: "user, system or assistant role containing the input prompt".
ROLES = ("system", "user", "assistant")

_UTF8_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One remark about a file; `line` is counted from 1, None means the file as a whole."""

    line: int | None
    text: str

    def __str__(self) -> str:
        return self.text if self.line is None else f"line {self.line:,}: {self.text}"


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
    def prompt(self) -> str:
        """The messages as one canonical string: two rows with the same prompt have the same one."""
        return canonical(self.messages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a file holds. `problems` would fail the job; `warnings` would not, but deserve a look."""

    path: Path
    sha256: str
    size: int
    lines: int
    rows: tuple[Row, ...]
    problems: tuple[Finding, ...]
    warnings: tuple[Finding, ...]

    @property
    def usable(self) -> bool:
        """No problem was found."""
        return not self.problems


def checked(path: Path, *, fewest: int = FEWEST_ROWS) -> Verdict:
    """Read and judge one JSONL file.

    Args:
        path: the file.
        fewest: how many rows it must hold. INFERRED: the minimum is documented for training, not for validation.

    Raises:
        Misuse: there is no such file.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise Misuse(f"{path} {what}.", next_step="Give a JSONL file: one JSON object with `messages` per line.")
    content = path.read_bytes()
    rows: list[Row] = []
    problems: list[Finding] = []
    lines = content.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    for number, line in enumerate(lines, start=1):
        try:
            rows.append(_row(number, line))
        except _Unfit as unfit:
            problems.append(Finding(line=number, text=str(unfit)))
    problems.extend(_count_problems(len(lines), fewest=fewest))
    return Verdict(
        path=path,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        lines=len(lines),
        rows=tuple(rows),
        problems=tuple(problems),
        warnings=tuple(_warnings(rows)),
    )


def canonical(value: object) -> str:
    """JSON with sorted keys and no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sample(rows: Sequence[Row], *, size: int) -> tuple[Row, ...]:
    """`size` rows in file order, the same ones for the same rows: each is ranked by the hash of its own content."""

    def rank(row: Row) -> bytes:
        return hashlib.blake2b(f"sample\0{row.line}\0{canonical(row.record)}".encode()).digest()

    return tuple(sorted(islice(sorted(rows, key=rank), size), key=lambda row: row.line))


def shared_prompts(one: Iterable[Row], other: Iterable[Row]) -> int:
    """How many rows of `one` have a prompt that `other` has too."""
    known = {row.prompt for row in other}
    return sum(row.prompt in known for row in one)


class _Unfit(Exception):  # noqa: N818 - never leaves this module
    """A line that the service would refuse."""


def _row(number: int, line: bytes) -> Row:
    record = _record(number, line)
    messages = record.get("messages")
    if "messages" not in record:
        raise _Unfit("`messages` is missing; it holds the prompt, as a list of {role, content}")
    if not isinstance(messages, list) or not messages:
        raise _Unfit("`messages` must be a list with at least one message")
    for position, message in enumerate(messages):
        _require_message(message, where=f"messages[{position}]")
    if messages[-1]["role"] == "assistant":
        raise _Unfit("the last of `messages` has the role assistant; end with the prompt that the model is to answer")
    return Row(line=number, messages=messages, record=record)


def _record(number: int, line: bytes) -> dict[str, object]:
    if number == 1 and line.startswith(_UTF8_BOM):
        raise _Unfit("the file starts with a byte order mark (BOM), which is not JSON; save it as UTF-8 without one")
    if not line.strip():
        raise _Unfit("the line is blank, not JSON; take it out")
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise _Unfit(f"byte {error.start + 1} is not UTF-8; save the file as UTF-8") from error
    try:
        record = json.loads(text, object_pairs_hook=_without_doubles, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise _Unfit(f"not valid JSON at column {error.colno}: {error.msg}; is the line cut off?") from error
    except RecursionError as error:
        raise _Unfit("the JSON is nested too deeply") from error
    if not isinstance(record, dict):
        raise _Unfit(f"a JSON {_kind(record)}, not an object with `messages`")
    return record


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) < len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise _Unfit(f"the key `{twice}` stands twice in one JSON object; readers disagree on which one counts")
    return record


def _no_constant(name: str) -> NoReturn:
    raise _Unfit(f"{name} is not JSON; use null or leave the field out")


def _require_message(message: object, *, where: str) -> None:
    if not isinstance(message, dict):
        raise _Unfit(f"{where} of `messages` is a JSON {_kind(message)}, not an object with role and content")
    role = message.get("role")
    if role not in ROLES:
        raise _Unfit(f"{where} has the role {json.dumps(role)}; the roles are {', '.join(ROLES)}")
    content = message.get("content")
    if isinstance(content, list):
        for position, part in enumerate(content):
            if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
                raise _Unfit(
                    f'{where}: content[{position}] is not a text part; only {{"type": "text", "text": ...}} trains'
                )
        content = "".join(part["text"] for part in content)
    if not isinstance(content, str):
        raise _Unfit(f"{where}: content is {_kind(content)}; it must be text, or a list of text parts")
    if not content.strip():
        raise _Unfit(f"{where}: content has no text")


def _count_problems(lines: int, *, fewest: int) -> Iterator[Finding]:
    if lines == 0:
        yield Finding(line=None, text=f"the file is empty; {fewest:,} to {MOST_ROWS:,} records are needed")
    elif lines < fewest:
        yield Finding(line=None, text=f"too few records: {lines:,}; at least {fewest:,} are needed")
    elif lines > MOST_ROWS:
        yield Finding(line=None, text=f"too many records: {lines:,}; at most {MOST_ROWS:,} are allowed")


def _warnings(rows: Sequence[Row]) -> Iterator[Finding]:
    first_seen: dict[str, int] = {}
    doubles: list[tuple[int, int]] = []
    shapes: defaultdict[str, list[int]] = defaultdict(list)
    for row in rows:
        earlier = first_seen.setdefault(row.prompt, row.line)
        if earlier != row.line:
            doubles.append((row.line, earlier))
        shapes[_reference_shape(row.record)].append(row.line)
    if doubles:
        line, earlier = doubles[0]
        more = f", and {len(doubles) - 1:,} more like it" if len(doubles) > 1 else ""
        yield Finding(line=line, text=f"the same prompt as line {earlier:,}{more}; doubles weigh twice in training")
    # DOCUMENTED: reference_answer "can contain any format"; AWS calls it optional in one place, mandatory in another.
    missing = shapes.pop("", [])
    if missing:
        rows_without = f"{len(missing):,} of {len(rows):,} rows"
        text = f"no `reference_answer` ({rows_without}); the reward function has nothing to compare with"
        yield Finding(line=missing[0], text=text)
    if len(shapes) > 1:
        counted = ", ".join(
            f"{shape} ({len(lines):,} rows, first at line {lines[0]:,})" for shape, lines in shapes.items()
        )
        yield Finding(
            line=None, text=f"`reference_answer` has several shapes: {counted}; is the reward function ready for each?"
        )


def _reference_shape(record: Mapping[str, object]) -> str:
    reference = record.get("reference_answer")
    if reference is None:
        return ""
    if isinstance(reference, dict):
        return "object {" + ", ".join(sorted(reference)) + "}"
    return _kind(reference)


def _kind(value: object) -> str:
    names = {
        type(None): "null",
        bool: "boolean",
        int: "number",
        float: "number",
        str: "string",
        list: "array",
        dict: "object",
    }
    return names.get(type(value), type(value).__name__)
