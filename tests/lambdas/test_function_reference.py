"""The names and ARNs by which a caller may name a function."""

import pytest

from simulator.lambdas.errors import InvalidParameter
from simulator.lambdas.function_reference import FunctionReference, parse_function_reference

ARN = "arn:aws:lambda:us-east-1:111111111111:function:grader"


def parse(name: str, qualifier: str | None = None) -> FunctionReference:
    """Parse a name of a caller in account 123456789012 and region us-west-2."""
    return parse_function_reference(name, qualifier=qualifier, account="123456789012", region="us-west-2")


def reference(account: str, region: str, qualifier: str | None) -> FunctionReference:
    """Return a reference to the function `grader`."""
    return FunctionReference(account=account, region=region, name="grader", qualifier=qualifier)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("grader", reference("123456789012", "us-west-2", None)),
        ("grader:live", reference("123456789012", "us-west-2", "live")),
        ("grader:$LATEST", reference("123456789012", "us-west-2", "$LATEST")),
        ("111111111111:function:grader", reference("111111111111", "us-west-2", None)),
        ("function:grader:7", reference("123456789012", "us-west-2", "7")),
        (ARN, reference("111111111111", "us-east-1", None)),
        (f"{ARN}:live", reference("111111111111", "us-east-1", "live")),
    ],
)
def test_every_form_of_the_name_is_parsed(name: str, expected: FunctionReference) -> None:
    """Name, partial ARN and ARN, each with or without a qualifier."""
    assert parse(name) == expected


def test_the_arn_has_the_qualifier() -> None:
    """As the caller gave it."""
    assert parse("grader", "live").arn == "arn:aws:lambda:us-west-2:123456789012:function:grader:live"


def test_two_different_qualifiers_are_refused() -> None:
    """As on AWS."""
    with pytest.raises(InvalidParameter, match="does not match the specified qualifier"):
        parse("grader:live", "7")


@pytest.mark.parametrize("name", ["", "no spaces", "arn:aws:s3:::bucket", "a" * 141, "grader:live:more"])
def test_a_malformed_name_is_refused(name: str) -> None:
    """The message has the value and the parameter."""
    with pytest.raises(InvalidParameter, match="at 'functionName' failed to satisfy constraint"):
        parse(name)
