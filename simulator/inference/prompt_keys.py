"""Finds the keys of a JSON object that a prompt names in words, such as "JSON with the keys a and b"."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_NOUN: Final = r"(?:keys?|fields?|properties|property|attributes?)\b"
# In one sentence: JSON, and then a noun such as "keys", or "with" before a quoted name.
_INTRODUCTION: Final = re.compile(
    rf"(?i)\bjson\b(?:(?![.?!]\s)[^{{}}]){{0,80}}?(?:\b{_NOUN}(?:\s+(?:named|called|are|is)\b)?|\bwith\b(?=\s+[\"'`]))"
)
_NAME_BEFORE_NOUN: Final = re.compile(r"[\"'`]\w+[\"'`]\s+\w+$")
_LIST_START: Final = re.compile(r"[^\n{}]{0,40}:[ \t]*\n(?=\s*(?:[-*\u2022]|\d+[.)])\s)")
_BULLET: Final = re.compile(r"\s*(?:[-*\u2022]|\d+[.)])\s+")
_SEPARATOR: Final = re.compile(r"(?i)\s*(?:(?:,|;|:|\band\b|\bthen\b|\bplus\b)\s*)+|\s+")
_ARTICLE: Final = re.compile(r"(?i)(?:an?|the|both|these|following)\s+")
_KEY: Final = re.compile(r"(?:\*\*)?(?:[\"'`](?P<quoted>\w+)[\"'`]|(?P<bare>[A-Za-z_]\w*))(?:\*\*)?")
_TYPE_IN_PARENTHESES: Final = re.compile(r"\s*\(([^()]*)\)")
_NOUN_AFTER_NAME: Final = re.compile(rf"(?i)\s+{_NOUN}")
# Words that continue the sentence after a list of bare names.
_NOT_KEYS: Final = frozenset({
    "above", "as", "based", "below", "do", "each", "for", "from", "give", "here", "if", "in", "it", "make", "must",
    "no", "not", "nothing", "of", "only", "or", "please", "reply", "respond", "return", "should", "so", "that", "this",
    "to", "use", "when", "where", "which", "whose", "with", "you", "your",
})  # fmt: skip

PRIMITIVE_TYPES: Final[Mapping[str, Mapping[str, Any]]] = {
    "str": {"type": "string"}, "string": {"type": "string"}, "text": {"type": "string"},
    "int": {"type": "integer"}, "integer": {"type": "integer"},
    "float": {"type": "number"}, "number": {"type": "number"},
    "bool": {"type": "boolean"}, "boolean": {"type": "boolean"},
    "list": {"type": "array"}, "array": {"type": "array"}, "dict": {"type": "object"}, "object": {"type": "object"},
}  # fmt: skip
_PRIMITIVE: Final = "|".join(PRIMITIVE_TYPES)
_TYPE: Final = re.compile(rf"(?i)\b(?:list|array)(?:\[| of )(?P<item>{_PRIMITIVE})s?\b|\b(?P<type>{_PRIMITIVE})\b")


def find_named_keys(text: str, default_schema: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the schema of an object with the keys that a text names, or None.

    A key without a type gets `default_schema`.
    """
    for introduction in _INTRODUCTION.finditer(text):
        start = introduction.end()
        if name := _NAME_BEFORE_NOUN.search(introduction.group()):  # as in: an "answer" field
            start = introduction.start() + name.start()
        bullets = _LIST_START.match(text, start)
        keys = dict(
            _read_bullets(text[bullets.end() :], default_schema)
            if bullets
            else _read_names(text, start, default_schema)
        )
        if keys:
            return object_schema(keys)
    return None


def object_schema(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of an object in which all of the properties are required."""
    return {"type": "object", "properties": dict(properties), "required": list(properties)}


def _read_bullets(text: str, default_schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for line in text.splitlines():
        bullet = _BULLET.match(line)
        key = _KEY.match(line, bullet.end()) if bullet else None
        if key is None:
            return
        yield key["quoted"] or key["bare"], _schema_of_type(line[key.end() :], default_schema)


def _read_names(text: str, position: int, default_schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the keys of a list in a sentence: all quoted or all bare, with a separator before each but the first."""
    first_key: re.Match[str] | None = None
    while True:
        separator = _SEPARATOR.match(text, position)
        if first_key is not None and not (separator and separator.group().strip()):
            return
        position = separator.end() if separator else position
        if article := _ARTICLE.match(text, position):
            position = article.end()
        key = _KEY.match(text, position)
        if key is None or (key["bare"] and (key["bare"].lower() in _NOT_KEYS or (first_key and first_key["quoted"]))):
            return
        first_key = first_key or key
        position = key.end()
        type_note = _TYPE_IN_PARENTHESES.match(text, position)
        yield key["quoted"] or key["bare"], _schema_of_type(type_note[1] if type_note else "", default_schema)
        position = type_note.end() if type_note else position
        if noun := _NOUN_AFTER_NAME.match(text, position):
            position = noun.end()


def _schema_of_type(words: str, default_schema: Mapping[str, Any]) -> Mapping[str, Any]:
    match = _TYPE.search(words)
    if match is None:
        return default_schema
    if match["item"]:
        return {"type": "array", "items": PRIMITIVE_TYPES[match["item"].lower()]}
    return PRIMITIVE_TYPES[match["type"].lower()]
