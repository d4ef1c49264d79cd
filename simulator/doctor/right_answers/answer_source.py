"""A way to get a right answer from a record."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from simulator.training.dataset import Json, Record
from simulator.training.reference_answer import AnswerReader, ReferenceAnswer

UNKNOWN: Final = ReferenceAnswer(kind="none")
"""The answer to a record whose right answer is not known."""

FENCE_LANGUAGES: Final = ("python", "sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSource:
    """A way to get a right answer from a record.

    Attributes:
        name: where the answer comes from, in words that complete "the right answers are".
        read: returns the answer to a record; `UNKNOWN` where this way gives none.
        confirm: how the user confirms it, as a sentence. Empty if there is nothing to do.
        has_labels: whether its labels are worth collecting from the whole file, which is quick.
    """

    name: str
    read: AnswerReader
    confirm: str = ""
    has_labels: bool = True

    def forms(self) -> "Iterable[AnswerSource]":
        """Yield the ways to write its answers: in the format that the prompt asks for, as they are, and in a fence."""
        yield self
        yield replace(self, read=lambda record: as_response(self.read(record)))
        for language in FENCE_LANGUAGES:
            yield replace(self, read=partial(self._read_in_fence, language))

    def _read_in_fence(self, language: str, record: Record) -> ReferenceAnswer:
        return _in_fence(self.read(record), language)


def as_response(answer: ReferenceAnswer) -> ReferenceAnswer:
    """Return a text or a program as a whole response. Short answers have a format, and stay as they are."""
    if answer.kind not in ("text", "code"):
        return answer
    return replace(answer, is_response=True)


def _in_fence(answer: ReferenceAnswer, language: str) -> ReferenceAnswer:
    """Return a program in a code fence, as a whole response. Other answers stay as they are."""
    is_sql = answer.text.lstrip()[:6].upper() in ("SELECT", "WITH", "VALUES", "INSERT")
    if answer.kind != "code" or answer.is_response or "```" in answer.text or is_sql is not (language == "sql"):
        return answer
    text = f"```{language}\n{answer.text}\n```"
    return replace(answer, value=text, text=text, is_response=True)


def code_answer(program: str, path: str) -> ReferenceAnswer:
    """Return a program, a query or an equation as an answer. Others may be right too, so it has the kind `code`."""
    return ReferenceAnswer(kind="code", value=program, text=program, path=path)


def text_answer(value: Json, path: str) -> ReferenceAnswer:
    """Return any value as a text. A part of it may be enough, and other texts may be right too."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return ReferenceAnswer(kind="text", value=text, text=text, path=path)


def response_answer(text: str, path: str) -> ReferenceAnswer:
    """Return a whole response as an answer."""
    return ReferenceAnswer(kind="text", value=text, text=text, path=path, is_response=True)


def reader_of(record: Record, readers: Iterable[AnswerReader]) -> ReferenceAnswer:
    """Return the first answer to a record that is known."""
    return next((answer for read in readers if (answer := read(record)).kind != "none"), UNKNOWN)
