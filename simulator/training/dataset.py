"""Reads training files in JSON Lines: checked records, or the first error with its line."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Annotated, BinaryIO, Literal, TypeAlias

from simulator.training.json_lines import describe_type, parse_object, quote
from simulator.training.random_draws import shuffle_lines

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

# DOCUMENTED: "user, system or assistant role containing the input prompt". `developer` is OpenAI's, not Bedrock's.
ROLES = ("user", "system", "assistant")

# INFERRED: 300 records at batch size 4 gave 67 steps in Amazon's sample run: floor(0.9 * 300 / 4).
HELD_OUT_SHARE = 0.1

# Unverified: which tenth Bedrock holds out.
HeldOutChoice: TypeAlias = Literal["tail", "seeded"]

_CHUNK = 1 << 20  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One chat message. Text parts are joined, because the Lambda event has plain strings (DOCUMENTED)."""

    role: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One line of a training file: the prompt, and all other keys unchanged. Read only."""

    line: int
    messages: tuple[Message, ...]
    fields: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetLimits:
    """Limits for the number and the size of the records in a file."""

    min_records: Annotated[int, "The minimum number of records.", "DOCUMENTED: 100."] = 100
    max_records: Annotated[int, "The maximum number of records.", "DOCUMENTED: 20,000."] = 20_000
    max_prompt_tokens: Annotated[
        int | None, "The longest prompt in tokens.", "INFERRED: no limit; Bedrock publishes none for these models."
    ] = None
    max_line: Annotated[
        int, "The longest line in bytes.", "INFERRED: the size limit of a Lambda event; Bedrock publishes none."
    ] = 6_291_456
    max_values: Annotated[
        int,
        "The maximum number of JSON values in a file. It limits memory: the smallest value takes 25 times as many "
        "bytes in memory as in the file.",
        "INFERRED: Bedrock publishes no limit.",
    ] = 10_000_000


class DatasetError(Exception):
    """The first error in a training file; `line` counts from 1 and is None if the whole file is wrong."""

    def __init__(self, line: int | None, reason: str) -> None:
        super().__init__(reason if line is None else f"line {line}: {reason}")
        self.line = line
        self.reason = reason


def read_records(stream: BinaryIO, limits: DatasetLimits) -> tuple[Record, ...]:
    """Read and check a JSON Lines training file. Blank lines are allowed at its end only.

    A line is read up to its limit only, so that memory stays bounded for every file.

    Raises:
        DatasetError: a line is not a record or exceeds a limit (the first such line), or the number of records does.
    """
    records = tuple(islice(_parse_records(stream, limits), limits.max_records))
    # The records beyond the limit are only counted.
    count = len(records) + sum(1 for line in _read_lines(stream, limits) if line.strip())
    if count < limits.min_records:
        raise DatasetError(
            None, f"the file holds {count:,} records; at least {limits.min_records:,} are needed: add records"
        )
    if count > limits.max_records:
        raise DatasetError(
            None, f"the file holds {count:,} records; at most {limits.max_records:,} are allowed: remove some"
        )
    return records


def split_records(
    records: tuple[Record, ...], *, choice: HeldOutChoice, seed: int
) -> tuple[tuple[Record, ...], tuple[Record, ...]]:
    """Return (training, held-out) records, each in the file's order: a tenth, rounded down, is held out.

    `tail` holds out the end of the file for every seed; `seeded` draws the held-out records.
    """
    lines = sorted(record.line for record in records)
    count = int(len(lines) * HELD_OUT_SHARE)
    held_out_lines = set(
        shuffle_lines(lines, seed, "split")[:count] if choice == "seeded" else lines[len(lines) - count :]
    )
    return (
        tuple(record for record in records if record.line not in held_out_lines),
        tuple(record for record in records if record.line in held_out_lines),
    )


def _read_lines(stream: BinaryIO, limits: DatasetLimits) -> Iterator[bytes]:
    """Return the remaining lines. A line over the limit comes in pieces, and the first piece is over the limit too."""
    return iter(partial(stream.readline, limits.max_line + 1), b"")


def _parse_records(stream: BinaryIO, limits: DatasetLimits) -> Iterator[Record]:
    values = 0
    for line, raw in enumerate(_read_lines(stream, limits), start=1):
        if len(raw) <= limits.max_line and not raw.strip():
            if any(rest.strip() for rest in iter(partial(stream.read, _CHUNK), b"")):
                raise DatasetError(line, "the line is blank; blank lines may only end the file: remove it")
            return
        try:
            value, count = parse_object(raw, is_first=line == 1, max_bytes=limits.max_line)
        except ValueError as error:
            raise DatasetError(line, str(error)) from error
        values += count
        if values > limits.max_values:
            raise DatasetError(
                line, f"up to here the file holds more than {limits.max_values:,} JSON values: make the records smaller"
            )
        yield _parse_record(line, value)


def _parse_record(line: int, value: dict[str, Json]) -> Record:
    if "messages" not in value:
        raise DatasetError(line, 'missing required field "messages"')
    fields = {name: field for name, field in value.items() if name != "messages"}
    return Record(line=line, messages=_parse_messages(line, value["messages"]), fields=fields)


def _parse_messages(line: int, value: Json) -> tuple[Message, ...]:
    if not isinstance(value, list):
        raise DatasetError(line, f'"messages" must be a list of messages, not {describe_type(value)}')
    if not value:
        raise DatasetError(line, '"messages" is empty; it must hold the prompt')
    messages = tuple(_parse_message(line, index, item) for index, item in enumerate(value))
    if messages[-1].role == "assistant":
        raise DatasetError(
            line,
            f'messages[{len(messages) - 1}]: the last message is from "assistant", which leaves no room for '
            "a rollout; end the prompt with a user message",
        )
    return messages


def _parse_message(line: int, index: int, value: Json) -> Message:
    where = f"messages[{index}]"
    if not isinstance(value, dict):
        raise DatasetError(line, f"{where} must be an object, not {describe_type(value)}")
    for name in ("role", "content"):
        if name not in value:
            raise DatasetError(line, f'{where}: missing required field "{name}"')
    role = value["role"]
    if not isinstance(role, str) or role not in ROLES:
        allowed = ", ".join(map(quote, ROLES))
        raise DatasetError(line, f"{where}.role must be one of {allowed}, not {quote(role)}")
    return Message(role=role, content=_parse_content(line, f"{where}.content", value["content"]))


def _parse_content(line: int, where: str, value: Json) -> str:
    if isinstance(value, str):
        text = value
    elif isinstance(value, list):
        text = "".join(_parse_part(line, f"{where}[{index}]", part) for index, part in enumerate(value))
    else:
        raise DatasetError(line, f"{where} must be a string or a list of text parts, not {describe_type(value)}")
    if not text.strip():
        raise DatasetError(line, f"{where} is empty")
    return text


def _parse_part(line: int, where: str, value: Json) -> str:
    if isinstance(value, dict) and value.get("type") == "text":
        text = value.get("text")
        if isinstance(text, str):
            return text
    raise DatasetError(line, f'{where} must be {{"type": "text", "text": "..."}}')


def prompt_text(messages: Iterable[Message]) -> str:
    """Return the contents of the messages, joined by newlines."""
    return "\n".join(message.content for message in messages)
