"""The configuration that AWS would not have accepted."""

import pytest

from simulator.lambdas.limits import fault_of
from tests.lambdas.zips import function

SOURCE = "def lambda_handler(event, context): return 1\n"


def test_ordinary_configuration_has_no_fault() -> None:
    """The walkthrough's own configuration is accepted."""
    assert fault_of(function(SOURCE, timeout=300, memory_mb=512)) is None


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
def test_fault_is_told_in_lambdas_words(changes: dict[str, object], text: str) -> None:
    """Each limit is named with the value that broke it."""
    rule = text.format("failed to satisfy constraint: Member must ")

    assert fault_of(function(SOURCE, **changes)) == f"1 validation error detected: {rule}"
