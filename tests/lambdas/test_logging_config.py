"""How a function logs: defaults, updates, and what Lambda refuses."""

import pytest

from simulator.lambdas.configuration import ConfigurationError, FunctionParameters, find_configuration_error
from simulator.lambdas.logging_config import LoggingConfig

NO_LEVELS = (
    'LogLevel is not supported when LogFormat is set to "Text". Remove LogLevel from your request or change the '
    'LogFormat to "JSON" and try again.'
)


@pytest.mark.parametrize(
    ("requests", "expected"),
    [
        ([], {"LogFormat": "Text", "LogGroup": "g"}),
        (
            [{"LogFormat": "JSON"}],
            {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO", "LogGroup": "g"},
        ),
        (
            [{"LogFormat": "JSON", "ApplicationLogLevel": "ERROR"}, {"SystemLogLevel": "WARN"}],
            {"LogFormat": "JSON", "ApplicationLogLevel": "ERROR", "SystemLogLevel": "WARN", "LogGroup": "g"},
        ),
        (
            [{"LogFormat": "JSON", "SystemLogLevel": "WARN"}, {"LogFormat": "Text"}],
            {"LogFormat": "Text", "LogGroup": "g"},
        ),
    ],
)
def test_the_configuration_after_requests(requests: list[dict[str, str]], expected: dict[str, str]) -> None:
    """JSON has the levels INFO by default, and Text has none."""
    config = LoggingConfig()
    for request in requests:
        config = config.updated(request)

    assert config.render(group="g") == expected


@pytest.mark.parametrize(
    ("config", "variables"),
    [
        ({}, {"AWS_LAMBDA_LOG_FORMAT": "Text"}),
        (
            {"LogFormat": "JSON", "ApplicationLogLevel": "TRACE"},
            {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "TRACE"},
        ),
    ],
)
def test_the_runtime_client_is_configured_by_its_own_variables(
    config: dict[str, str], variables: dict[str, str]
) -> None:
    """It has no level with Text."""
    assert LoggingConfig().updated(config).variables == variables


@pytest.mark.parametrize(
    ("config", "violations"),
    [
        ({"LogFormat": "json"}, [("logFormat", "json", "enum value set: [JSON, Text]")]),
        (
            {"LogFormat": "JSON", "ApplicationLogLevel": "ALL", "SystemLogLevel": "ERROR"},
            [
                ("applicationLogLevel", "ALL", "enum value set: [TRACE, DEBUG, INFO, WARN, ERROR, FATAL]"),
                ("systemLogLevel", "ERROR", "enum value set: [DEBUG, INFO, WARN]"),
            ],
        ),
        ({"LogGroup": "a b"}, [("logGroup", "a b", "regular expression pattern: [\\.\\-_/#A-Za-z0-9]+")]),
    ],
)
def test_values_that_the_api_does_not_have_are_refused(
    config: dict[str, str], violations: list[tuple[str, str, str]]
) -> None:
    """All of them in one message."""
    found = find_configuration_error(FunctionParameters(logging=config))

    sentences = [
        f"Value '{value}' at 'loggingConfig.{member}' failed to satisfy constraint: Member must satisfy {rule}"
        for member, value, rule in violations
    ]
    noun = "error" if len(sentences) == 1 else "errors"
    assert found == ConfigurationError(
        error_type="ValidationException",
        message=f"{len(sentences)} validation {noun} detected: {'; '.join(sentences)}",
    )


def test_levels_need_the_format_json() -> None:
    """In Lambda's words."""
    found = find_configuration_error(FunctionParameters(logging={"LogFormat": "Text", "SystemLogLevel": "INFO"}))

    assert found == ConfigurationError(error_type="InvalidParameterValueException", message=NO_LEVELS)
