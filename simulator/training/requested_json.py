"""Reads from a prompt whether it asks for JSON, and which key of the object holds the answer."""

import re
from typing import Final

_WORK_KEYS: Final = (
    "reasoning", "thinking", "thought", "thoughts", "explanation", "rationale", "analysis", "steps", "work",
    "chain_of_thought", "justification", "reason",
)  # fmt: skip
_ANSWER_KEYS: Final = (
    "final_answer", "answer", "label", "category", "class", "classification", "sentiment", "intent", "choice",
    "verdict", "result", "prediction", "value", "output",
)  # fmt: skip
_FIRST_KEY: Final = re.compile(r"\{\s*\"(\w+)\"\s*:")
_KEY: Final = re.compile(r"[{,]\s*\"(\w+)\"\s*:")
_MAX_OBJECT: Final = 1_000
_WORD_KEYS: Final = re.compile(
    r"\bjson\b[^.\n]{0,60}\b(?:keys?|fields?|propert(?:y|ies))\b(?: (?:named|called))?:? ?"
    r"(?P<names>[\"'`\w][\w\"'`, ]{0,80})",
    re.IGNORECASE,
)
_QUOTED_NAME: Final = re.compile(r"[\"'`](\w+)[\"'`]")
_NAME: Final = re.compile(r"\w+")
_ADJECTIVES: Final = (
    r"(?:(?:a|an|one|single|the|valid|strict|raw|plain|compact|pure|well-formed|only|just|following|this|flat|minified|"
    r"proper|exact|same|parseable)\s+){0,4}"
)
_VERB: Final = (
    r"\b(?:reply|respond|answer|return|output|give|produce|provide|write|emit|generate|print|send|format|present|list|"
    r"extract|convert|express|record|report|results?|response|state|describe|summari[sz]e|put|show|classify|label)"
)
# Asked for: "as JSON", "in JSON format", "reply with JSON", "JSON only", "return a JSON object".
_REQUESTS: Final = (
    re.compile(rf"(?:^|[.\n:]\s{{0,4}}|{_VERB}\b[^.\n]{{0,80}}\b)(?:as|into)\s+{_ADJECTIVES}json\b", re.IGNORECASE),
    re.compile(
        rf"(?:^|[.\n:]\s{{0,4}}|{_VERB}\b[^.\n]{{0,80}}\b)in\s+{_ADJECTIVES}json"
        r"(?:\s+(?:format|form|syntax|with|only)\b|\s*[.:;!?]|\s*$)",
        re.IGNORECASE,
    ),
    re.compile(
        rf"\b(?:reply|respond|answer|return|output|give|produce|provide|write|emit|generate|print|send|use)"
        rf"(?:\s+(?:me|us|back|your (?:answer|response|reply|output)|the (?:answer|result|output)|it|them|only|just|"
        rf"exactly|with|using|in|as|strictly|nothing but)){{0,4}}\s+{_ADJECTIVES}json\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"\bonly\s+(?:\w+\s+){0,2}json\b|\bjson\b[^.\n]{0,20}\b(?:only|alone|and nothing else)\b", re.IGNORECASE
    ),
    re.compile(r"\bjson(?:\s+object)?\s+(?:with|that has|containing|of the form|matching|conforming)\b", re.IGNORECASE),
    re.compile(
        r"\b(?:answer|response|reply|output)\b[^.\n]{0,40}\b(?:must be|should be|is|has to be)\b[^.\n]{0,20}\bjson\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?:reply|respond|answer|return|output|format|form)\b[^\n{]{0,60}\n?\s*(?:```(?:json)?\s*)?\{\s*\"\w+\"\s*:",
        re.IGNORECASE,
    ),
)
_INPUT: Final = re.compile(
    r"\b(?:about|from|of|on|read|parse|given|whether|for|consider|at)\s+(?:the|this|that|a|an|some|following|given)\s+"
    r"(?:\w+\s+){0,2}json\b(?!\s+(?:format|schema)\b)",
    re.IGNORECASE,
)
_DENIED: Final = re.compile(r"\b(?:not?|never|without|don['\u2019]t)\s+(?:\w+\s+){0,3}json\b", re.IGNORECASE)


def asks_for_json(text: str) -> bool:
    """Return whether a prompt asks for an answer in JSON. A question about JSON does not."""
    if "{" not in text and not mentions_json(text):
        return False
    plain = _DENIED.sub(" ", _INPUT.sub(" ", text))
    return any(pattern.search(plain) for pattern in _REQUESTS)


def mentions_json(text: str) -> bool:
    """Return whether the word JSON occurs."""
    return bool(re.search(r"(?i)\bjson\b", text))


def find_json_keys(text: str) -> tuple[str | None, str]:
    """Return the key of the answer, if the prompt shows or names one, and the key of the work, or an empty text."""
    first = _FIRST_KEY.search(text)
    if first is None:
        named = _WORD_KEYS.search(text)
        if named is None:
            return None, ""
        keys = _QUOTED_NAME.findall(named["names"]) or _NAME.findall(named["names"])[:1]
    else:
        keys = _KEY.findall(_cut_object(text[first.start() : first.start() + _MAX_OBJECT]))
    work_key = next((key for key in keys if key.lower() in _WORK_KEYS), "")
    candidates = [key for key in keys if key != work_key] or keys
    for name in _ANSWER_KEYS if work_key or len(candidates) > 1 else ():
        for key in candidates:
            if key.lower() == name:
                return key, work_key if key != work_key else ""
    return (candidates[0] if candidates else None), work_key if candidates and candidates[0] != work_key else ""


def _cut_object(text: str) -> str:
    """Return an object's own level: without what is inside its fields, up to its closing brace."""
    depth, level = 0, []
    for character in text:
        depth += (character in "{[") - (character in "}]")
        if depth <= 1:
            level.append(character)
        if depth == 0:
            break
    return "".join(level)
