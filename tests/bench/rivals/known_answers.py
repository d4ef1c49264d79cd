"""The right answer to a record as text, without any format: what other tools ask for beside a reward function.

They are given as much as a person who knows the task would write into an answer column.
"""

import json
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from typing import Any

_ANSWER_KEYS = ("solution", "sql", "answer", "label", "final_answer", "text")
_ALIAS_KEYS = ("aliases", "answers")


def known_answer(record: Mapping[str, Any]) -> str:
    """Return the answer; empty if the record does not hold one and none can be computed."""
    reference = record.get("reference_answer")
    prompt = " ".join(str(message.get("content")) for message in record.get("messages", ()))
    if isinstance(reference, Mapping):
        return _from_object(reference)
    if isinstance(reference, list) and reference and "<tool_call>" in prompt:
        return "</tool_call>\n<tool_call>".join(map(json.dumps, reference))  # the tools add the tags around it
    return _as_text(reference)


def _from_object(reference: Mapping[str, Any]) -> str:
    if {"target", "numbers"} <= set(reference):
        return solve_puzzle(reference["numbers"], reference["target"])
    if "tests" in reference and "solution" not in reference:
        return ""
    for key in _ALIAS_KEYS:
        if isinstance(reference.get(key), list) and reference[key]:
            return str(reference[key][0])
    for key in _ANSWER_KEYS:
        if key in reference and len(reference) <= len((key, "one more")):
            return _as_text(reference[key])
    (value, *others) = reference.values()
    return _as_text(value if not others else dict(reference))


def _as_text(value: object) -> str:
    if not isinstance(value, str):
        return "" if value is None else json.dumps(value, ensure_ascii=False)
    marked = re.findall(r"####\s*(.+)", value)
    return str(marked[-1]).strip() if marked else value.strip()


def solve_puzzle(numbers: Sequence[int], target: int) -> str:
    """Return an expression of all the numbers with the value `target`; empty if there is none."""
    terms = [(Fraction(number), str(number)) for number in numbers]
    return next((text for value, text in _results(terms) if value == target), "")


def _results(terms: list[tuple[Fraction, str]]) -> list[tuple[Fraction, str]]:
    if len(terms) == 1:
        return terms
    found = []
    for first, second in combinations(range(len(terms)), 2):
        rest = [term for place, term in enumerate(terms) if place not in (first, second)]
        for combined in _combine(terms[first], terms[second]):
            found += _results([*rest, combined])
    return found


def _combine(first: tuple[Fraction, str], second: tuple[Fraction, str]) -> list[tuple[Fraction, str]]:
    (a, left), (b, right) = first, second
    pairs = [
        (a + b, f"({left} + {right})"),
        (a * b, f"({left} * {right})"),
        (a - b, f"({left} - {right})"),
        (b - a, f"({right} - {left})"),
    ]
    if b:
        pairs.append((a / b, f"({left} / {right})"))
    if a:
        pairs.append((b / a, f"({right} / {left})"))
    return pairs
