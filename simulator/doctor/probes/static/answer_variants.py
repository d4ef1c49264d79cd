"""The ways of writing one right answer: which of them any sound function owes the same score, and which are its choice.

After the taxonomies of false negatives in arXiv 2505.14625 (TinyV) and of Math-Verify; which ones are owed is INFERRED.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from simulator.doctor.rows import Row
from simulator.training.reference_answer import Kind

_EXACT: Final = 10**15  # beyond this a float cannot be written and read again as the same integer
_THOUSAND: Final = 1_000
_AFTERWARDS: Final = 400  # characters; Amazon's sample and verl's gsm8k.py look at the last 300 only
_CLOSING = "Thank you for reading this far; please ask if anything is unclear. "
_FULLWIDTH = {ord("0") + digit: 0xFF10 + digit for digit in range(10)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way of writing a right answer.

    Attributes:
        name: what it is called in findings.
        write: the whole response to a row, or None where the way says nothing new.
        owed: whether it has to count as right.
    """

    name: str
    write: Callable[[Row], str | None]
    owed: bool = True


def _outside_json(write: Callable[[Row], str | None]) -> Callable[[Row], str | None]:
    """Leave out rows that ask for JSON: there a mark would be part of the value."""
    return lambda row: None if row.answer_format == "json" else write(row)


def _with_room(write: Callable[[Row], str | None]) -> Callable[[Row], str | None]:
    return lambda row: write(row) if row.has_room else None


def _number(row: Row) -> int | float:
    value = row.gold.value
    return value if isinstance(value, int | float) else 0


def _text(row: Row) -> str:
    """The answer alone, without what a reference may wear, such as a currency sign."""
    return json.dumps(row.gold.value) if row.gold.kind == "number" else row.gold.written


def _decimal(row: Row) -> str | None:
    number = _number(row)
    if isinstance(number, int):
        return row.written(f"{number}.0") if abs(number) < _EXACT else None
    return None if "e" in _text(row) else row.written(f"{number}0")


def _grouped(row: Row) -> str | None:
    return row.written(f"{_number(row):,}") if abs(_number(row)) >= _THOUSAND else None


def _signed(row: Row) -> str | None:
    return row.written(f"+{_text(row)}") if _number(row) > 0 else None


def _zero_first(row: Row) -> str | None:
    return row.written(f"0{_text(row)}") if _number(row) >= 0 else None


def _full_stop(row: Row) -> str | None:
    return None if row.answer_format == "sentence" else row.written(f"{_text(row)}.")


def _bold(row: Row) -> str | None:
    return None if row.answer_format in ("boxed", "bold", "xml") else row.written(f"**{_text(row)}**")


def _boxed(row: Row) -> str | None:
    return None if row.answer_format == "boxed" else row.written(f"\\boxed{{{_text(row)}}}")


def _new_line(row: Row) -> str | None:
    return row.written(f"\n{_text(row)}") if row.answer_format in ("hash", "colon") else None


def _other_case(row: Row) -> str | None:
    """Yes for yes, and returns for Returns; where two labels of the file differ by case alone, case is meant."""
    text, labels = row.gold.written, row.task.labels
    if len({label.casefold() for label in labels}) < len(labels):
        return None
    other = text.capitalize() if text != text.capitalize() else text.lower()
    return row.written(other) if other != text else None


def _after(row: Row) -> str:
    return f"{row.perfect}\n{(_CLOSING * _AFTERWARDS)[:_AFTERWARDS].rstrip()}"


def _corrected(row: Row) -> str:
    return f"{row.bare(row.wrong_value)}\n{row.bare(row.gold.value)}"


def _indented(row: Row) -> str | None:
    text = json.dumps(row.gold.value, ensure_ascii=False, indent=2)
    return row.written(text) if text != row.gold.written else None


def _compact(row: Row) -> str | None:
    text = json.dumps(row.gold.value, ensure_ascii=False, separators=(",", ":"))
    return row.written(text) if text != row.gold.written else None


def _other_order(row: Row) -> str | None:
    value = row.gold.value
    if not isinstance(value, dict) or len(value) < len("ab"):
        return None
    return row.written(json.dumps(dict(reversed(value.items())), ensure_ascii=False))


def _fenced(language: str) -> Callable[[Row], str | None]:
    return lambda row: f"```{language}\n{row.perfect}\n```"


_LINES = (
    Way(name="CRLF line ends", write=lambda row: f"{row.perfect}\n".replace("\n", "\r\n")),
    Way(name="blanks at the end", write=lambda row: f"{row.perfect}   \n"),
)
_AFTER = Way(name=f"{_AFTERWARDS} characters after the answer", write=_with_room(_after))
_NO_WORK = Way(name="no work shown", write=_with_room(lambda row: row.bare(row.gold.value)), owed=False)
_BOLD = Way(name="in bold", write=_outside_json(_bold))
_STOP = Way(name="a full stop", write=_outside_json(_full_stop))
_SHORT = (
    *_LINES,
    _AFTER,
    _BOLD,
    _STOP,
    Way(name="in quotes", write=_outside_json(lambda row: row.written(f'"{_text(row)}"'))),
    Way(name="upper or lower case", write=_outside_json(_other_case)),
    Way(name="a remark in brackets", write=lambda row: row.written(f"{_text(row)} (most likely)"), owed=False),
    _NO_WORK,
)

WAYS: Final[Mapping[Kind, tuple[Way, ...]]] = {
    "number": (
        *_LINES,
        _AFTER,
        _BOLD,
        _STOP,
        Way(name="72.0 for 72", write=_decimal),
        Way(name="1,000 for 1000", write=_outside_json(_grouped)),
        Way(name="$72", write=lambda row: row.written(f"${_text(row)}"), owed=False),
        Way(name="72 units", write=lambda row: row.written(f"{_text(row)} units"), owed=False),
        Way(name="full-width digits", write=lambda row: row.written(_text(row).translate(_FULLWIDTH)), owed=False),
        Way(name="+72", write=_signed, owed=False),
        Way(name="072", write=_zero_first, owed=False),
        Way(name="\\boxed{72}", write=_boxed, owed=False),
        Way(name="on the line after the marker", write=_new_line, owed=False),
        _NO_WORK,
        # The other way round it is a right answer taken back, which S5 asks about.
        Way(name="two answers, the right one last", write=_with_room(_corrected), owed=False),
    ),
    "label": _SHORT,
    "boolean": _SHORT,
    "json": (
        *_LINES,
        Way(name="other key order", write=_other_order),
        Way(name="indented", write=_indented),
        Way(name="no blanks between tokens", write=_compact),
        Way(name="in a code fence", write=_fenced("json")),
        Way(name="a sentence before it", write=lambda row: f"Here it is:\n{row.perfect}", owed=False),
    ),
    "code": (
        *_LINES,
        Way(name="in a code fence", write=_fenced("python")),
        Way(name="a comment above it", write=lambda row: row.written(f"# A solution.\n{row.gold.written}"), owed=False),
        Way(name="a sentence before it", write=lambda row: f"Here it is:\n{_fenced('python')(row)}", owed=False),
    ),
    "text": _LINES,
    "none": (),
}  # fmt: skip
"""The ways by the kind of task."""
