"""The ways of writing a right answer. A sound function must accept some of them; the others are optional.

They follow the taxonomies of false negatives in arXiv 2505.14625 (TinyV) and Math-Verify. Which ones are optional is
INFERRED.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from simulator.doctor.probes.static.prompt_freedom import (
    blanks_may_change,
    bold_may_surround,
    case_may_change,
    decimals_may_follow,
    fence_may_surround,
    line_ends_may_change,
    marks_may_surround,
    quotes_may_surround,
    text_may_follow,
)
from simulator.doctor.rows import Row
from simulator.training.reference_answer import AnswerKind

_MAX_EXACT_INTEGER: Final = 10**15  # a larger integer does not survive a round trip through float
_THOUSAND: Final = 1_000
_CHARACTERS_AFTER: Final = 400  # Amazon's sample and verl's gsm8k.py search only the last 300 characters
TEXT_AFTER: Final = f"{_CHARACTERS_AFTER} characters after the answer"
"""The name of the variant with text after the answer. S13 refers to it."""

_CLOSING = "Thank you for reading this far; please ask if anything is unclear. "
_FULLWIDTH = {ord("0") + digit: 0xFF10 + digit for digit in range(10)}


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerVariant:
    """A way of writing a right answer.

    Attributes:
        name: its name in findings.
        write: returns the whole response to a row, or None where the variant does not apply.
        must_accept: whether a sound function must accept it, where the prompt leaves it open.
        is_open: whether the prompt of a row, one of the rows of its kind, leaves it open.
    """

    name: str
    write: Callable[[Row], str | None]
    must_accept: bool = True
    is_open: Callable[[Row, Sequence[Row]], bool] = lambda _row, _rows: True


def _outside_json(write: Callable[[Row], str | None]) -> Callable[[Row], str | None]:
    """Skip rows whose prompt requests JSON, where a mark would be part of the value."""
    return lambda row: None if row.answer_format == "json" else write(row)


def _where_text_may_surround(write: Callable[[Row], str | None]) -> Callable[[Row], str | None]:
    return lambda row: write(row) if row.allows_surrounding_text else None


def _number(row: Row) -> int | float:
    value = row.reference.value
    return value if isinstance(value, int | float) else 0


def _text(row: Row) -> str:
    """Return the answer alone, without marks of the reference such as a currency sign."""
    return json.dumps(row.reference.value) if row.reference.kind == "number" else row.reference.text


def _with_more_decimals(row: Row) -> str | None:
    number = _number(row)
    if isinstance(number, int):
        return row.write_response(f"{number}.0") if abs(number) < _MAX_EXACT_INTEGER else None
    return None if "e" in _text(row) else row.write_response(f"{number}0")


def _with_thousands_separators(row: Row) -> str | None:
    return row.write_response(f"{_number(row):,}") if abs(_number(row)) >= _THOUSAND else None


def _with_plus_sign(row: Row) -> str | None:
    return row.write_response(f"+{_text(row)}") if _number(row) > 0 else None


def _with_leading_zero(row: Row) -> str | None:
    return row.write_response(f"0{_text(row)}") if _number(row) >= 0 else None


def _with_full_stop(row: Row) -> str | None:
    return None if row.answer_format == "sentence" else row.write_response(f"{_text(row)}.")


def _in_bold(row: Row) -> str | None:
    return None if row.answer_format in ("boxed", "bold", "xml") else row.write_response(f"**{_text(row)}**")


def _in_box(row: Row) -> str | None:
    return None if row.answer_format == "boxed" else row.write_response(f"\\boxed{{{_text(row)}}}")


def _on_new_line(row: Row) -> str | None:
    return row.write_response(f"\n{_text(row)}") if row.answer_format in ("hash", "colon") else None


def _in_other_case(row: Row) -> str | None:
    """Write Yes for yes, and returns for Returns. Skip files with labels that differ only by case."""
    text, labels = row.reference.text, row.task.labels
    if len({label.casefold() for label in labels}) < len(labels):
        return None
    changed_text = text.capitalize() if text != text.capitalize() else text.lower()
    return row.write_response(changed_text) if changed_text != text else None


def _with_text_after(row: Row) -> str:
    return f"{row.right_response}\n{(_CLOSING * _CHARACTERS_AFTER)[:_CHARACTERS_AFTER].rstrip()}"


def _two_answers(row: Row) -> str:
    return f"{row.write_answer(row.wrong_value)}\n{row.write_answer(row.reference.value)}"


def _as_indented_json(row: Row) -> str | None:
    text = json.dumps(row.reference.value, ensure_ascii=False, indent=2)
    return row.write_response(text) if text != row.reference.text else None


def _as_compact_json(row: Row) -> str | None:
    text = json.dumps(row.reference.value, ensure_ascii=False, separators=(",", ":"))
    return row.write_response(text) if text != row.reference.text else None


def _with_other_key_order(row: Row) -> str | None:
    value = row.reference.value
    if not isinstance(value, dict) or len(value) < len("ab"):
        return None
    return row.write_response(json.dumps(dict(reversed(value.items())), ensure_ascii=False))


def _in_code_fence(language: str) -> Callable[[Row], str | None]:
    """Put the whole response into a fence. Skip rows whose prompt shows what stands around the answer."""
    return lambda row: f"```{language}\n{row.right_response}\n```" if row.is_answer_only else None


def _after_a_sentence(write: Callable[[Row], str | None]) -> Callable[[Row], str | None]:
    return lambda row: None if row.has_fixed_layout or (text := write(row)) is None else f"Here it is:\n{text}"


_LINES = (
    AnswerVariant(
        name="CRLF line ends",
        write=lambda row: f"{row.right_response}\n".replace("\n", "\r\n"),
        is_open=line_ends_may_change,
    ),
    AnswerVariant(name="blanks at the end", write=lambda row: f"{row.right_response}   \n"),
)
_AFTER = AnswerVariant(
    name=TEXT_AFTER,
    write=_where_text_may_surround(_with_text_after),
    is_open=lambda row, _rows: text_may_follow(row),
)
_NO_WORK = AnswerVariant(
    name="no work shown",
    write=_where_text_may_surround(lambda row: row.write_answer(row.reference.value)),
    must_accept=False,
)
_BOLD = AnswerVariant(name="in bold", write=_outside_json(_in_bold), is_open=bold_may_surround)
_STOP = AnswerVariant(name="a full stop", write=_outside_json(_with_full_stop), is_open=marks_may_surround)
_SHORT = (
    *_LINES,
    _AFTER,
    _BOLD,
    _STOP,
    AnswerVariant(
        name="in quotes",
        write=_outside_json(lambda row: row.write_response(f'"{_text(row)}"')),
        is_open=quotes_may_surround,
    ),
    AnswerVariant(name="upper or lower case", write=_outside_json(_in_other_case), is_open=case_may_change),
    AnswerVariant(
        name="a remark in brackets",
        write=lambda row: row.write_response(f"{_text(row)} (most likely)"),
        must_accept=False,
    ),
    _NO_WORK,
)

ANSWER_VARIANTS: Final[Mapping[AnswerKind, tuple[AnswerVariant, ...]]] = {
    "number": (
        *_LINES,
        _AFTER,
        _BOLD,
        _STOP,
        AnswerVariant(name="72.0 for 72", write=_with_more_decimals, is_open=decimals_may_follow),
        AnswerVariant(name="1,000 for 1000", write=_outside_json(_with_thousands_separators)),
        AnswerVariant(name="$72", write=lambda row: row.write_response(f"${_text(row)}"), must_accept=False),
        AnswerVariant(name="72 units", write=lambda row: row.write_response(f"{_text(row)} units"), must_accept=False),
        AnswerVariant(
            name="full-width digits",
            write=lambda row: row.write_response(_text(row).translate(_FULLWIDTH)),
            must_accept=False,
        ),
        AnswerVariant(name="+72", write=_with_plus_sign, must_accept=False),
        AnswerVariant(name="072", write=_with_leading_zero, must_accept=False),
        AnswerVariant(name="\\boxed{72}", write=_in_box, must_accept=False),
        AnswerVariant(name="on the line after the marker", write=_on_new_line, must_accept=False),
        _NO_WORK,
        # With the right one first it is a retracted answer, which S5 tests.
        AnswerVariant(
            name="two answers, the right one last", write=_where_text_may_surround(_two_answers), must_accept=False
        ),
    ),
    "label": _SHORT,
    "boolean": _SHORT,
    "json": (
        *_LINES,
        AnswerVariant(name="other key order", write=_with_other_key_order),
        AnswerVariant(name="indented", write=_as_indented_json, is_open=blanks_may_change),
        AnswerVariant(name="no blanks between tokens", write=_as_compact_json, is_open=blanks_may_change),
        AnswerVariant(name="in a code fence", write=_in_code_fence("json"), is_open=fence_may_surround),
        AnswerVariant(
            name="a sentence before it", write=_after_a_sentence(lambda row: row.right_response), must_accept=False
        ),
    ),
    "code": (
        *_LINES,
        AnswerVariant(name="in a code fence", write=_in_code_fence("python"), is_open=fence_may_surround),
        AnswerVariant(
            name="a comment above it",
            write=lambda row: row.write_response(f"# A solution.\n{row.reference.text}"),
            must_accept=False,
        ),
        AnswerVariant(
            name="a sentence before it",
            write=_after_a_sentence(lambda row: _in_code_fence("python")(row) or row.right_response),
            must_accept=False,
        ),
    ),
    "text": _LINES,
    "none": (),
}
"""The variants by the kind of task."""
