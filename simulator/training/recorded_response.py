"""A response of a real model, as it was recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

MIN_RESPONSES: Final = 2
"""Responses that a prompt needs at least: a group of one has nothing to be told apart from."""
_MAX_LISTED_LINES: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedResponse:
    """A response that a model gave.

    Attributes:
        text: the final answer.
        reasoning: the thinking before it, if the server tells.
        tokens: of both together.
        reasoning_tokens: of the thinking.
        finish_reason: `stop`, `length` when the token budget ended it, or another word of the server's.
    """

    text: str
    reasoning: str = ""
    tokens: int
    reasoning_tokens: int = 0
    finish_reason: str = "stop"


ResponsesByLine: TypeAlias = Mapping[int, Sequence[RecordedResponse]]
"""Recorded responses by line of the file that their prompts stand in."""


class MissingResponsesError(Exception):
    """Some records have no recorded responses; the message says which."""

    def __init__(self, lines: Sequence[int]) -> None:
        shown = ", ".join(map(str, lines[:_MAX_LISTED_LINES])) + (", ..." if len(lines) > _MAX_LISTED_LINES else "")
        noun = "record has" if len(lines) == 1 else "records have"
        super().__init__(
            f"{len(lines)} {noun} no recorded responses (line {shown}): sample them, or leave these records out"
        )
        self.lines = tuple(lines)
