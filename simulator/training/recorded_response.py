"""A response of a real model, as it was recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

MIN_RESPONSES: Final = 2
"""Responses that a prompt needs: a group of one response has no advantages."""
_MAX_LISTED_LINES: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedResponse:
    """A response of a real model.

    Attributes:
        text: the final answer.
        reasoning: the reasoning before it, if the server returns it.
        tokens: of both together.
        reasoning_tokens: of the reasoning.
        finish_reason: `stop`, `length` if the token budget ended it, or another value of the server.
    """

    text: str
    reasoning: str = ""
    tokens: int
    reasoning_tokens: int = 0
    finish_reason: str = "stop"


ResponsesByLine: TypeAlias = Mapping[int, Sequence[RecordedResponse]]
"""Recorded responses by the line of their prompt in its file."""


class MissingResponsesError(Exception):
    """Some records have no recorded responses; the message lists their lines."""

    def __init__(self, lines: Sequence[int]) -> None:
        line_list = ", ".join(map(str, lines[:_MAX_LISTED_LINES])) + (", ..." if len(lines) > _MAX_LISTED_LINES else "")
        noun = "record has" if len(lines) == 1 else "records have"
        super().__init__(
            f"{len(lines)} {noun} no recorded responses (line {line_list}): sample them, or leave these records out"
        )
        self.lines = tuple(lines)
