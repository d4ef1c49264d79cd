"""Finds the answers that a response marks as such: in JSON, after "####", in a box, in bold."""

import json
import re
from collections.abc import Iterator
from typing import Final

from simulator.training.dataset import Json

_ANSWER_KEYS: Final = ("final_answer", "answer", "label", "category", "class", "result", "value", "output")
FENCE: Final = re.compile(r"```[\w+-]*\n(.*?)```", re.DOTALL)
_BOXED: Final = re.compile(r"\\boxed ?\{((?:[^{}]|\{[^{}]*\})*)\}")
_MARKERS: Final = (
    re.compile(r"####[ \t]{0,9}(?:\n[ \t]{0,9})?([^\n#]*[^\s#])"),
    _BOXED,
    re.compile(r"<answer>(.{0,2000}?)</answer>", re.DOTALL | re.IGNORECASE),
    re.compile(
        r"(?im)\b(?:final |correct )?answer(?:\*\*)?\s{0,2}(?::|=|\bis\b:?)(?:\*\*)?"
        r"[ \t]{0,9}(?:\n[ \t]{0,9})?(\S[^\n]*)"
    ),
)
_BOLD: Final = re.compile(r"\*\*([^*\n]+)\*\*")
_OPENING: Final = re.compile(r"[{\[]")
_DECODER: Final = json.JSONDecoder()
_MOST_BRACKETS: Final = 200  # a text of nothing but brackets is looked into so far


def find_marked_answers(text: str) -> list[str]:
    """Return what a response itself marks as its answer: by the surest sort of mark that it uses, in its order."""
    held = _json_answer(text)
    if held is not None:
        return [held]
    for pattern in _MARKERS:
        if found := pattern.findall(text):
            return [answer.strip() for answer in found]
    last = last_line(text)
    return [answer.strip() for answer in _BOLD.findall(last)]


def _json_answer(text: str) -> str | None:
    """Return the answer that a JSON object holds, if the response is one."""
    for candidate in (*reversed(FENCE.findall(text)), text, last_line(text)):
        if candidate.lstrip()[:1] != "{":
            continue
        value = next(find_json_values(candidate), None)
        if isinstance(value, dict) and value:
            named = [value[name] for name in _ANSWER_KEYS if name in value]
            answer = named[0] if named else next(reversed(value.values())) if len(value) == 1 else None
            if answer is not None and not isinstance(answer, dict | list):
                return answer if isinstance(answer, str) else json.dumps(answer)
    return None


def last_line(text: str) -> str:
    """Return the last line of a text."""
    return text.rsplit("\n", 1)[-1].strip()


def find_json_values(text: str) -> Iterator[Json]:
    """Yield the objects and lists that a response holds, in prose, fences or anything else, but not those within."""
    position = 0
    for _ in range(_MOST_BRACKETS):
        opening = _OPENING.search(text, position)
        if opening is None:
            return
        try:
            value, position = _DECODER.raw_decode(text, opening.start())
            yield value
        except (ValueError, RecursionError):
            position = opening.end()
