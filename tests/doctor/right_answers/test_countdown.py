"""Equations for countdown tasks."""

from collections import Counter
from fractions import Fraction

import pytest

from simulator.doctor.right_answers.countdown import countdown_sources, find_equation
from simulator.training.dataset import Json, Message, Record


def numbers_in(equation: str) -> Counter[int]:
    """Return the numbers of an equation."""
    return Counter(int(part) for part in "".join(c if c.isdigit() else " " for c in equation).split())


@pytest.mark.parametrize(
    ("numbers", "target"),
    [([4, 6, 6], 30), ([3, 3, 8, 8], 24), ([75, 50, 2, 3, 8, 7], 812), ([1, 3], -2)],
    ids=["three numbers", "a fraction on the way", "six numbers", "a negative target"],
)
def test_an_equation_uses_each_number_once_and_gives_the_target(numbers: list[int], target: int) -> None:
    """It is checked with exact fractions."""
    equation = find_equation(numbers, target)
    exact = "".join(f"Fraction({part})" if part.isdigit() else part for part in _tokens(equation))
    value = eval(exact, {"Fraction": Fraction})
    assert (value, numbers_in(equation)) == (target, Counter(numbers))


def _tokens(equation: str) -> list[str]:
    return equation.replace("(", " ( ").replace(")", " ) ").split()


def test_a_number_may_be_left_over() -> None:
    """Some tasks allow that each number is used at most once."""
    assert find_equation([1, 5, 100], 101) == "1 + 100"


def test_a_target_out_of_reach_has_no_equation() -> None:
    """The search ends."""
    assert find_equation([1, 2], 100) == ""


@pytest.mark.parametrize(
    ("fields", "prompt"),
    [
        ({"reference_answer": {"target": 30, "numbers": [4, 6, 6]}}, "Reach the target."),
        ({"reference_answer": {"goal": "30"}, "nums": [4, 6, 6]}, "Reach the goal."),
        ({"reference_answer": 30}, "Using the numbers [4, 6, 6], create an equation that equals 30."),
        ({"reference_answer": None}, "Make 30 of the numbers 4, 6 and 6."),
    ],
    ids=["an object", "two fields", "numbers in the prompt", "both in the prompt"],
)
def test_numbers_and_target_are_read_from_the_record_or_the_prompt(fields: dict[str, Json], prompt: str) -> None:
    """The second source has the target behind the equation."""
    record = Record(line=1, messages=(Message(role="user", content=prompt),), fields=fields)
    assert [source.read(record).value for source in countdown_sources()] == ["6 + (4 * 6)", "6 + (4 * 6) = 30"]
