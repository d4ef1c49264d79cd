"""Programs that pass the tests of a record."""

from typing import Any

import pytest

from simulator.doctor.right_answers.unit_tests import unit_test_sources
from simulator.training.dataset import Json, Message, Record


def programs(reference: Json, prompt: str = "Write a function.") -> list[str]:
    """Return a function, a class and a whole program for the tests of a reference; empty where there is none."""
    record = Record(line=1, messages=(Message(role="user", content=prompt),), fields={"reference_answer": reference})
    return [str(source.read(record).value or "") for source in unit_test_sources()]


def run(program: str) -> dict[str, Any]:
    """Return the names that a program defines."""
    names: dict[str, Any] = {}
    exec(program, names)
    return names


@pytest.mark.parametrize(
    "test",
    [
        "assert f(55) == 270",
        "assert 270 == f(55)",
        "assert f([1, 2], key='a') is True",
        "assert f('x')",
        "assert not f(())",
        "assert abs(f(2) - 1.5) < 1e-6",
        "assert math.isclose(f(3), 0.1)",
        "assert sorted(f({1, 2})) == [1, 2]",
        "assert f() == {'a': [1]}, 'a message'",
    ],
)
def test_a_function_passes_an_assertion(test: str) -> None:
    """Whatever form it has."""
    names = run("import math\n" + programs({"tests": [test]})[0])
    exec(test, names)


@pytest.mark.parametrize(
    "reference",
    [
        {"tests": [{"args": [2, 3], "expected": 5}], "entry_point": "f"},
        {"inputs": [[2, 3]], "outputs": [5], "fn_name": "f"},
        {"cases": [[[2, 3], 5]], "entry_point": "f"},
        {"tests": [{"input": {"a": 2, "b": 3}, "output": 5}], "entry_point": "f"},
        {"test": "def check(candidate):\n    assert candidate(2, 3) == 5", "entry_point": "f"},
        "def test_f():\n    assert f(2, 3) == 5",
    ],
    ids=["objects", "columns", "pairs", "arguments by name", "HumanEval", "a string"],
)
def test_a_function_returns_the_listed_results(reference: Json) -> None:
    """In every usual layout of tests."""
    function = run(programs(reference)[0])["f"]
    by_name = isinstance(reference, dict) and "input" in str(reference.get("tests"))
    assert (function(a=2, b=3) if by_name else function(2, 3)) == 5


def test_the_name_of_the_function_may_stand_in_the_prompt() -> None:
    """As in `add(a, b)` or `def add(`."""
    (function, *_) = programs({"tests": [{"args": [1], "expected": 2}]}, "Write a function `grow(n)` that adds 1.")
    assert run(function)["grow"](1) == 2


def test_a_method_of_a_class_is_written_too() -> None:
    """Some tasks call `Solution().f(...)`."""
    (_, solution, _) = programs({"tests": ["assert Solution().f(1) == 2"]})
    assert run(solution)["Solution"]().f(1) == 2


def test_a_program_prints_the_listed_outputs() -> None:
    """For pairs of standard input and output."""
    (_, _, program) = programs({"inputs": ["1 2\n", "3 4\n"], "outputs": ["3\n", "7\n"]})
    assert program == (
        "import sys\noutputs = {\n    '1 2': '3',\n    '3 4': '7',\n}\nprint(outputs.get(sys.stdin.read().strip(), ''))"
    )


@pytest.mark.parametrize("reference", ["Paris", {"answer": 3}, {"tests": ["assert x > 3"]}, {"tests": []}])
def test_a_record_without_readable_tests_has_no_program(reference: Json) -> None:
    """So other sources are tried."""
    assert programs(reference) == ["", "", ""]
