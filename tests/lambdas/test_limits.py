"""Configurations that AWS rejects."""

import pytest

from simulator.lambdas.limits import check_configuration
from tests.lambdas.zips import make_function

SOURCE = "def lambda_handler(event, context): return 1\n"


def test_an_ordinary_configuration_is_valid() -> None:
    """That of the documentation's walkthrough."""
    assert check_configuration(make_function(SOURCE, timeout=300, memory_mb=512)) is None


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"timeout": 5000},
            "Value '5000' at 'timeout' {}have value less than or equal to 900",
        ),
        (
            {"timeout": 0},
            "Value '0' at 'timeout' {}have value greater than or equal to 1",
        ),
        (
            {"timeout": float("nan")},
            "Value 'nan' at 'timeout' {}have value greater than or equal to 1",
        ),
        (
            {"environment": (("MODE", "x"), ("A B", "x"))},
            "Value 'A B' at 'environment.variables' {}satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+",
        ),
        (
            {"memory_mb": 99_999},
            "Value '99999' at 'memorySize' {}have value less than or equal to 10240",
        ),
        (
            {"memory_mb": 64},
            "Value '64' at 'memorySize' {}have value greater than or equal to 128",
        ),
        (
            {"runtime": "python9.9"},
            (
                "Value 'python9.9' at 'runtime' {}satisfy enum value set: "
                "[python3.9, python3.10, python3.11, python3.12, python3.13, python3.14] "
                "(the simulator runs Python zips only)"
            ),
        ),
        (
            {"handler": "lambda_handler"},
            "Value 'lambda_handler' at 'handler' {}name a module and a function, such as module.lambda_handler",
        ),
        (
            {"layers": (b"",) * 6},
            "Value '6' at 'layers' {}have length less than or equal to 5",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_violated_limit_has_lambdas_message(changes: dict[str, object], text: str) -> None:
    """With the value."""
    rule = text.format("failed to satisfy constraint: Member must ")

    assert check_configuration(make_function(SOURCE, **changes)) == f"1 validation error detected: {rule}"


def test_reserved_variables_are_rejected() -> None:
    """AWS_ENDPOINT_URL is not reserved: it redirects the function's AWS calls."""
    variables = (("AWS_ENDPOINT_URL", "x"), ("AWS_REGION", "x"), ("_HANDLER", "x"))
    assert check_configuration(make_function(SOURCE, environment=variables)) == (
        "Lambda was unable to configure your environment variables because the environment variables you have "
        "provided contains reserved keys that are currently not supported for modification. Reserved keys used in "
        "this request: AWS_REGION, _HANDLER"
    )
