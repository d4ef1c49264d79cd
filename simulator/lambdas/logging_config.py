"""How a function logs: `LoggingConfig` of Lambda's API, its checks, and the variables that tell the runtime client.

Source: "Configuring advanced logging controls for Lambda functions" and the API reference (DOCUMENTED). The message of
`logging_error` is the service's (OBSERVED).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

TEXT: Final = "Text"
JSON: Final = "JSON"
LOG_FORMATS: Final = (JSON, TEXT)
APPLICATION_LEVELS: Final = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
SYSTEM_LEVELS: Final = ("DEBUG", "INFO", "WARN")

_DEFAULT_LEVEL: Final = "INFO"
_MAX_GROUP_LENGTH: Final = 512
_GROUP: Final = re.compile(r"[\.\-_/#A-Za-z0-9]+")
_LEVELS: Final = ("ApplicationLogLevel", "SystemLogLevel")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggingConfig:
    """The format of a function's log, and for JSON the least severe levels that are logged."""

    log_format: str = TEXT
    application_level: str = ""
    system_level: str = ""

    def updated(self, request: Mapping[str, Any]) -> "LoggingConfig":
        """Return the configuration after a request with these members of `LoggingConfig`.

        Members that the request lacks stay (INFERRED). Text has no levels, and JSON has INFO by default.
        """
        if request.get("LogFormat", self.log_format) != JSON:
            return LoggingConfig()
        return LoggingConfig(
            log_format=JSON,
            application_level=request.get("ApplicationLogLevel") or self.application_level or _DEFAULT_LEVEL,
            system_level=request.get("SystemLogLevel") or self.system_level or _DEFAULT_LEVEL,
        )

    def render(self, *, group: str) -> dict[str, str]:
        """Return `LoggingConfig` as Lambda's API returns it."""
        members = {
            "LogFormat": self.log_format,
            "ApplicationLogLevel": self.application_level,
            "SystemLogLevel": self.system_level,
            "LogGroup": group,
        }
        return {name: value for name, value in members.items() if value}

    @property
    def variables(self) -> dict[str, str]:
        """The variables that AWS's runtime client reads (SAMPLE: its source). It filters and formats by them."""
        if self.log_format != JSON:
            return {"AWS_LAMBDA_LOG_FORMAT": self.log_format}
        return {"AWS_LAMBDA_LOG_FORMAT": self.log_format, "AWS_LAMBDA_LOG_LEVEL": self.application_level}


def logging_violations(request: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield member, value and rule for each violation of the API's constraints."""
    for name, member, values in (
        ("LogFormat", "logFormat", LOG_FORMATS),
        ("ApplicationLogLevel", "applicationLogLevel", APPLICATION_LEVELS),
        ("SystemLogLevel", "systemLogLevel", SYSTEM_LEVELS),
    ):
        if name in request and request[name] not in values:
            rule = f"Member must satisfy enum value set: [{', '.join(values)}]"
            yield f"loggingConfig.{member}", request[name], rule
    group = request.get("LogGroup")
    if group is None:
        return
    if len(group) > _MAX_GROUP_LENGTH:
        rule = f"Member must have length less than or equal to {_MAX_GROUP_LENGTH}"
        yield "loggingConfig.logGroup", group, rule
    if not group:
        yield "loggingConfig.logGroup", group, "Member must have length greater than or equal to 1"
    if not _GROUP.fullmatch(group):
        yield "loggingConfig.logGroup", group, f"Member must satisfy regular expression pattern: {_GROUP.pattern}"


def logging_error(request: Mapping[str, str]) -> str | None:
    """Return why Lambda rejects members of `LoggingConfig` that are valid each by itself, or None."""
    if request.get("LogFormat") == TEXT and any(name in request for name in _LEVELS):
        return (
            'LogLevel is not supported when LogFormat is set to "Text". Remove LogLevel from your request or change '
            'the LogFormat to "JSON" and try again.'
        )
    return None
