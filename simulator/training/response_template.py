"""The layout of a response that a prompt shows: where the work goes and where the answer goes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

_LINE_BREAK: Final = re.compile(r"\s*\n\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseTemplate:
    r"""The text around the work and around the answer, with the spaces and new lines that the prompt shows.

    `<think>\n...\n</think>\n<answer>...</answer>` has the work between "<think>\n" and "\n</think>\n", and the answer
    between "<answer>" and "</answer>".

    Attributes:
        before_work: the text before the work; empty if the work has no place of its own.
        after_work: the text between the work and `before_answer`.
        before_answer: the text before the answer. If it is part of a marker, such as "#### ", the marker is not in it.
        after_answer: the text after the answer, to the end of the response.
        allows_work: whether work may stand before the answer at all.
        is_repeated: whether a list is written item by item, each with the text around it, as tool calls are.
    """

    before_work: str = ""
    after_work: str = ""
    before_answer: str = ""
    after_answer: str = ""
    allows_work: bool = True
    is_repeated: bool = False

    @property
    def has_work_slot(self) -> bool:
        """Whether the work has a place of its own."""
        return bool(self.before_work or self.after_work)

    @property
    def has_answer_slot(self) -> bool:
        """Whether the template itself has text around the answer."""
        return bool(self.before_answer or self.after_answer)

    def on_one_line(self) -> "ResponseTemplate":
        """Return the template without its line breaks."""
        parts = (self.before_work, self.after_work, self.before_answer, self.after_answer)
        before_work, after_work, before_answer, after_answer = (_LINE_BREAK.sub("", part) for part in parts)
        return replace(
            self,
            before_work=before_work,
            after_work=after_work,
            before_answer=before_answer,
            after_answer=after_answer,
        )

    def write_work(self, lines: Sequence[str]) -> str:
        """Return the work in its place, up to the answer."""
        work = "\n".join(lines)
        return f"{self.before_work}{work}{self.after_work}"

    def write_answer(self, *answers: str) -> str:
        """Return one or several answers, each with the text around it."""
        return "\n".join(f"{self.before_answer}{answer}{self.after_answer}" for answer in answers)

    def find_answers(self, text: str) -> list[str]:
        """Return the texts in the places of the answer, in their order. Spaces around them do not matter."""
        opening, closing = self.before_answer.strip(), self.after_answer.strip()
        answers: list[str] = []
        position = text.find(opening) if opening else -1
        while position >= 0:
            start = position + len(opening)
            end = text.find(closing, start) if closing else text.find("\n", start)
            if end < 0 and closing:
                break
            answers.append(text[start : end if end >= 0 else None].strip())
            position = text.find(opening, end) if end >= 0 else -1
        return answers
