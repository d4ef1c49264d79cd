"""Reads from a prompt which tags a response has, such as <think> and <answer>, and how they are laid out.

A pair of tags counts if its name says what goes into it, or if the prompt asks for something in it. Tags around the
data of a task, such as <document>, do not count.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from simulator.training.response_template import ResponseTemplate

OTHER_SLOT_TEXT: Final = "This fits the question."
"""What goes into a place that is neither for the answer nor for the work before it."""

_MAX_TAGS: Final = 400  # a limit for prompts that are documents full of tags
_MAX_CONTENT: Final = 600  # a longer content is data, not the picture of a place
_MAX_SPACE: Final = 8

_WORK_NAMES: Final = frozenset(
    {
        "think", "thinking", "thought", "thoughts", "reasoning", "reason", "reasons", "analysis", "scratchpad", "work",
        "working", "workings", "explanation", "rationale", "steps", "stepbystep", "plan", "planning", "reflection",
        "justification", "chainofthought", "cot", "calculation", "calculations", "derivation", "notes",
    }
)  # fmt: skip
_CALL_NAMES: Final = ("toolcall", "toolcalls", "functioncall", "functioncalls", "call")
_CERTAIN_NAMES: Final = ("finalanswer", "answer")
_POSSIBLE_NAMES: Final = (
    "solution", "result", "final", "output", "response", "reply", "equation", "expression", "formula", "code",
    "python", "sql", "query", "program", "label", "category", "class", "classification", "intent", "sentiment",
    "choice", "option", "letter", "verdict", "decision", "prediction", "number", "value", "summary", "translation",
    "text", "json",
)  # fmt: skip
_CONFIDENCE_NAMES: Final = frozenset({"confidence", "certainty", "probability", "score"})

_TAG: Final = re.compile(
    r"<(?P<close>/?)(?P<name>[A-Za-z][\w.-]{0,40})>|\[(?P<close2>/?)(?P<name2>[A-Z][A-Z_]{2,40})\]"
)
_DENIAL: Final = re.compile(
    r"(?:\b(?:not|never|without|avoid|omit|instead of|rather than)\b|n['\u2019]t\b)[^.,;:\n]{0,40}$|\bno\s$",
    re.IGNORECASE,
)
_REQUEST: Final = re.compile(
    r"\b(?:put|write|wrap|enclose|surround|give|return|place|provide|output|respond|reply|answer|end|finish|state|"
    r"submit|report|use|format|call)\b[^.\n]{0,100}$",
    re.IGNORECASE,
)
_REQUEST_OF_UNKNOWN: Final = re.compile(
    r"\b(?:put|write|wrap|enclose|surround|give|return|place|provide|output|respond|reply|answer|end|finish|list|name|"
    r"extract|summari[sz]e|translate|rewrite|state|report|collect|show)\b"
    r"[^.\n]{0,80}\b(?:in|inside|within|between|with|as|by|using|into)\b[^.\n]{0,12}$",
    re.IGNORECASE,
)
_INPUT: Final = re.compile(
    r"\b(?:given|provided|found|contained|delimited|shown|text|passage|context|document|article|information|facts)"
    r"(?: is| are)? (?:in|within|inside|between|by)\b[^.\n]{0,12}$",
    re.IGNORECASE,
)
_INPUT_NAMES: Final = frozenset(
    {
        "context", "passage", "document", "documents", "article", "question", "input", "data", "tools", "example",
        "examples", "instructions", "source", "story", "paragraph", "conversation", "user", "system", "b", "i", "p",
    }
)  # fmt: skip
_LAYOUT_REQUEST: Final = re.compile(
    r"\b(?:format|form|template|layout|structure|follows|like this)\b[^\n]{0,40}:\s*$", re.IGNORECASE
)
_PLACEHOLDER: Final = re.compile(
    r"\W*|(?:and|to|or)|.{0,3}\b(?:your|the|an?|one|only|here|this|json|label|answer|step|steps|number|final)\b.*"
    r"|[\[{(<].*[\]})>]",
    re.IGNORECASE | re.DOTALL,
)
_WRAPPER_OPENING: Final = re.compile(rf"<(?P<name>[A-Za-z][\w.-]{{0,40}})>\s{{0,{_MAX_SPACE}}}$")
# An object with one text, as in <result>{"label": "..."}</result>.
_OBJECT_IN_SLOT: Final = re.compile(r"(?P<before>\{\s*\"\w+\"\s*:\s*\")[^\"]*(?P<after>\"\s*\})")
_BETWEEN: Final = frozenset({"", "and", "to", "or", ","})  # as in "between <answer> and </answer>"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slot:
    """A pair of tags with nothing but text in it: positions of the opening tag, the content and the end."""

    name: str
    start: int
    content_start: int
    content_end: int
    end: int
    opening: str
    closing: str
    content: str

    @property
    def is_described(self) -> bool:
        """Whether the prompt only names the tags, as in "between <answer> and </answer>"."""
        return self.content.strip().lower() in _BETWEEN

    @property
    def margins(self) -> tuple[str, str]:
        """The white space inside the tags, before and after the content."""
        if self.is_described:
            margin = "\n" if "\n" in self.content and not self.content.strip() else ""
            return margin, margin
        stripped = self.content.strip()
        before, _, after = self.content.partition(stripped)
        return before[-_MAX_SPACE:], after[:_MAX_SPACE]

    def wrap(self, text: str) -> str:
        """Return a text between these tags."""
        before, after = self.margins
        return f"{self.opening}{before}{text}{after}{self.closing}"


def find_tag_template(text: str, *, prefers_calls: bool = False) -> ResponseTemplate | None:
    """Return the template of the tags that a prompt asks for, or None.

    A template without text around the answer has only a place for the work. `prefers_calls`: of a place for tool calls
    and one for an answer, take the first.
    """
    slots = _find_slots(text)
    answer = _choose_answer_slot(text, slots, prefers_calls=prefers_calls)
    work_slots = [slot for slot in slots if slot.name in _WORK_NAMES and not is_denied(text, slot.start)]
    if answer is None:
        return None if not work_slots else _with_work(ResponseTemplate(), work_slots[-1])
    region = _region_around(text, slots, answer)
    template = _compose(text, region, answer)
    if not prefers_calls and (shown := _OBJECT_IN_SLOT.fullmatch(answer.content.strip())):
        template = replace(
            template,
            before_answer=template.before_answer + shown["before"],
            after_answer=shown["after"] + template.after_answer,
        )
    if template.has_work_slot or not template.allows_work:
        return template
    names = {slot.name for slot in region}
    detached = [slot for slot in work_slots if slot.name not in names]
    return _with_work(template, detached[-1]) if detached else template


def _compose(text: str, region: Sequence[_Slot], answer: _Slot) -> ResponseTemplate:
    """Return the template of slots that stand next to each other, with the spaces between and the tags around them."""
    position = region.index(answer)
    work = next((slot for slot in region[:position] if slot.name in _WORK_NAMES), None)
    literal, closing_wrapper = _find_wrapper(text, region[0].start, region[-1].end)
    before_work = after_work = before_answer = ""
    previous: _Slot | None = None
    for slot in region:
        literal += text[previous.end : slot.start] if previous else ""
        before, after = slot.margins
        if slot is work:
            before_work, literal = literal + slot.opening + before, after + slot.closing
        elif slot is answer:
            after_work, literal = (literal, "") if work else ("", literal)
            before_answer, literal = literal + slot.opening + before, after + slot.closing
        else:
            literal += slot.wrap("0.9" if slot.name in _CONFIDENCE_NAMES else OTHER_SLOT_TEXT)
        previous = slot
    return ResponseTemplate(
        before_work=before_work,
        after_work=after_work,
        before_answer=before_answer,
        after_answer=literal + closing_wrapper,
        allows_work=position > 0 or len(region) == 1,
        is_repeated=answer.name in _CALL_NAMES,
    )


def _find_wrapper(text: str, start: int, end: int) -> tuple[str, str]:
    """Return the tags around a part of a text, with the white space inside them."""
    opening = _WRAPPER_OPENING.search(text[max(0, start - _MAX_CONTENT) : start])
    if opening is None:
        return "", ""
    closing = re.match(rf"\s{{0,{_MAX_SPACE}}}</{re.escape(opening['name'])}>", text[end:])
    return (opening.group(), closing.group()) if closing else ("", "")


def is_denied(text: str, position: int) -> bool:
    """Return whether the words before a position say that the prompt does not want what stands there."""
    return bool(_DENIAL.search(text[max(0, position - 80) : position]))


def _with_work(template: ResponseTemplate, work: _Slot) -> ResponseTemplate:
    before, after = work.margins
    return replace(template, before_work=work.opening + before, after_work=f"{after}{work.closing}\n")


def _find_slots(text: str) -> list[_Slot]:
    """Return the innermost pairs of tags, and opening tags alone that the prompt calls tags."""
    slots: list[_Slot] = []
    open_tags: list[tuple[str, re.Match[str], int]] = []  # the number of slots found before it
    for tag in list(_TAG.finditer(text))[-_MAX_TAGS:]:
        name = _normalize_name(tag["name"] or tag["name2"])
        if not (tag["close"] or tag["close2"]):
            open_tags.append((name, tag, len(slots)))
            continue
        depth = next((index for index in reversed(range(len(open_tags))) if open_tags[index][0] == name), None)
        if depth is None:
            continue
        _, opening, slots_before = open_tags[depth]
        del open_tags[depth:]
        content = text[opening.end() : tag.start()]
        if len(slots) == slots_before and len(content) <= _MAX_CONTENT:
            slots.append(
                _Slot(
                    name=name,
                    start=opening.start(),
                    content_start=opening.end(),
                    content_end=tag.start(),
                    end=tag.end(),
                    opening=opening.group(),
                    closing=tag.group(),
                    content=content,
                )
            )
    slots += [
        _Slot(
            name=name,
            start=tag.start(),
            content_start=tag.end(),
            content_end=tag.end(),
            end=tag.end(),
            opening=tag.group(),
            closing=f"{tag.group()[0]}/{tag.group()[1:]}",
            content="",
        )
        for name, tag, _ in open_tags
        if (name in _CERTAIN_NAMES or re.match(r"[^\w\n]{0,3}tags?\b", text[tag.end() :]))
        and name not in {slot.name for slot in slots}
    ]
    return sorted(slots, key=lambda slot: slot.start)


def _normalize_name(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _choose_answer_slot(text: str, slots: Sequence[_Slot], *, prefers_calls: bool) -> _Slot | None:
    """Return the slot of the answer: of the most certain name, the last that shows its content."""
    names = [*_CERTAIN_NAMES, *_CALL_NAMES]
    if prefers_calls:
        names = [*_CALL_NAMES, *_CERTAIN_NAMES]
    wanted = [slot for slot in slots if not is_denied(text, slot.start)]
    for name in (*names, *_POSSIBLE_NAMES):
        candidates = [slot for slot in wanted if slot.name == name]
        if name in _POSSIBLE_NAMES:
            candidates = [slot for slot in candidates if _is_requested(text, slots, slot)]
        if candidates:
            return _clearest(text, slots, candidates)
    filled = {slot.name for slot in slots if not _PLACEHOLDER.fullmatch(slot.content.strip())}
    unknown = [
        slot
        for slot in wanted
        if slot.name not in _WORK_NAMES | _INPUT_NAMES | filled
        and _REQUEST_OF_UNKNOWN.search(text[: slot.start][-120:])
        and not _INPUT.search(text[: slot.start][-120:])
    ]
    return _clearest(text, slots, unknown) if unknown else None


def _clearest(text: str, slots: Sequence[_Slot], candidates: Sequence[_Slot]) -> _Slot:
    return max(
        candidates,
        key=lambda slot: (_follows_work(text, slots, slot), not slot.is_described, bool(slot.content), slot.start),
    )


def _is_requested(text: str, slots: Sequence[_Slot], slot: _Slot) -> bool:
    """Return whether the prompt asks for something between these tags."""
    lead = text[: slot.start][-120:]
    if _follows_work(text, slots, slot) or _LAYOUT_REQUEST.search(lead):
        return True
    return bool(_PLACEHOLDER.fullmatch(slot.content.strip()) and _REQUEST.search(lead))


def _follows_work(text: str, slots: Sequence[_Slot], slot: _Slot) -> bool:
    """Return whether a slot for work stands before this one, with only white space and other slots between."""
    region = _region_around(text, slots, slot)
    return any(other.name in _WORK_NAMES for other in region[: region.index(slot)])


def _region_around(text: str, slots: Sequence[_Slot], answer: _Slot) -> list[_Slot]:
    """Return the slots that stand next to the answer's with only white space between, in their order."""
    if answer.is_described and "\n" not in answer.content:
        return [answer]
    index = slots.index(answer)
    first = last = index
    while first > 0 and _is_next_to(text, slots[first - 1], slots[first]) and slots[first - 1].name != answer.name:
        first -= 1
    while (
        last + 1 < len(slots)
        and _is_next_to(text, slots[last], slots[last + 1])
        and slots[last + 1].name != answer.name
    ):
        last += 1
    return list(slots[first : last + 1])


def _is_next_to(text: str, left: _Slot, right: _Slot) -> bool:
    return left.end <= right.start and not text[left.end : right.start].strip()
