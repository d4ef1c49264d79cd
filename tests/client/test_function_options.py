"""The options of a deployed function."""

from __future__ import annotations

import pytest

from client.errors import UsageError
from client.function_options import FunctionOptions, parse_variables
from simulator.lambdas.limits import RESERVED_VARIABLES


def test_a_variable_may_have_any_value() -> None:
    """Only the first `=` separates."""
    assert parse_variables(["KEY=a=b", "EMPTY=", "P2=x y"]) == {"KEY": "a=b", "EMPTY": "", "P2": "x y"}


def test_without_a_variable_there_are_none() -> None:
    """So an existing function keeps its own."""
    assert parse_variables(None) is None


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["secret"], "--env secret: there is no name and value."),
        (["=secret"], "--env : there is no name and value."),
        (["KEY=secret", "KEY=secret2"], "--env KEY is given twice."),
        (
            ["AWS_REGION=secret"],
            "--env AWS_REGION: Lambda sets this variable itself and refuses a function that names it.",
        ),
        (["A=secret"], "--env A: Lambda refuses this name."),
        (["2A=secret"], "--env 2A: Lambda refuses this name."),
        (["KEY=" + "x" * 4094], "--env: the variables have 4,097 bytes; Lambda takes 4,096."),
    ],
)
def test_an_invalid_variable_is_refused_without_its_value(texts: list[str], message: str) -> None:
    """The value may be a secret."""
    with pytest.raises(UsageError) as exc_info:
        parse_variables(texts)
    assert exc_info.value.message == message


@pytest.mark.parametrize("name", sorted(RESERVED_VARIABLES))
def test_every_variable_that_the_simulator_reserves_is_refused(name: str) -> None:
    """Both know Lambda's list."""
    with pytest.raises(UsageError, match="Lambda sets this variable itself"):
        parse_variables([f"{name}=x"])


def test_the_values_of_variables_are_not_in_a_representation() -> None:
    """It may be printed in a traceback."""
    assert "secret" not in repr(FunctionOptions(environment={"KEY": "secret"}))


def test_the_used_options_are_those_that_were_given() -> None:
    """In the order of the help."""
    options = FunctionOptions(timeout=60, layers=("arn",), environment={"KEY": "x"})
    assert (options.used_options(), FunctionOptions().used_options()) == (("--timeout", "--env", "--layer"), ())
