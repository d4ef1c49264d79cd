"""Finds the answers that a response marks as such: in JSON, after "####", in a box, in bold."""

import json
import re
from collections.abc import Iterator
from typing import Final

from simulator.training.dataset import Json

_ANSWER_KEYS: Final = ("final_answer", "answer", "label", "category", "class", "result", "value", "output")
FENCE: Final = re.compile(r"```[\w+-]*\n(.*?)```", re.DOTALL)
_BOX_OPENING: Final = re.compile(r"\\boxed ?\{")
_BRACE: Final = re.compile(r"(?<!\\)[{}]")
_MAX_BOXES: Final = 100
_HASH: Final = re.compile(r"####[ \t]{0,9}(?:\n[ \t]{0,9})?([^\n#]*[^\s#])")
_TAGGED: Final = re.compile(r"<answer>(.{0,2000}?)</answer>", re.DOTALL | re.IGNORECASE)
_SAID: Final = re.compile(
    r"(?im)\b(?:final |correct )?answer(?:\*\*)?\s{0,2}(?::|=|\bis\b:?)(?:\*\*)?"
    r"[ \t]{0,9}(?:\n[ \t]{0,9})?(\S[^\n]*)"
)
_BOLD: Final = re.compile(r"\*\*([^*\n]+)\*\*")
_OPENING: Final = re.compile(r"[{\[]")
_DECODER: Final = json.JSONDecoder()
_MAX_BRACKETS: Final = 200  # a limit for texts that are full of brackets


def find_marked_answers(text: str) -> list[str]:
    """Return the marked answers of a response, in its order, for the most reliable kind of mark that it has."""
    json_answer = _find_json_answer(text)
    if json_answer is not None:
        return [json_answer]
    for find in (_HASH.findall, find_boxes, _TAGGED.findall, _SAID.findall):
        if answers := find(text):
            return [answer.strip() for answer in answers]
    return [answer.strip() for answer in _BOLD.findall(last_line(text))]


def find_boxes(text: str) -> list[str]:
    r"""Return the contents of the boxes, `\boxed{...}`, in their order. They may have braces themselves."""
    boxes: list[str] = []
    for opening in list(_BOX_OPENING.finditer(text))[-_MAX_BOXES:]:
        depth = 1
        for brace in _BRACE.finditer(text, opening.end()):
            depth += 1 if brace.group() == "{" else -1
            if depth == 0:
                boxes.append(text[opening.end() : brace.start()])
                break
    return boxes


def _find_json_answer(text: str) -> str | None:
    """Return the answer in a JSON object, if the response or its last line is one."""
    for candidate in (*reversed(FENCE.findall(text)), text, last_line(text)):
        if candidate.lstrip()[:1] != "{":
            continue
        value = next(find_json_values(candidate), None)
        if isinstance(value, dict) and value:
            answers = [value[name] for name in _ANSWER_KEYS if name in value]
            answer = answers[0] if answers else next(reversed(value.values())) if len(value) == 1 else None
            if answer is not None and not isinstance(answer, dict | list):
                return answer if isinstance(answer, str) else json.dumps(answer)
    return None


def last_line(text: str) -> str:
    """Return the last line of a text."""
    return text.rsplit("\n", 1)[-1].strip()


def find_json_values(text: str) -> Iterator[Json]:
    """Yield the outermost objects and lists in a response, wherever they are."""
    position = 0
    for _ in range(_MAX_BRACKETS):
        opening = _OPENING.search(text, position)
        if opening is None:
            return
        try:
            value, position = _DECODER.raw_decode(text, opening.start())
            yield value
        except (ValueError, RecursionError):
            position = opening.end()
