"""Reads from a prompt the words or signs that it wants before the answer, such as "Answer:" or "The answer is"."""

import re
from itertools import pairwise
from typing import Final

from simulator.training.response_template import ResponseTemplate
from simulator.training.tag_templates import is_denied

_QUOTES: Final = "\"'`\u201c\u201d\u2018\u2019*"
# What stands for the answer: "X", "$LETTER", "<label>", "[your answer]", "(X)", "...", "___".
_SLOT: Final = (
    r"(?:<[^<>\n]{1,60}>|\[[^\[\]\n]{1,60}\]|\{[^{}\n]{0,60}\}|\([A-Z]\)|\([^()\n]{1,40}\)|\$?[A-Z_]{1,20}\b"
    r"|\.\.\.|\u2026|_{2,}|\d+)"
)
_QUOTED_MARKER: Final = re.compile(
    rf"[{_QUOTES}](?P<marker>[A-Za-z][\w ]{{0,30}}:)\s?(?P<slot>{_SLOT})?[.]?[{_QUOTES}]"
)
_QUOTED_EXAMPLE: Final = re.compile(
    rf"[{_QUOTES}](?P<marker>[A-Za-z][\w ]{{0,30}}:)\s(?P<slot>[\w.-]{{1,30}})[{_QUOTES}]"
)
_QUOTED_SIGN: Final = re.compile(rf"\b(?:after|with|by)\s[{_QUOTES}](?P<marker>[=>#:~|@-]{{2,6}})(?P<slot>)[{_QUOTES}]")
_SAYING: Final = re.compile(
    rf"(?P<quote>[{_QUOTES}])?\b(?P<marker>(?:so )?(?:the|my) (?:final |correct |right |best )?"
    rf"(?:answer|choice|label|result) is:?)(?:\s(?P<slot>{_SLOT}))?(?P<end>[.]?[{_QUOTES}])?",
    re.IGNORECASE,
)
_NAMED_MARKER: Final = re.compile(
    r"(?P<marker>\b(?:(?:the|my|your) )?(?:final |correct )?(?:answer|choice|label|category|verdict|result|decision|"
    r"prediction|sentiment|intent|class|classification|output|rating|severity|priority|diagnosis):)(?P<rest>[^\n]{0,60})",
    re.IGNORECASE,
)
_ANSWER_MARKER: Final = re.compile(r"\b(?:the )?(?:final )?answer:", re.IGNORECASE)
_CUE: Final = re.compile(r"\n[*_ \t]{0,4}(?:the )?(?:final )?answer:[*_]{0,3}\s*\Z", re.IGNORECASE)
_ANY_CUE: Final = re.compile(r"\n[*_ \t]{0,4}[A-Z][\w ]{0,30}:[*_]{0,3}\s*\Z")
_REQUEST: Final = re.compile(
    r"\b(?:end|ends|ending|finish|conclude|close|last line|final line|line|form|format|formatted|prefix\w*|after|"
    r"start\w*|begin\w*|preced\w*|followed|follow\w*|write|print|put|state|say|respond|reply|output|give|return|as|use)\b"
    r"[^\n]{0,80}$",
    re.IGNORECASE,
)
_ENDING_REQUEST: Final = re.compile(
    r"\b(?:end|ends|ending|finish|conclude|last line|final line|line|form|format|after)\b[^\n.]{0,60}\n?[^\n.]{0,20}$",
    re.IGNORECASE,
)
_LABELLED_LINE: Final = re.compile(
    rf"(?m)^[ \t]{{0,4}}(?P<bold>\*\*)?(?P<name>[A-Z][\w ]{{0,30}}):(?(bold)\*\*)?[ \t]?(?P<slot>{_SLOT})[ \t]*$"
)
_WORK_LINE: Final = re.compile(
    r"(?i)\b(?:reasoning|thoughts?|thinking|explanation|rationale|analysis|work\w*|steps|reason)\b"
)
_BRACKETED: Final = re.compile(r"(?P<opening>[(\[])(?:[A-Z]|letter|option|choice|the letter)(?P<closing>[)\]])")


def find_labelled_lines(text: str) -> tuple[str, ResponseTemplate] | None:
    """Return the marker and the template of lines such as "Reasoning: <your steps>" and "Answer: <the letter>"."""
    lines = list(_LABELLED_LINE.finditer(text))
    for first, second in pairwise(lines):
        between = text[first.end() : second.start()]
        if not between.strip() and _WORK_LINE.search(first["name"]) and not _WORK_LINE.search(second["name"]):
            template = ResponseTemplate(
                before_work=_label(first), after_work=between, before_answer=_label(second), after_answer=""
            )
            return f"{second['name']}:", template
    return None


def _label(line: re.Match[str]) -> str:
    return line.group()[: line.start("slot") - line.start()].lstrip()


def find_requested_marker(text: str) -> tuple[str, ResponseTemplate | None] | None:
    """Return the marker that a prompt clearly asks for, with a template if it is not just followed by the answer."""
    for pattern, request in (
        (_SAYING, _REQUEST),
        (_QUOTED_MARKER, _REQUEST),
        (_QUOTED_EXAMPLE, _ENDING_REQUEST),
        (_QUOTED_SIGN, _REQUEST),
    ):
        found = [match for match in pattern.finditer(text) if _is_requested(text, match, pattern, request)]
        if found:
            return found[-1]["marker"], _template_of(found[-1])
    named = [
        match
        for match in _NAMED_MARKER.finditer(text)
        if not is_denied(text, match.start())
        and _has_slot_only(match["rest"])
        and _ENDING_REQUEST.search(text[: match.start()][-100:])
    ]
    return (named[-1]["marker"], _template_of_rest(named[-1])) if named else None


def find_mentioned_marker(text: str) -> str | None:
    """Return a marker such as "Answer:" that a prompt mentions. Alone in the last line it is a cue, and no marker."""
    found = _ANSWER_MARKER.search(_CUE.sub("", text))
    return found.group() if found else None


def ends_with_cue(text: str) -> bool:
    """Return whether the last line of a prompt is a cue such as "Answer:" or "Category:", which the answer follows."""
    return bool(_ANY_CUE.search(text))


def _is_requested(text: str, match: re.Match[str], pattern: re.Pattern[str], request: re.Pattern[str]) -> bool:
    if is_denied(text, match.start()):
        return False
    lead = text[max(0, match.start() - 100) : match.start("marker")]
    if pattern is _SAYING:
        # "the answer is" in prose is no marker.
        is_quoted = bool(match["quote"] and match["end"])
        return is_quoted or bool(match["slot"] and request.search(lead))
    return bool(request.search(lead))


def _has_slot_only(rest: str) -> bool:
    """Return whether what follows a marker stands for the answer, or describes it in the same sentence."""
    return bool(re.match(rf"\s*(?:{_SLOT}|(?:and|followed|then|plus|with)\b|[{_QUOTES}]|$)", rest))


def _template_of(match: re.Match[str]) -> ResponseTemplate | None:
    return _with_brackets(match["marker"], match["slot"] or "")


def _template_of_rest(match: re.Match[str]) -> ResponseTemplate | None:
    slot = re.match(rf"\s*({_SLOT})", match["rest"])
    return _with_brackets(match["marker"], slot[1] if slot else "")


def _with_brackets(marker: str, slot: str) -> ResponseTemplate | None:
    brackets = _BRACKETED.fullmatch(slot)
    if brackets is None or slot.startswith("["):
        return None
    return ResponseTemplate(before_answer=f"{marker} {brackets['opening']}", after_answer=brackets["closing"])
