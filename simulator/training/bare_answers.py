"""Reads from a prompt whether it asks for the answer alone, such as "Answer with one word."."""

import re
from typing import Final

# The start of a request, up to what is asked for. Without it, "the only integer" of a riddle would be a request.
_REQUEST: Final = (
    r"\b(?:answer|reply|respond|output|return|give|write|state|print|provide|say|name|send|submit|produce|choose|pick|"
    r"select|predict|classify|contain|be)\b[^.\n]{0,60}?"
)
_NOUN: Final = (
    r"(?:word|letter|number|digits?|label|token|integer|character|value|option|choice|level|grade|class|category|name|"
    r"code|answer|expression|equation|formula|query|statement|function|program|date|team|intent|sentiment|result|text|"
    r"title|translation|sentence|verdict|key|symbol|percentage|amount|city|country|line|select)"
)
_QUOTE: Final = "[\"'`*\u201c\u201d]*"
_YES: Final = rf"{_QUOTE}(?:yes|no|true|false){_QUOTE}"
_LETTER: Final = r"\(?(?-i:[A-Z])\)?"
_BARE: Final = re.compile(
    r"\b(?:one word|(?:only|just)(?: with)? (?:the|a|one)(?: \w+)? "
    r"(?:label|answer|number|category|name|word|code))\b"
    rf"|{_REQUEST}\b(?:one|a single|single|exactly one)[ -]{_NOUN}\b"
    rf"|{_REQUEST}\b(?:only|just|solely|simply|nothing but)(?: with)? (?:the|a|an|one|your|its)(?: [\w-]+){{0,2}}? "
    rf"{_NOUN}\b"
    rf"|{_REQUEST}\b{_NOUN}\s+(?:only|alone|by itself)\b"
    rf"|(?:^|[.:!?(]\s|\n)\s{{0,4}}(?:the )?{_NOUN} (?:only|alone)\b"
    rf"|{_REQUEST}\b(?:and )?nothing (?:else|more)\b"
    r"|\bno (?:other|extra|additional|further) (?:text|words?|output|explanation)\b"
    r"|\b(?:no|without(?: any)?) (?:explanations?|commentary|comments|preamble)\b"
    rf"|\b(?:answer|reply|respond)(?: only| just| simply)?(?: with)?(?: either)?:? {_YES}(?:,? or |/){_YES}"
    r"|\b(?:answer|reply|respond|output)(?: only)? with (?:only |just |exactly )?(?:one of|(?:the )?letter)\b"
    r"|\b(?:answer|reply|respond|output|choose)(?: only)?(?: with)?:? "
    rf"(?:{_LETTER}(?:,? or |, ?|/)){{1,8}}{_LETTER}(?!\w)",
    re.IGNORECASE,
)


def asks_for_answer_alone(text: str) -> bool:
    """Return whether a prompt asks for nothing but the answer."""
    return bool(_BARE.search(text))
