"""Which references are answers, and which are only criteria by which an answer is evaluated.

AWS describes `reference_answer` as "the expected output or evaluation criteria" (DOCUMENTED). A function that gives no
score to an answer is at fault. A function that gives none to criteria is not.
"""

import re
from collections.abc import Mapping
from typing import Final

from simulator.doctor.right_answers.record_fields import name_of
from simulator.training.dataset import Json, Record, prompt_text
from simulator.training.reference_answer import ReferenceAnswer, find_value
from simulator.training.requested_format import find_requested_format

ANSWER_NAMES: Final = frozenset(
    {"answer", "final_answer", "correct_answer", "gold_answer", "ground_truth", "gold", "label", "solution"}
)
"""Names of fields that hold an answer whatever is beside it (INFERRED)."""

NOTE_NAMES: Final = frozenset(
    {
        *("id", "index", "idx", "uid", "name", "source", "data_source", "dataset", "split", "type", "kind", "task"),
        *("category", "topic", "subject", "domain", "difficulty", "level", "language", "lang", "unit", "units"),
        *("explanation", "reasoning", "rationale", "steps", "solution", "comment", "note", "notes", "weight"),
    }
)
"""Names of fields that describe an answer. An object of these and one other field holds an answer (INFERRED)."""

MIN_KEYS_IN_PROMPT: Final = 0.5
"""A prompt that names this share of an object's keys asks for such an object (INFERRED)."""

_CRITERIA: Final = re.compile(
    r"(?i)\b(?:award|points?|rubric|criteri(?:a|on)|marks?|score[sd]?|grad(?:e|es|ed|ing)|evaluat\w+|judg\w+|"
    r"penali[sz]\w+|deduct\w*|credit|must|should|mentions?|mentioned|includes?|contains?|regex|at least|at most|"
    r"no more than|the (?:response|answer|reply|output|text|candidate|model)|if the|checks?|verif(?:y|ies)|"
    r"required?|constraints?|do not|avoids?)\b"
)
_LIST_ITEMS: Final = re.compile(r"(?m)^\s*(?:[-*•]|\(?\d+[.)])\s+\S")
_MIN_LIST_ITEMS: Final = 2
_TESTS: Final = re.compile(r"(?m)^\s*(?:assert\b|def (?:test_|check\b)|self\.assert)")
_JSON_WORDS: Final = re.compile(r"(?i)\bjson\b|\{\s*\"\w+\"\s*:|\{\s*\\\"")
_CALL_WORDS: Final = re.compile(r"(?i)\btools?\b|\bfunctions?\b|\bcalls?\b|\bAPI\b")


def is_answer(record: Record, reference: ReferenceAnswer) -> bool:
    """Return whether the reference of a record is an answer that a response can give."""
    if reference.kind == "none":
        return False
    if reference.kind == "json":
        return _asks_for(record, reference.value)
    if reference.kind in ("text", "code") and _is_criteria(reference.text):
        return False
    return not reference.path or _is_answer_field(record, reference.path)


def _is_criteria(text: str) -> bool:
    """Return whether a text may be a rubric or tests, so that a right response need not repeat it."""
    return bool(_CRITERIA.search(text) or _TESTS.search(text) or len(_LIST_ITEMS.findall(text)) >= _MIN_LIST_ITEMS)


def _is_answer_field(record: Record, path: str) -> bool:
    """Return whether a field holds an answer: by its name, or because nothing beside it says how to evaluate one."""
    parent_path, _, _ = path.rpartition(".")
    parent = find_value(record.fields, parent_path) if parent_path else None
    if not isinstance(parent, Mapping) or name_of(path) in ANSWER_NAMES:
        return True
    return all(name.lower() in NOTE_NAMES or name.lower() == name_of(path) for name in parent)


def _asks_for(record: Record, value: Json) -> bool:
    """Return whether the prompt asks for an object or a list like this one."""
    prompt = prompt_text(record.messages)
    if _is_call(value):
        return bool(_CALL_WORDS.search(prompt) or "tools" in record.fields or _JSON_WORDS.search(prompt))
    if find_requested_format(prompt).format != "json" and not _JSON_WORDS.search(prompt):
        return False
    items = value if isinstance(value, list) else [value]
    keys = {key for item in items if isinstance(item, Mapping) for key in item}
    if not keys:
        return isinstance(value, list) and not any(isinstance(item, str) and _is_criteria(item) for item in items)
    named = [key for key in keys if re.search(rf"(?i)(?<!\w){_pattern_of(key)}(?!\w)", prompt)]
    return len(named) >= MIN_KEYS_IN_PROMPT * len(keys)


def _pattern_of(key: str) -> str:
    """Return a pattern for a key as a prompt writes it: `due_date`, "due date" or `due-date`."""
    return "[ _-]?".join(re.escape(part) for part in re.split(r"[ _-]+", key))


def _is_call(value: Json) -> bool:
    """Return whether a value is a call of a tool, or a list of calls."""
    calls = value if isinstance(value, list) else [value]
    return bool(calls) and all(
        isinstance(call, Mapping)
        and ("name" in call or "function" in call)
        and any(name in call for name in ("arguments", "parameters", "args", "function"))
        for call in calls
    )
