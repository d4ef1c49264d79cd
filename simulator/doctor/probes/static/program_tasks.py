"""What a task that asks for a program says about it: the function's name, its tests, the example of the prompt."""

import ast
import re
from dataclasses import dataclass

from simulator.doctor.rows import Row
from simulator.training.dataset import Json, prompt_text

_FENCED = re.compile(r"(?s)\A\s*(```[\w+-]*\n)(.*?)(\n?```)\s*\Z")
_EQUATION = re.compile(r"[\d\s()+*/=.-]+")
_DEFINITION = re.compile(r"\bdef (\w+)\(")
_QUERY = re.compile(r"(?i)\s*(?:select|with)\b")
_SAYS_RESULT = re.compile(r"\s*(?:==|=>|->|→|=|\bgives\b|\breturns?\b|\bis\b|\bshould return\b|\bmust return\b)\s*(.+)")
_MAX_LITERAL = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramExample:
    """An example of the prompt: the function's name, and the result as a Python literal."""

    name: str
    result: str


def program_of(row: Row) -> str:
    """Return the right program without the code fence that the answer may have."""
    fenced = _FENCED.match(row.reference.text)
    return fenced.group(2) if fenced else row.reference.text


def write_program(row: Row, program: str) -> str:
    """Return a response with a program, in the code fence of the right answer if that has one.

    If the right answer is not known, the program is in a fence where the prompt shows one.
    """
    if row.reference.kind == "none" and "```" in prompt_text(row.record.messages):
        return f"```python\n{program}\n```"
    fenced = _FENCED.match(row.reference.text)
    return row.write_answer(f"{fenced.group(1)}{program}{fenced.group(3)}" if fenced else program)


def is_query(row: Row) -> bool:
    """Return whether the program is an SQL query."""
    return _QUERY.match(program_of(row)) is not None


def is_equation(row: Row) -> bool:
    """Return whether the program is an arithmetic expression, with or without its value."""
    return _EQUATION.fullmatch(program_of(row)) is not None


def function_name(row: Row) -> str | None:
    """Return the name of the function that a row asks for, from its record or from its right answer."""
    for fields in (row.record.fields, row.record.fields.get("reference_answer")):
        if isinstance(fields, dict) or hasattr(fields, "get"):
            name = fields.get("entry_point")  # type: ignore[union-attr]
            if isinstance(name, str) and name.isidentifier():
                return name
    match = _DEFINITION.search(row.reference.text)
    return match.group(1) if match else None


def tests_are_data(row: Row) -> bool:
    """Return whether the tests are arguments and results, which the function compares, and not statements."""
    tests = row.record.fields.get("tests")
    return isinstance(tests, list) and any(isinstance(test, dict) for test in tests)


def prompt_example(row: Row) -> ProgramExample | None:
    """Return the first example of the prompt, such as `assert above([1, 5]) == 1` or `above([1, 5]) gives 1`."""
    name = function_name(row)
    if name is None:
        return None
    text = prompt_text(row.record.messages)
    for call in re.finditer(rf"\b{re.escape(name)}\(", text):
        says = _SAYS_RESULT.match(text, _end_of_call(text, call.end()))
        result = says and _literal_at_start(says.group(1)[:_MAX_LITERAL])
        if result:
            return ProgramExample(name=name, result=result)
    return None


def _end_of_call(text: str, start: int) -> int:
    """Return the position behind the bracket that closes a call."""
    depth = 1
    for position in range(start, len(text)):
        depth += (text[position] == "(") - (text[position] == ")")
        if depth == 0:
            return position + 1
    return len(text)


def _literal_at_start(text: str) -> str | None:
    """Return the longest Python literal at the start of a text. A full stop at its end belongs to the sentence."""
    for end in range(len(text), 0, -1):
        if text[:end].rstrip().endswith("."):
            continue
        try:
            value: Json = ast.literal_eval(text[:end].strip())
        except (ValueError, SyntaxError, TypeError, MemoryError):
            continue
        return repr(value)
    return None
