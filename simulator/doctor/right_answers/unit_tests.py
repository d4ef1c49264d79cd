"""Code tasks with tests alone: a program that returns the listed results for the listed arguments.

Such a table is right by the tests that are given, which is all that the reward function can check.
"""

import ast
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from simulator.doctor.right_answers.answer_source import UNKNOWN, AnswerSource, code_answer
from simulator.doctor.right_answers.record_fields import fields_of, name_of
from simulator.training.dataset import Json, Record, prompt_text
from simulator.training.reference_answer import ReferenceAnswer

ENTRY_NAMES: Final = frozenset({"entry_point", "fn_name", "function_name", "func_name", "method_name", "function"})
"""Names of the fields with the name of the function."""

ARGUMENT_NAMES: Final = ("args", "arguments", "inputs", "input", "params", "stdin")
RESULT_NAMES: Final = ("expected", "output", "outputs", "expected_output", "result", "return", "stdout", "returns")
"""Names of the arguments and of the result in a test."""

_MAX_TESTS: Final = 200
_MAX_TEXT: Final = 50_000
_PAIR: Final = 2
_CLOSE: Final = ("math.isclose", "isclose")
_NAME_IN_PROMPT: Final = re.compile(
    r"\bdef (\w+)\s*\(|(?:function|method|named|called)\s+[`'\"]?([A-Za-z_]\w*)[`'\"]?\s*\(|"
    r"(?:function|method|named|called)\s+[`'\"]([A-Za-z_]\w*)[`'\"]"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Test:
    """A call with its result, as Python expressions; or the standard input and output of a program."""

    function: str
    arguments: str
    result: str


def unit_test_sources() -> Iterator[AnswerSource]:
    """Yield sources of programs that pass the tests: a function, a method of a class, and a whole program."""
    for form in ("function", "class Solution", "program"):
        yield AnswerSource(
            name=f"a {form} that returns what the record's tests expect",
            read=partial(_read_program, form=form),
            has_labels=False,
        )


def _read_program(record: Record, *, form: str) -> ReferenceAnswer:
    path, tests = _tests_of(record)
    if not tests:
        return UNKNOWN
    if form == "program":
        program = _standard_input_program(tests)
    else:
        name = next((test.function for test in tests if test.function), "") or _entry_point(record)
        program = _table_program(name, tests, is_method=form == "class Solution") if name else ""
    return code_answer(program, path) if program else UNKNOWN


def _tests_of(record: Record) -> tuple[str, list[_Test]]:
    """Return the first field with tests, and its tests."""
    for path, value in fields_of(record):
        if tests := [*_tests_in(value)][:_MAX_TESTS]:
            entry = _entry_point(record)
            # HumanEval's tests call the function by a name of their own.
            return path, [test if test.function != "candidate" else _renamed(test, entry) for test in tests]
    return "", []


def _renamed(test: _Test, name: str) -> _Test:
    return _Test(function=name, arguments=test.arguments, result=test.result)


def _tests_in(value: Json) -> Iterator[_Test]:
    if isinstance(value, str):
        if "assert" in value and len(value) <= _MAX_TEXT:
            yield from _tests_in_code(value)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, str):
                yield from _tests_in(item)
            elif isinstance(item, dict):
                yield from _test_in_object(item)
            elif isinstance(item, list) and len(item) == _PAIR:
                yield from _test_of(item[0], item[1])
    elif isinstance(value, dict):
        yield from _tests_in_columns(value)


def _test_in_object(item: Mapping[str, Json]) -> Iterator[_Test]:
    arguments = next((name for name in ARGUMENT_NAMES if name in item), None)
    result = next((name for name in RESULT_NAMES if name in item), None)
    if arguments is not None and result is not None:
        yield from _test_of(item[arguments], item[result])
    for name in ("test", "assertion", "assert", "code"):
        yield from _tests_in(item.get(name)) if isinstance(item.get(name), str) else ()


def _tests_in_columns(value: Mapping[str, Json]) -> Iterator[_Test]:
    """Yield the tests of {"inputs": [...], "outputs": [...]}."""
    inputs = next((value[name] for name in ARGUMENT_NAMES if isinstance(value.get(name), list)), None)
    outputs = next((value[name] for name in RESULT_NAMES if isinstance(value.get(name), list)), None)
    if isinstance(inputs, list) and isinstance(outputs, list) and len(inputs) == len(outputs):
        for arguments, result in zip(inputs, outputs, strict=True):
            yield from _test_of(arguments, result)


def _test_of(arguments: Json, result: Json) -> Iterator[_Test]:
    """Yield a test from JSON values. An object holds arguments by name, and a value that is no list is one argument."""
    if isinstance(arguments, dict):
        by_name = ", ".join(f"{name!r}: {value!r}" for name, value in arguments.items())
        yield _Test(function="", arguments=f"((), {{{by_name}}})", result=repr(result))
        return
    values = arguments if isinstance(arguments, list) else [arguments]
    yield _Test(function="", arguments=f"({_as_tuple(list(map(repr, values)))}, {{}})", result=repr(result))


def _tests_in_code(code: str) -> Iterator[_Test]:
    """Yield the tests of assert statements. What is not a call with a result is left out."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as for an invalid escape in a string
            tree = ast.parse(code.strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            yield from _test_in_assertion(node.test)


def _test_in_assertion(test: ast.expr) -> Iterator[_Test]:
    result = "True"
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test, result = test.operand, "False"
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        left, right = test.left, test.comparators[0]
        approximate = _approximate(left)
        if isinstance(test.ops[0], ast.Eq | ast.Is):
            test, result = (left, ast.unparse(right)) if _call_in(left) else (right, ast.unparse(left))
        elif isinstance(test.ops[0], ast.Lt | ast.LtE) and approximate is not None:
            test, result = approximate
    elif isinstance(test, ast.Call) and ast.unparse(test.func) in _CLOSE and len(test.args) >= _PAIR:
        first, second, *_ = test.args
        test, result = first, ast.unparse(second)
    call = _call_in(test)
    if call is None or any(keyword.arg is None for keyword in call.keywords):
        return
    arguments = _as_tuple([ast.unparse(argument) for argument in call.args])
    by_name = ", ".join(f"{keyword.arg!r}: {ast.unparse(keyword.value)}" for keyword in call.keywords)
    yield _Test(function=ast.unparse(call.func), arguments=f"({arguments}, {{{by_name}}})", result=result)


def _approximate(left: ast.expr) -> tuple[ast.expr, str] | None:
    """Return the call and the result of `abs(f(1) - 2.5) < 0.001`."""
    if isinstance(left, ast.Call) and ast.unparse(left.func) == "abs" and left.args:
        difference = left.args[0]
        if isinstance(difference, ast.BinOp) and isinstance(difference.op, ast.Sub):
            return difference.left, ast.unparse(difference.right)
    return None


def _call_in(node: ast.expr) -> ast.Call | None:
    """Return a call of the tested function, also inside `sorted(...)`, `set(...)`, `list(...)` or `round(...)`."""
    if not isinstance(node, ast.Call):
        return None
    wrappers = {"sorted", "set", "list", "tuple", "round", "str", "float", "int", "len"}
    if isinstance(node.func, ast.Name) and node.func.id in wrappers and node.args:
        return _call_in(node.args[0]) if node.func.id not in ("len", "str") else None
    if isinstance(node.func, ast.Attribute):
        # Solution().method(...): the method is what is tested.
        return ast.Call(func=ast.Name(id=node.func.attr), args=node.args, keywords=node.keywords)
    return node if isinstance(node.func, ast.Name) else None


def _as_tuple(values: Sequence[str]) -> str:
    return f"({', '.join(values)}{',' if len(values) == 1 else ''})"


def _entry_point(record: Record) -> str:
    """Return the name of the function that the record or its prompt asks for; empty if none is named."""
    for path, value in fields_of(record):
        if name_of(path) in ENTRY_NAMES and isinstance(value, str) and value.isidentifier():
            return value
    match = _NAME_IN_PROMPT.search(prompt_text(record.messages))
    return next((name for name in match.groups() if name), "") if match else ""


def _table_program(name: str, tests: Sequence[_Test], *, is_method: bool) -> str:
    """Return a function that looks its arguments up. A test without arguments is the default."""
    rows = "".join(f"    ({test.arguments}, {test.result}),\n" for test in tests if test.function in ("", name))
    if not rows:
        return ""
    body = (
        f"def {name}({'self, ' if is_method else ''}*args, **kwargs):\n"
        f"    results = [\n{_indented(rows)}    ]\n"
        "    for arguments, result in results:\n"
        "        if arguments == (args, kwargs):\n"
        "            return result\n"
        "    return None"
    )
    return f"class Solution:\n{_indented(body + chr(10))}".rstrip("\n") if is_method else body


def _indented(text: str) -> str:
    return "".join(f"    {line}" for line in text.splitlines(keepends=True))


def _standard_input_program(tests: Sequence[_Test]) -> str:
    """Return a program that prints the output for each input. Empty unless all tests are pairs of texts."""
    rows = []
    for test in tests:
        try:
            arguments, _ = ast.literal_eval(test.arguments)
            result = ast.literal_eval(test.result)
        except (ValueError, SyntaxError):
            return ""
        if test.function or len(arguments) != 1 or not isinstance(arguments[0], str) or not isinstance(result, str):
            return ""
        rows.append(f"    {arguments[0].strip()!r}: {result.strip()!r},\n")
    return f"import sys\noutputs = {{\n{''.join(rows)}}}\nprint(outputs.get(sys.stdin.read().strip(), ''))"
