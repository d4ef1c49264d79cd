"""Checks the configuration of a function as Lambda does at CreateFunction and UpdateFunctionConfiguration.

Lambda checks in two passes. The first compares each parameter with the constraints of the API (DOCUMENTED: the API
reference) and reports all violations in one ValidationException. The second reports the first problem as an
InvalidParameterValueException. The messages are the service's (OBSERVED), but for those that say INFERRED.

Roles and layers are in the account: `simulator.aws.function_validation` checks that they exist.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from simulator.lambdas.function import FunctionSpec
from simulator.lambdas.limits import (
    CREATABLE_RUNTIMES,
    DEPRECATED_RUNTIMES,
    EPHEMERAL_STORAGE_RANGE_MB,
    MAX_DESCRIPTION_LENGTH,
    MAX_ENVIRONMENT_BYTES,
    MAX_HANDLER_LENGTH,
    MAX_LAYERS,
    MAX_NAME_LENGTH,
    MAX_NAME_OR_ARN_LENGTH,
    MEMORY_RANGE_MB,
    RESERVED_VARIABLES,
    RUNTIMES,
    TIMEOUT_RANGE_SECONDS,
)
from simulator.lambdas.logging_config import logging_error, logging_violations

ARCHITECTURES: Final = ("x86_64", "arm64")
INVALID_PARAMETER: Final = "InvalidParameterValueException"
VALIDATION: Final = "ValidationException"

_NOT_NULL: Final = "Member must not be null"
_FUNCTION_NAME: Final = re.compile(
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?"
    r"([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?"
)
_NAME_GROUP: Final = 11  # the group of the pattern above that is the name itself
_HANDLER: Final = re.compile(r"[^\s]+")
_ROLE: Final = re.compile(r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+")
_VARIABLE: Final = re.compile(r"[a-zA-Z]([a-zA-Z0-9_])+")
_LAYER: Final = re.compile(
    r"(arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:layer:"
    r"[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)"
)
_LAYER_RULES: Final = (
    "Member must have length less than or equal to 2048",
    "Member must have length greater than or equal to 1",
    f"Member must satisfy regular expression pattern: {_LAYER.pattern}",
    _NOT_NULL,
)
_ARCHITECTURE_RULES: Final = (f"Member must satisfy enum value set: [{', '.join(ARCHITECTURES)}]", _NOT_NULL)
_UNUSABLE_VARIABLES: Final = (
    "Lambda was unable to configure your environment variables because the environment variables you have provided "
)
_TOO_MANY_LAYERS: Final = f"Cannot reference more than {MAX_LAYERS} layers."


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionParameters:
    """The parameters of a request that configure a function. None stands for a parameter that the request lacks.

    `function_name` is a name or an ARN, `layers` are ARNs of versions, and `logging` has the members of
    `LoggingConfig`. The sizes are in MB and the timeout in seconds.
    """

    function_name: str | None = None
    description: str | None = None
    handler: str | None = None
    role: str | None = None
    runtime: str | None = None
    timeout: float | None = None
    memory_mb: float | None = None
    ephemeral_storage_mb: float | None = None
    environment: Mapping[str, str] | None = None
    layers: Sequence[str] | None = None
    architectures: Sequence[str] | None = None
    logging: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationError:
    """Why Lambda rejects a configuration: the name of its error, its message, and what the message leaves out."""

    error_type: str
    message: str
    detail: str = ""


def find_configuration_error(parameters: FunctionParameters) -> ConfigurationError | None:
    """Return why Lambda rejects the parameters, or None. Only what can be known without the account is checked."""
    if violations := list(_violations(parameters)):
        detail = _describe_bad_names(parameters.environment or {})
        return ConfigurationError(error_type=VALIDATION, message=describe_violations(violations), detail=detail)
    message = (
        _name_error(parameters.function_name)
        or _environment_error(parameters.environment or {})
        or _layers_error(parameters.layers or ())
        or _runtime_error(parameters.runtime)
        or logging_error(parameters.logging or {})
    )
    return ConfigurationError(error_type=INVALID_PARAMETER, message=message) if message else None


def check_configuration(spec: FunctionSpec) -> str | None:
    """Return why this function cannot run: AWS would not create it, or the simulator does not run its language.

    A function may be older than the checks at its creation, and the doctor's functions are not created in an account.
    """
    error = find_configuration_error(
        FunctionParameters(
            handler=spec.handler,
            role=spec.role or None,
            runtime=spec.runtime,
            timeout=spec.timeout,
            memory_mb=spec.memory_mb,
            ephemeral_storage_mb=spec.ephemeral_storage_mb,
            environment=dict(spec.environment),
        )
    )
    if error is not None:
        return error.message + error.detail
    if len(spec.layers) > MAX_LAYERS:
        return _TOO_MANY_LAYERS
    if spec.runtime not in RUNTIMES:
        return (
            f"The function's Runtime is {spec.runtime}, which AWS runs and the simulator does not: it runs "
            f"{RUNTIMES[0]} to {RUNTIMES[-1]} only. To train here, deploy it with one of these."
        )
    return None


def describe_violations(violations: Sequence[str]) -> str:
    """Return the message of a ValidationException."""
    noun = "error" if len(violations) == 1 else "errors"
    return f"{len(violations)} validation {noun} detected: {'; '.join(violations)}"


def violation(member: str, rule: str, value: object = None) -> str:
    """Return the sentence about one parameter; without its `value` if it is sensitive, because AWS repeats no such."""
    shown = "Value" if value is None else f"Value '{value}'"
    return f"{shown} at '{member}' failed to satisfy constraint: {rule}"


def missing_violation(member: str) -> str:
    """Return the sentence about a required parameter that is missing."""
    return f"Value null at '{member}' failed to satisfy constraint: {_NOT_NULL}"


def architecture_violation(member: str, architectures: Sequence[str]) -> str | None:
    """Return the violation of a list of architectures, or None."""
    if all(architecture in ARCHITECTURES for architecture in architectures):
        return None
    return violation(member, _each(_ARCHITECTURE_RULES), _list(architectures))


def runtimes_violation(member: str, runtimes: Sequence[str]) -> str | None:
    """Return the violation of a layer's list of runtimes, or None."""
    if all(runtime in CREATABLE_RUNTIMES or runtime in DEPRECATED_RUNTIMES for runtime in runtimes):
        return None
    return violation(member, f"Member must satisfy enum value set: {_list(CREATABLE_RUNTIMES)}", _list(runtimes))


def _violations(parameters: FunctionParameters) -> Iterator[str]:
    """Yield all violations of the API's constraints."""
    yield from _text_violations(parameters)
    yield from _number_violations(parameters)
    if any(not _VARIABLE.fullmatch(name) for name in parameters.environment or {}):
        rule = f"Member must satisfy regular expression pattern: {_VARIABLE.pattern}"
        yield violation("environment.variables", f"Map keys must satisfy constraint: [{rule}]")
    if any(not _LAYER.fullmatch(arn) for arn in parameters.layers or ()):
        yield violation("layers", _each(_LAYER_RULES), _list(parameters.layers or ()))
    if (architectures := parameters.architectures) is not None:
        if len(architectures) != 1:
            bound = "less than or equal to 1" if architectures else "greater than or equal to 1"
            yield violation("architectures", f"Member must have length {bound}", _list(architectures))
        elif sentence := architecture_violation("architectures", architectures):
            yield sentence
    for member, value, rule in logging_violations(parameters.logging or {}):
        yield violation(member, rule, value)


def _text_violations(parameters: FunctionParameters) -> Iterator[str]:
    for value, member, longest, pattern in (
        (parameters.function_name, "functionName", MAX_NAME_OR_ARN_LENGTH, _FUNCTION_NAME),
        (parameters.role, "role", None, _ROLE),
        (parameters.handler, "handler", MAX_HANDLER_LENGTH, _HANDLER),
        (parameters.description, "description", MAX_DESCRIPTION_LENGTH, None),
    ):
        if value is not None and longest is not None and len(value) > longest:
            yield violation(member, f"Member must have length less than or equal to {longest}", value)
        if value is not None and pattern is not None and not pattern.fullmatch(value):
            yield violation(member, f"Member must satisfy regular expression pattern: {pattern.pattern}", value)


def _number_violations(parameters: FunctionParameters) -> Iterator[str]:
    for value, member, (low, high) in (
        (parameters.timeout, "timeout", TIMEOUT_RANGE_SECONDS),
        (parameters.memory_mb, "memorySize", MEMORY_RANGE_MB),
        (parameters.ephemeral_storage_mb, "ephemeralStorage.size", EPHEMERAL_STORAGE_RANGE_MB),
    ):
        if value is None:
            continue
        if not value >= low:  # `not >=` is also true for NaN
            yield violation(member, f"Member must have value greater than or equal to {low}", value)
        elif not value <= high:
            yield violation(member, f"Member must have value less than or equal to {high}", value)


def _name_error(function_name: str | None) -> str | None:
    match = _FUNCTION_NAME.fullmatch(function_name or "")
    name = match[_NAME_GROUP] if match else ""
    if len(name) <= MAX_NAME_LENGTH:
        return None
    rule = f"Member must have length less than or equal to {MAX_NAME_LENGTH}"
    return describe_violations([violation("functionName", rule, name)])


def _environment_error(environment: Mapping[str, str]) -> str | None:
    if reserved := [name for name in environment if name in RESERVED_VARIABLES]:
        return (
            f"{_UNUSABLE_VARIABLES}contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    measured = json.dumps(dict(environment), separators=(",", ":"), ensure_ascii=False)
    if environment and len(measured.encode("utf-8", "surrogatepass")) > MAX_ENVIRONMENT_BYTES:
        return f"{_UNUSABLE_VARIABLES}exceeded the 4KB limit. String measured: {measured}"
    return None


def _layers_error(layers: Sequence[str]) -> str | None:
    if len(layers) > MAX_LAYERS:
        return _TOO_MANY_LAYERS
    first_versions: dict[str, str] = {}
    for arn in layers:
        other = first_versions.setdefault(arn.rpartition(":")[0], arn)
        if other is not arn:
            return (
                "Two different versions of the same layer are not allowed to be referenced in the same function. "
                f"{other} and {arn} are versions of the same layer."
            )
    return None


def _runtime_error(runtime: str | None) -> str | None:
    if runtime is None or runtime in CREATABLE_RUNTIMES:
        return None
    if runtime in DEPRECATED_RUNTIMES:
        return (
            f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda functions. "
            "We recommend you use a supported runtime while creating or updating functions."
        )
    return (
        f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
        f"{_list(CREATABLE_RUNTIMES)} or be a valid ARN"
    )


def _describe_bad_names(environment: Mapping[str, str]) -> str:
    names = [repr(name) for name in environment if not _VARIABLE.fullmatch(name)]
    return f" (the name{'s' if len(names) > 1 else ''} {', '.join(names)})" if names else ""


def _each(rules: Sequence[str]) -> str:
    return f"Member must satisfy constraint: [{', '.join(rules)}]"


def _list(values: Sequence[str]) -> str:
    return f"[{', '.join(values)}]"
