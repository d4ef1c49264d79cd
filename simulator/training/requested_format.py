"""The answer format that a prompt asks for."""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal, get_args

from simulator.training.answer_markers import (
    ends_with_cue,
    find_labelled_lines,
    find_mentioned_marker,
    find_requested_marker,
)
from simulator.training.bare_answers import asks_for_answer_alone
from simulator.training.requested_json import asks_for_json, find_json_keys, mentions_json
from simulator.training.response_template import ResponseTemplate
from simulator.training.tag_templates import find_tag_template, is_denied

FormatName = Literal["hash", "boxed", "xml", "json", "colon", "bare", "none"]
FORMAT_NAMES: tuple[FormatName, ...] = get_args(FormatName)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedFormat:
    """The answer format that a prompt asks for.

    Attributes:
        format: its name. `xml` is an answer between tags, or between the lines of a fence.
        marker: the words before the answer, as the prompt writes them.
        key: the key of the answer in a JSON object.
        work_key: the key of the work in that object; empty without one.
        template: the text around the work and the answer, if the prompt shows more than the format's usual text.
    """

    format: FormatName = "none"
    marker: str = "ANSWER:"
    key: str = "answer"
    work_key: str = ""
    template: ResponseTemplate | None = None


USUAL_TAGS: Final = ResponseTemplate(before_answer="<answer>", after_answer="</answer>")
"""How an answer is tagged if the prompt shows no other way."""

# Instructions are at the ends of a prompt. The patterns take half a second for 30,000 characters of the worst text.
_MAX_END: Final = 16_000
_MAX_CACHED: Final = 4_000  # characters; a longer prompt would fill the memory

_HASH: Final = re.compile(r"####")
_HEADING: Final = re.compile(
    r"^####[ \t]+(?!.*\b(?:answer|number|result|label|solution|value|letter)\b)[A-Za-z][A-Za-z ]+$",
    re.IGNORECASE | re.MULTILINE,
)
_BOXED: Final = re.compile(r"\\boxed|\bboxed\{")
_FENCE: Final = re.compile(
    r"(?:\b(?:in|inside|within|into|using|with|between|as)\b[^.\n`]{0,40}|\b(?:wrap|enclose|fence)\w*\b[^.\n`]{0,60})"
    r"```(?P<language>[A-Za-z+#]*)"
    r"|\b(?:in|inside|within|into|as|with|using)\s+(?:a|an|one|a single|the|triple)\s+(?:[Mm]arkdown\s+|fenced\s+)*"
    r"(?P<spoken>[Pp]ython|SQL|sql|[Jj]ava[Ss]cript|JSON|json)?\s*(?:[Mm]arkdown\s+|fenced\s+)*"
    r"(?:code|fenced|backtick)s?(?:[ -](?:block|fence))s?"
    r"|\b(?:in|between|with)\s+triple\s+backticks",
)
# "[[A]] or [[B]]", as judges are asked.
_DOUBLE_BRACKETS: Final = re.compile(
    r"\b(?:output|return|state|give|write|respond|reply|answer|verdict|rating|format)\b[^.\n]{0,60}"
    r"\[\[(?:[A-Z]|[a-z]{2,20}(?: [a-z]+)?)\]\]",
    re.IGNORECASE,
)
_FENCED_EXAMPLE: Final = re.compile(
    r"\b(?:format|form|like this|template)\b[^\n]{0,30}:\s*\n```(?P<language>[a-z+#]*)\n(?:[^`\n]{0,80}\n)?```",
    re.IGNORECASE,
)


def find_requested_format(text: str, *, kind: str | None = None) -> RequestedFormat:
    """Return the answer format that a prompt asks for.

    Of several, a pair of tags is preferred, then a sign or marker before the answer, then words that ask for the answer
    alone. `kind` is the kind of the right answer, if it is known: only programs, JSON and texts are put into fences,
    and only for a JSON answer the mere word JSON is enough.
    """
    if len(text) > 2 * _MAX_END:
        text = f"{text[:_MAX_END]}\n{text[-_MAX_END:]}"
    return _cached_format(text, kind) if len(text) <= _MAX_CACHED else _find_format(text, kind)


def _find_format(text: str, kind: str | None) -> RequestedFormat:
    key, work_key = find_json_keys(text)
    requested = RequestedFormat(marker=_find_spelled_marker(text), key=key or RequestedFormat().key)
    tags = find_tag_template(text, prefers_calls=kind == "json")
    if tags is not None and tags.has_answer_slot:
        if _asks_for_box(text):
            tags = replace(tags, before_answer=f"{tags.before_answer}\\boxed{{", after_answer=f"}}{tags.after_answer}")
        return replace(requested, format="xml", template=None if tags == USUAL_TAGS else tags)
    found = _find_format_of_answer(text, kind, replace(requested, work_key=work_key))
    if tags is None:
        return found if found.format == "json" else replace(found, work_key="")
    if found.template is None:
        return replace(found, template=tags)
    return replace(
        found,
        template=replace(found.template, before_work=tags.before_work, after_work=tags.after_work),
    )


_cached_format: Final = lru_cache(maxsize=4_096)(_find_format)


def _find_spelled_marker(text: str) -> str:
    mentioned = find_mentioned_marker(text)
    return mentioned or RequestedFormat().marker


def _asks_for_box(text: str) -> bool:
    return any(not is_denied(text, match.start()) for match in _BOXED.finditer(text))


def _find_format_of_answer(text: str, kind: str | None, requested: RequestedFormat) -> RequestedFormat:
    """Return the format of the answer, without a place for the work unless the format itself has one."""
    if any(not is_denied(text, match.start()) for match in _HASH.finditer(_HEADING.sub("", text))):
        return replace(requested, format="hash")
    if _asks_for_box(text):
        return replace(requested, format="boxed")
    if (delimiters := _find_fence(text, kind) or _find_brackets(text)) is not None:
        return replace(requested, format="xml", template=delimiters)
    if asks_for_json(text):
        return replace(requested, format="json")
    if (lines := find_labelled_lines(text)) is not None:
        marker, template = lines
        return replace(requested, format="colon", marker=marker, template=template)
    if (asked := find_requested_marker(text)) is not None:
        return replace(requested, format="colon", marker=asked[0], template=asked[1])
    if kind == "json" and mentions_json(text):
        return replace(requested, format="json")
    if asks_for_answer_alone(text) or (kind in ("label", "boolean") and ends_with_cue(text)):
        return replace(requested, format="bare")
    if find_mentioned_marker(text) is not None:
        return replace(requested, format="colon")
    return requested


def _find_brackets(text: str) -> ResponseTemplate | None:
    brackets = _DOUBLE_BRACKETS.search(text)
    if brackets is None or is_denied(text, brackets.start()):
        return None
    return ResponseTemplate(before_answer="[[", after_answer="]]")


def _find_fence(text: str, kind: str | None) -> ResponseTemplate | None:
    """Return the lines of a fence, for a kind of answer that belongs into one."""
    if kind not in (None, "code", "text", "json"):
        return None
    for pattern in (_FENCE, _FENCED_EXAMPLE):
        for match in pattern.finditer(text):
            if not is_denied(text, match.start()) and not is_denied(text, match.end()):
                groups = match.groupdict()
                language = (groups.get("language") or groups.get("spoken") or "").lower()
                return ResponseTemplate(before_answer=f"```{language}\n", after_answer="\n```")
    return None
