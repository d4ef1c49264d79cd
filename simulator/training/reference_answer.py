"""Finds the reference answer in a record, and its kind."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import isfinite
from typing import Literal, TypeAlias, get_args

from simulator.training.dataset import Json, Record
from simulator.training.json_lines import parse_value

AnswerKind = Literal["number", "boolean", "label", "json", "code", "text", "none"]
ANSWER_KINDS: tuple[AnswerKind, ...] = get_args(AnswerKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceAnswer:
    """A right answer.

    Attributes:
        kind: the kind of answer; `none` if the record has no answer, and then no response is right.
        value: the canonical value: a number, a parsed JSON value, or text.
        text: the answer as it is written in the reference ("1,080", "Yes"), without the work around it.
        literal: whether the reference is a JSON number or boolean, and not a string that contains one.
        steps: the lines of the worked solution.
        path: the position in the record, such as `reference_answer.final_answer`.
        others: other texts that are right too, such as the other names of a thing.
        is_response: whether the text is a whole response, which is written as it is, without a format around it.
        is_example: whether it is one right answer of many, so that one that differs a little may be right too.
    """

    kind: AnswerKind
    value: Json = None
    text: str = ""
    literal: bool = False
    steps: tuple[str, ...] = ()
    path: str = ""
    others: tuple[str, ...] = ()
    is_response: bool = False
    is_example: bool = False


AnswerReader: TypeAlias = Callable[[Record], ReferenceAnswer]
"""Returns the right answer to a record; one of the kind `none` if it is not known."""


# In the order of the search: the most reliable names of an answer come first.
_ANSWER_KEYS = (
    "final_answer", "answer", "correct_answer", "label", "ground_truth", "target", "expected", "expected_output",
    "gold", "result", "solution", "reference_answer", "reference", "value", "output", "text", "completion", "content",
    "data",
)  # fmt: skip
# Names that other data may have too: they name the answer only in an object with few keys.
_WEAK_KEYS = frozenset({"value", "output", "text", "completion", "content", "data"})
_MAX_KEYS_WITH_WEAK_NAME = 2
_WORK_KEYS = ("steps", "explanation", "reasoning", "solution")
_REFERENCE = "reference_answer"
_MAX_DEPTH = 5
_MAX_LABEL_WORDS = 5

_MARKED_ANSWERS = (
    re.compile(r"####[ \t]*([-+$]*\d[\d,.]*%?)(?=\s|$)"),
    re.compile(r"####[ \t]*(\S[^\n]*)"),
    re.compile(r"\\boxed\{([^{}]*)\}"),
    re.compile(r"(?im)^(?:the\s+)?(?:final\s+)?answer\s*(?:is)?\s*[:=]\s*(.+)$"),
)
_NUMBER = re.compile(r"[-+]?\$?[-+]?(?:\d[\d,]*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,3})?%?")
# GSM8K's calculator annotations, such as <<48/2=24>>, which models do not write.
_CALCULATION = re.compile(r"<<[^<>]*>>")
_FENCE = re.compile(r"```[\w+-]*\n(.*?)\n?```", re.DOTALL)
_CODE_LINE = re.compile(r"(?m)^\s*(?:def |class |import |from \w+ import |function |const |SELECT |#include)")
_BOOLEANS = frozenset({"yes", "no", "true", "false"})
_MAX_DIGITS = 300


def extract_reference_answer(record: Record, *, answer_path: str | None = None) -> ReferenceAnswer:
    """Return the reference answer of a record.

    `answer_path` is its position: names joined by dots, list positions as numbers (`reference_answer.items.0`).
    Without a path the usual names are searched for, first inside `reference_answer`, then beside it (`ground_truth`).
    """
    if answer_path is not None:
        return classify_answer(find_value(record.fields, answer_path), answer_path)
    answer = _search(record.fields.get(_REFERENCE), _REFERENCE, depth=0)
    if answer is not None and answer.kind != "text":
        return answer
    for name in _ANSWER_KEYS:
        if name in record.fields and name != _REFERENCE and name not in _WEAK_KEYS:
            sibling = _search(record.fields[name], name, depth=0)
            if sibling is not None:
                # A long text beside a short answer is the worked solution of that answer.
                return sibling if answer is None else replace(sibling, steps=(answer.text,))
    return answer or ReferenceAnswer(kind="none")


def classify_answer(value: Json, path: str) -> ReferenceAnswer:
    """Return a value of a record as an answer. The kind is `none` if it is empty."""
    return _reference_from_scalar(value, path) or ReferenceAnswer(kind="none", path=path)


def _search(value: Json, path: str, *, depth: int) -> ReferenceAnswer | None:
    if isinstance(value, dict) and depth < _MAX_DEPTH:
        for name in _ANSWER_KEYS:
            if name not in value or (name in _WEAK_KEYS and len(value) > _MAX_KEYS_WITH_WEAK_NAME):
                continue
            reference = _search(value[name], f"{path}.{name}", depth=depth + 1)
            if reference is not None:
                return reference if reference.steps else replace(reference, steps=_find_work_steps(value, reference))
    return _reference_from_scalar(value, path)


def _reference_from_scalar(value: Json, path: str) -> ReferenceAnswer | None:
    if value is None or value in ([], {}):
        return None
    if isinstance(value, bool):
        text = str(value).lower()
        return ReferenceAnswer(kind="boolean", value=text, text=text, literal=True, path=path)
    if isinstance(value, int | float):
        return ReferenceAnswer(kind="number", value=value, text=json.dumps(value), literal=True, path=path)
    if isinstance(value, str):
        return _classify(value, path)
    return ReferenceAnswer(kind="json", value=value, text=json.dumps(value, ensure_ascii=False), path=path)


def _classify(text: str, path: str, *, depth: int = 0) -> ReferenceAnswer | None:
    answer = text.strip()
    if not answer:
        return None
    for pattern in _MARKED_ANSWERS if depth < _MAX_DEPTH else ():
        marked = pattern.findall(answer)
        if marked and marked[-1].strip() != answer:
            inner = _classify(marked[-1], path, depth=depth + 1)
            return None if inner is None else replace(inner, steps=_extract_work_lines(answer, pattern))
    number = _parse_number(answer)
    if number is not None:
        return ReferenceAnswer(kind="number", value=number, text=answer.rstrip("."), path=path)
    if answer.lower() in _BOOLEANS:
        return ReferenceAnswer(kind="boolean", value=answer.lower(), text=answer, path=path)
    if answer[0] in "[{":
        try:
            return ReferenceAnswer(kind="json", value=parse_value(answer)[0], text=answer, path=path)
        except ValueError:
            pass  # brackets in prose or in code
    fenced = _FENCE.search(answer)
    if fenced is not None or _CODE_LINE.search(answer):
        code = fenced.group(1) if fenced is not None else answer
        return ReferenceAnswer(kind="code", value=code, text=code, path=path)
    is_short = len(answer.split()) <= _MAX_LABEL_WORDS and "\n" not in answer
    return ReferenceAnswer(kind="label" if is_short else "text", value=answer, text=answer, path=path)


def _parse_number(text: str) -> int | float | None:
    plain = text.rstrip(".")
    if len(plain) > _MAX_DIGITS or not _NUMBER.fullmatch(plain):
        return None
    digits = re.sub(r"[,$%]", "", plain)
    if re.fullmatch(r"[-+]?\d+", digits):
        return int(digits)
    try:
        value = float(digits)
    except ValueError:
        return None  # two signs, as in "-$-5"
    # A whole number becomes an integer, unless a float cannot represent it exactly.
    return int(value) if value.is_integer() and abs(value) < 2**53 else value if isfinite(value) else None


def _extract_work_lines(text: str, pattern: re.Pattern[str]) -> tuple[str, ...]:
    lines = (_CALCULATION.sub("", line).strip() for line in text.splitlines() if not pattern.search(line))
    return tuple(line for line in lines if line)


def _find_work_steps(value: Mapping[str, Json], reference: ReferenceAnswer) -> tuple[str, ...]:
    for name in _WORK_KEYS:
        work = value.get(name)
        if isinstance(work, str) and work.strip() not in ("", reference.text):
            return tuple(line.strip() for line in work.splitlines() if line.strip())
        if isinstance(work, list):
            return tuple(item for item in work if isinstance(item, str))
    return ()


def find_value(value: object, path: str) -> Json:
    """Return the value at a position: names and list positions, joined by dots. None if there is none."""
    for name in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    if value is None or isinstance(value, bool | int | float | str | list | dict):
        return value
    return None


def answer_reader(answer_path: str | None) -> AnswerReader:
    """Return a reader of the answers at this position, or at the usual ones if it is None."""
    return partial(extract_reference_answer, answer_path=answer_path)


def collect_labels(
    records: Iterable[Record], *, answer_path: str | None = None, read_answer: AnswerReader | None = None
) -> tuple[str, ...]:
    """Return all labels that occur as right answers, sorted. Wrong labels are chosen from these."""
    references = map(read_answer or answer_reader(answer_path), records)
    return tuple(sorted({reference.text for reference in references if reference.kind == "label"}))
