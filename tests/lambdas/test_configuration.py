"""Configurations that Lambda rejects, with the name of its error and its message."""

from typing import Any

import pytest

from simulator.lambdas.configuration import (
    ConfigurationError,
    FunctionParameters,
    check_configuration,
    find_configuration_error,
)
from simulator.lambdas.limits import CREATABLE_RUNTIMES, DEPRECATED_RUNTIMES, RUNTIMES
from tests.lambdas.zips import make_function

SOURCE = "def lambda_handler(event, context): return 1\n"
LAYER = "arn:aws:lambda:us-west-2:123456789012:layer:shared"
MEMBER = "failed to satisfy constraint: Member must"
LAYER_PATTERN = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:layer:"
    r"[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)"
)
NAME_PATTERN = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?"
    r"([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?"
)
UNUSABLE = (
    "Lambda was unable to configure your environment variables because the environment variables you have provided"
)

VIOLATIONS: dict[str, tuple[dict[str, Any], str]] = {
    "timeout too high": ({"timeout": 901}, f"Value '901' at 'timeout' {MEMBER} have value less than or equal to 900"),
    "timeout too low": ({"timeout": 0}, f"Value '0' at 'timeout' {MEMBER} have value greater than or equal to 1"),
    "timeout no number": (
        {"timeout": float("nan")},
        f"Value 'nan' at 'timeout' {MEMBER} have value greater than or equal to 1",
    ),
    "memory too high": (
        {"memory_mb": 10_241},
        f"Value '10241' at 'memorySize' {MEMBER} have value less than or equal to 10240",
    ),
    "memory too low": (
        {"memory_mb": 127},
        f"Value '127' at 'memorySize' {MEMBER} have value greater than or equal to 128",
    ),
    "storage too high": (
        {"ephemeral_storage_mb": 10_241},
        f"Value '10241' at 'ephemeralStorage.size' {MEMBER} have value less than or equal to 10240",
    ),
    "storage too low": (
        {"ephemeral_storage_mb": 511},
        f"Value '511' at 'ephemeralStorage.size' {MEMBER} have value greater than or equal to 512",
    ),
    "name with a space": (
        {"function_name": "re ward"},
        f"Value 're ward' at 'functionName' {MEMBER} satisfy regular expression pattern: {NAME_PATTERN}",
    ),
    "name with two versions": (
        {"function_name": "reward:1:2"},
        f"Value 'reward:1:2' at 'functionName' {MEMBER} satisfy regular expression pattern: {NAME_PATTERN}",
    ),
    "name too long for an ARN": (
        {"function_name": "a" * 141},
        f"Value '{'a' * 141}' at 'functionName' {MEMBER} have length less than or equal to 140",
    ),
    "handler with a space": (
        {"handler": "a .b"},
        rf"Value 'a .b' at 'handler' {MEMBER} satisfy regular expression pattern: [^\s]+",
    ),
    "handler too long": (
        {"handler": "a" * 129},
        f"Value '{'a' * 129}' at 'handler' {MEMBER} have length less than or equal to 128",
    ),
    "description too long": (
        {"description": "a" * 257},
        f"Value '{'a' * 257}' at 'description' {MEMBER} have length less than or equal to 256",
    ),
    "role is no ARN": (
        {"role": "reward"},
        (
            f"Value 'reward' at 'role' {MEMBER} satisfy regular expression pattern: "
            r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+"
        ),
    ),
    "two architectures": (
        {"architectures": ("x86_64", "arm64")},
        f"Value '[x86_64, arm64]' at 'architectures' {MEMBER} have length less than or equal to 1",
    ),
    "unknown architecture": (
        {"architectures": ("X86_64",)},
        (
            f"Value '[X86_64]' at 'architectures' {MEMBER} satisfy constraint: "
            "[Member must satisfy enum value set: [x86_64, arm64], Member must not be null]"
        ),
    ),
    "layer without a version": (
        {"layers": (LAYER,)},
        (
            f"Value '[{LAYER}]' at 'layers' {MEMBER} satisfy constraint: [Member must have length less than or equal "
            "to 2048, Member must have length greater than or equal to 1, Member must satisfy regular expression "
            f"pattern: {LAYER_PATTERN}, Member must not be null]"
        ),
    ),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_violated_constraint_of_the_api_is_a_validation_exception(name: str) -> None:
    """With the parameter, its value and the constraint."""
    parameters, message = VIOLATIONS[name]

    assert find_configuration_error(FunctionParameters(**parameters)) == ConfigurationError(
        error_type="ValidationException", message=f"1 validation error detected: {message}"
    )


def test_all_violations_are_in_one_message() -> None:
    """Separated by semicolons."""
    error = find_configuration_error(FunctionParameters(timeout=0, memory_mb=1))

    assert error is not None
    assert error.message == (
        f"2 validation errors detected: Value '0' at 'timeout' {MEMBER} have value greater than or equal to 1; "
        f"Value '1' at 'memorySize' {MEMBER} have value greater than or equal to 128"
    )


@pytest.mark.parametrize("name", ["A", "1A", "A B", "_A", "A-B", ""])
def test_a_name_of_a_variable_starts_with_a_letter_and_has_two_characters(name: str) -> None:
    """AWS's message leaves the names out, because variables may be secret; the detail has them."""
    assert find_configuration_error(FunctionParameters(environment={"MODE": "x", name: "x"})) == ConfigurationError(
        error_type="ValidationException",
        message=(
            "1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: Map keys must "
            "satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]"
        ),
        detail=f" (the name {name!r})",
    )


INVALID_PARAMETERS: dict[str, tuple[dict[str, Any], str]] = {
    "long name": (
        {"function_name": f"arn:aws:lambda:us-west-2:123456789012:function:{'a' * 65}"},
        (
            f"1 validation error detected: Value '{'a' * 65}' at 'functionName' failed to satisfy constraint: Member "
            "must have length less than or equal to 64"
        ),
    ),
    "reserved variable": (
        {"environment": {"AWS_ENDPOINT_URL": "x", "AWS_REGION": "x", "LAMBDA_TASK_ROOT": "x"}},
        (
            f"{UNUSABLE} contains reserved keys that are currently not supported for modification. Reserved keys used "
            "in this request: AWS_REGION, LAMBDA_TASK_ROOT"
        ),
    ),
    "large variables": (
        {"environment": {"SMALL": "ok", "LARGE": "x" * 4_100}},
        f'{UNUSABLE} exceeded the 4KB limit. String measured: {{"SMALL":"ok","LARGE":"{"x" * 4_100}"}}',
    ),
    "unknown runtime": (
        {"runtime": "python9.9"},
        (
            "Value python9.9 at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
            f"[{', '.join(CREATABLE_RUNTIMES)}] or be a valid ARN"
        ),
    ),
    "deprecated runtime": (
        {"runtime": "python3.7"},
        (
            "The runtime parameter of python3.7 is no longer supported for creating or updating AWS Lambda functions. "
            "We recommend you use a supported runtime while creating or updating functions."
        ),
    ),
    "six layers": (
        {"layers": [f"{LAYER}-{number}:1" for number in range(6)]},
        "Cannot reference more than 5 layers.",
    ),
    "two versions of a layer": (
        {"layers": [f"{LAYER}:1", f"{LAYER}:2"]},
        (
            "Two different versions of the same layer are not allowed to be referenced in the same function. "
            f"{LAYER}:1 and {LAYER}:2 are versions of the same layer."
        ),
    ),
    "a layer twice": (
        {"layers": [f"{LAYER}:1", f"{LAYER}:{1}"]},
        (
            "Two different versions of the same layer are not allowed to be referenced in the same function. "
            f"{LAYER}:1 and {LAYER}:1 are versions of the same layer."
        ),
    ),
}


@pytest.mark.parametrize("name", INVALID_PARAMETERS)
def test_what_the_service_checks_itself_is_an_invalid_parameter(name: str) -> None:
    """AWS_ENDPOINT_URL is not reserved: it redirects the function's AWS calls."""
    parameters, message = INVALID_PARAMETERS[name]

    assert find_configuration_error(FunctionParameters(**parameters)) == ConfigurationError(
        error_type="InvalidParameterValueException", message=message
    )


def test_the_limits_themselves_are_accepted() -> None:
    """4 KB of variables are measured as compact JSON in UTF-8."""
    lowest = FunctionParameters(timeout=1, memory_mb=128, ephemeral_storage_mb=512, handler="a", environment={})
    value = "é" * ((4_096 - len('{"AB":""}')) // 2)
    highest = FunctionParameters(
        function_name="a" * 64,
        timeout=900,
        memory_mb=10_240,
        ephemeral_storage_mb=10_240,
        handler="a" * 128,
        description="a" * 256,
        environment={"AB": value},
        layers=[f"{LAYER}-{number}:1" for number in range(5)],
        architectures=["arm64"],
    )

    assert [find_configuration_error(each) for each in (lowest, highest, FunctionParameters())] == [None] * 3


def test_runtimes_of_all_languages_can_be_created() -> None:
    """The simulator runs the Python ones that Lambda still updates."""
    assert [find_configuration_error(FunctionParameters(runtime=runtime)) for runtime in CREATABLE_RUNTIMES] == (
        [None] * len(CREATABLE_RUNTIMES)
    )
    assert set(RUNTIMES) <= set(CREATABLE_RUNTIMES)
    assert DEPRECATED_RUNTIMES.isdisjoint(CREATABLE_RUNTIMES)


def test_an_ordinary_function_runs() -> None:
    """That of the documentation's walkthrough, and one whose handler has no dot: the runtime reports that."""
    walkthrough = make_function(SOURCE, timeout=300, memory_mb=512)

    assert [check_configuration(walkthrough), check_configuration(make_function(SOURCE, handler="handler"))] == [
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"timeout": 901},
            f"1 validation error detected: Value '901' at 'timeout' {MEMBER} have value less than or equal to 900",
        ),
        ({"layers": (b"",) * 6}, "Cannot reference more than 5 layers."),
        (
            {"runtime": "nodejs22.x"},
            (
                "The function's Runtime is nodejs22.x, which AWS runs and the simulator does not: it runs python3.9 to "
                "python3.14 only. To train here, deploy it with one of these."
            ),
        ),
        (
            {"environment": (("A", "x"), ("B C", "x"))},
            (
                "1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: Map keys "
                "must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+] "
                "(the names 'A', 'B C')"
            ),
        ),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_function_that_cannot_run_has_a_reason(changes: dict[str, Any], message: str) -> None:
    """Also one that is in no account, as the doctor's."""
    assert check_configuration(make_function(SOURCE, **changes)) == message
