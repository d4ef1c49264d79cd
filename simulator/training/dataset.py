"""Training files: JSON lines in, checked records out, or one fault with its line."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Annotated, BinaryIO, Literal, NoReturn, TypeAlias

from simulator.training.draws import shuffled

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

# DOCUMENTED: "user, system or assistant role containing the input prompt". `developer` is OpenAI's, not Bedrock's.
ROLES = ("user", "system", "assistant")

# INFERRED: 300 records at batch size 4 gave 67 steps in Amazon's sample run: floor(0.9 * 300 / 4).
HELD_OUT_SHARE = 0.1

# Not settled for Bedrock: which tenth it is.
HeldOutChoice: TypeAlias = Literal["tail", "seeded"]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One chat message; text parts are joined, because the reward event carries plain strings (DOCUMENTED)."""

    role: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One line of a training file: the prompt, and every other key as it stood there. Never written to."""

    line: int
    messages: tuple[Message, ...]
    fields: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetLimits:
    """How many records a file may hold, and how long a prompt may be."""

    min_records: Annotated[int, "Fewest records (DOCUMENTED: 100)."] = 100
    max_records: Annotated[int, "Most records (DOCUMENTED: 20,000)."] = 20_000
    max_prompt_tokens: Annotated[
        int | None, "Longest prompt. Bedrock publishes none for these models, so there is none unless it is set."
    ] = None


class DatasetError(Exception):
    """The first fault of a training file; `line` counts from 1, and is None for a fault of the file as a whole."""

    def __init__(self, line: int | None, reason: str) -> None:
        super().__init__(reason if line is None else f"line {line}: {reason}")
        self.line = line
        self.reason = reason


def read_records(stream: BinaryIO, limits: DatasetLimits) -> tuple[Record, ...]:
    """Read and check a JSON Lines training file. Blank lines are allowed at its end only.

    Raises:
        DatasetError: for the first line that is not a record, else for a count outside the limits.
    """
    records: list[Record] = []
    count = 0
    for count, record in enumerate(_records(stream), start=1):
        if count <= limits.max_records:  # of a file that is far too long, no more than the count is wanted
            records.append(record)
    if count < limits.min_records:
        raise DatasetError(
            None, f"the file holds {count} records; at least {limits.min_records} are needed: add records"
        )
    if count > limits.max_records:
        raise DatasetError(
            None, f"the file holds {count} records; at most {limits.max_records} are allowed: remove some"
        )
    return tuple(records)


def split(
    records: tuple[Record, ...], *, choice: HeldOutChoice, seed: int
) -> tuple[tuple[Record, ...], tuple[Record, ...]]:
    """Return (training, held-out) records, each in the file's order: a tenth, rounded down, is held out.

    `tail` takes the end of the file, so that whoever has the file knows which records they are; `seeded` draws them.
    """
    lines = sorted(record.line for record in records)
    count = int(len(lines) * HELD_OUT_SHARE)
    chosen = set(shuffled(lines, seed, "split")[:count] if choice == "seeded" else lines[len(lines) - count :])
    return (
        tuple(record for record in records if record.line not in chosen),
        tuple(record for record in records if record.line in chosen),
    )


def _records(stream: BinaryIO) -> Iterator[Record]:
    blank: int | None = None
    for line, raw in enumerate(stream, start=1):
        if not raw.strip():
            blank = blank or line
            continue
        if blank is not None:
            raise DatasetError(blank, "the line is blank; blank lines may only end the file: remove it")
        yield _record(line, _decoded(line, raw))


def _decoded(line: int, raw: bytes) -> str:
    if line == 1 and raw.startswith(_BYTE_ORDER_MARK):
        raise DatasetError(line, "the file starts with a byte order mark; save it as UTF-8 without one")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as fault:
        byte = f"byte 0x{raw[fault.start]:02x} at position {fault.start + 1}"
        raise DatasetError(line, f"{byte} is not UTF-8; save the file as UTF-8") from fault


def _record(line: int, text: str) -> Record:
    try:
        value = _parsed(text)
    except json.JSONDecodeError as fault:
        raise DatasetError(line, f"not valid JSON: {fault.msg} at column {fault.colno}") from fault
    except (ValueError, RecursionError) as fault:
        reason = "nested too deeply" if isinstance(fault, RecursionError) else str(fault)
        raise DatasetError(line, f"not valid JSON: {reason}") from fault
    if not isinstance(value, dict):
        raise DatasetError(line, f"expected one JSON object, found {_kind(value)}")
    if "messages" not in value:
        raise DatasetError(line, 'missing required field "messages"')
    fields = {name: field for name, field in value.items() if name != "messages"}
    return Record(line=line, messages=_messages(line, value["messages"]), fields=fields)


def _parsed(text: str) -> Json:
    value: Json = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant, parse_float=_finite)
    if "\\u" in text:
        # Half of a surrogate pair is legal in JSON, but no UTF-8 request to a Lambda could carry it.
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError as fault:
            raise ValueError("a \\u escape is half of a surrogate pair; write the whole character") from fault
    return value


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {json.dumps(twice)} appears twice in one object")
    return value


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise ValueError(f"the number {text} is too large")
    return value


def _messages(line: int, value: Json) -> tuple[Message, ...]:
    if not isinstance(value, list):
        raise DatasetError(line, f'"messages" must be a list of messages, not {_kind(value)}')
    if not value:
        raise DatasetError(line, '"messages" is empty; it must hold the prompt')
    messages = tuple(_message(line, index, item) for index, item in enumerate(value))
    if messages[-1].role == "assistant":
        raise DatasetError(
            line,
            f'messages[{len(messages) - 1}]: the last message is from "assistant", which leaves no room for '
            "a rollout; end the prompt with a user message",
        )
    return messages


def _message(line: int, index: int, value: Json) -> Message:
    where = f"messages[{index}]"
    if not isinstance(value, dict):
        raise DatasetError(line, f"{where} must be an object, not {_kind(value)}")
    for name in ("role", "content"):
        if name not in value:
            raise DatasetError(line, f'{where}: missing required field "{name}"')
    role = value["role"]
    if not isinstance(role, str) or role not in ROLES:
        allowed = ", ".join(json.dumps(known) for known in ROLES)
        raise DatasetError(line, f"{where}.role must be one of {allowed}, not {json.dumps(role)[:60]}")
    return Message(role=role, content=_content(line, f"{where}.content", value["content"]))


def _content(line: int, where: str, value: Json) -> str:
    if isinstance(value, str):
        text = value
    elif isinstance(value, list):
        text = "".join(_part(line, f"{where}[{index}]", part) for index, part in enumerate(value))
    else:
        raise DatasetError(line, f"{where} must be a string or a list of text parts, not {_kind(value)}")
    if not text.strip():
        raise DatasetError(line, f"{where} is empty")
    return text


def _part(line: int, where: str, value: Json) -> str:
    if isinstance(value, dict) and value.get("type") == "text":
        text = value.get("text")
        if isinstance(text, str):
            return text
    raise DatasetError(line, f'{where} must be {{"type": "text", "text": "..."}}')


def _kind(value: Json) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    names = {str: "a string", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names[type(value)]


def prompt_text(messages: Iterable[Message]) -> str:
    """Return the words of a conversation as one text, in order."""
    return "\n".join(message.content for message in messages)
