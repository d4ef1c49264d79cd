"""Makes moto's Lambda refuse the configurations that AWS refuses, before it changes anything.

`simulator.lambdas.configuration` has the checks of the parameters; here are the requests, and what depends on the
account: roles and layers. Importing this module imports moto; only `moto_app` does.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, Final, TypeVar

from moto.awslambda.exceptions import CrossAccountNotAllowed, InvalidParameterValueException, LambdaClientError
from moto.awslambda.models import LambdaBackend, LambdaFunction

from simulator.aws.iam_identities import service_may_assume
from simulator.aws.moto_state import validates_requests
from simulator.aws.package_validation import beside_layers, check_unpacked_size
from simulator.lambdas.archive import unpacked_size
from simulator.lambdas.configuration import (
    VALIDATION,
    FunctionParameters,
    architecture_violation,
    describe_violations,
    find_configuration_error,
    missing_violation,
    runtimes_violation,
)

LAMBDA_SERVICE: Final = "lambda.amazonaws.com"

Request = dict[str, Any]
_Value = TypeVar("_Value")

_UNASSUMABLE_ROLE: Final = "The role defined for the function cannot be assumed by Lambda."
_NO_RUNTIME: Final = "Runtime and Handler are mandatory parameters for functions created with deployment packages."

# AWS's words for the types of JSON in a SerializationException (OBSERVED of other services with this protocol).
_JSON_TYPES: Final = {str: "STRING_VALUE", bool: "TRUE_VALUE", int: "NUMBER_VALUE", float: "DECIMAL_VALUE"}


def install_function_validation() -> None:
    """Check every request that creates or changes a function or a layer."""
    _wrap("create_function", _create_function)
    _wrap("update_function_configuration", _update_function_configuration)
    _wrap("update_function_code", _update_function_code)
    _wrap("publish_layer_version", _publish_layer_version)


def _wrap(name: str, replacement: Callable[..., Any]) -> None:
    original = vars(LambdaBackend)[name]

    @wraps(original)
    def operation(backend: LambdaBackend, *arguments: Any, **keywords: Any) -> Any:
        if not validates_requests():
            return original(backend, *arguments, **keywords)
        return replacement(lambda *a, **k: original(backend, *a, **k), backend, *arguments, **keywords)

    setattr(LambdaBackend, name, operation)


def _create_function(original: Callable[..., Any], backend: LambdaBackend, spec: Request) -> Any:
    request = _without_nulls(spec)
    _check_parameters(request, required=("FunctionName", "Role"))
    if request.get("PackageType", "Zip") == "Zip" and not (request.get("Runtime") and request.get("Handler")):
        raise InvalidParameterValueException(_NO_RUNTIME)
    layers_bytes = _check_layers(backend, request.get("Layers", ()))
    _check_role(backend, request["Role"])
    with beside_layers(layers_bytes):
        return original(request)


def _update_function_configuration(
    original: Callable[..., Any], backend: LambdaBackend, function_name: str, qualifier: str | None, body: Request
) -> Any:
    request = _without_nulls(body)
    request.pop("FunctionName", None)  # the path has it
    _check_parameters(request)
    function = backend.get_function(function_name, qualifier)
    if "Layers" in request:
        check_unpacked_size(_code_of(function), _check_layers(backend, request["Layers"]))
    if "Role" in request:
        _check_role(backend, request["Role"])
    original(function_name, qualifier, request)
    if "EphemeralStorage" in request:  # moto ignores it in updates
        function.ephemeral_storage = request["EphemeralStorage"]["Size"]
    return function.get_configuration()


def _update_function_code(
    original: Callable[..., Any], backend: LambdaBackend, function_name: str, qualifier: str | None, body: Request
) -> Any:
    request = _without_nulls(body)
    _check_parameters({name: value for name, value in request.items() if name == "Architectures"})
    function = backend.get_function(function_name, qualifier)
    with beside_layers(sum(_layer_bytes(backend, layer["Arn"]) for layer in function.layers)):
        configuration = original(function_name, qualifier, request)
    if "Architectures" in request and not request.get("DryRun"):  # moto ignores it in updates
        function.architectures = request["Architectures"]
        configuration["Architectures"] = function.architectures
    return configuration


def _publish_layer_version(original: Callable[..., Any], _backend: LambdaBackend, spec: Request) -> Any:
    request = _without_nulls(spec)
    runtimes = _texts(request, "CompatibleRuntimes") or ()
    architectures = _texts(request, "CompatibleArchitectures") or ()
    violations = (
        runtimes_violation("compatibleRuntimes", runtimes),
        architecture_violation("compatibleArchitectures", architectures),
    )
    if found := [each for each in violations if each]:
        raise LambdaClientError(VALIDATION, describe_violations(found))
    return original(request)


def _check_parameters(request: Request, *, required: Sequence[str] = ()) -> None:
    """Check what needs no look at the account.

    Raises:
        LambdaClientError: as AWS.
    """
    missing = [missing_violation(name[0].lower() + name[1:]) for name in required if name not in request]
    storage = _mapping(request, "EphemeralStorage")
    if storage is not None and storage.get("Size") is None:
        missing.append(missing_violation("ephemeralStorage.size"))
    if missing:
        raise LambdaClientError(VALIDATION, describe_violations(missing))
    environment = _mapping(request, "Environment")
    if environment is not None:
        environment.setdefault("Variables", {})  # moto requires it
    vpc = _mapping(request, "VpcConfig")
    if vpc is not None:
        vpc.setdefault("SecurityGroupIds", [])  # likewise
    logging = _mapping(request, "LoggingConfig")
    error = find_configuration_error(
        FunctionParameters(
            function_name=_text(request, "FunctionName"),
            description=_text(request, "Description"),
            handler=_text(request, "Handler"),
            role=_text(request, "Role"),
            runtime=_text(request, "Runtime"),
            timeout=_integer(request, "Timeout"),
            memory_mb=_integer(request, "MemorySize"),
            ephemeral_storage_mb=None if storage is None else _integer(storage, "Size"),
            environment=None if environment is None else _variables(environment),
            layers=_texts(request, "Layers"),
            architectures=_texts(request, "Architectures"),
            logging=None if logging is None else _strings(logging),
        )
    )
    if error is not None:
        raise LambdaClientError(error.error_type, error.message)


def _check_role(backend: LambdaBackend, arn: str) -> None:
    """Check that Lambda may assume a role of the function's account."""
    if arn.split(":")[4] != backend.account_id:
        raise CrossAccountNotAllowed
    if not service_may_assume(arn, service=LAMBDA_SERVICE):
        raise InvalidParameterValueException(_UNASSUMABLE_ROLE)


def _check_layers(backend: LambdaBackend, arns: Sequence[str]) -> int:
    """Check that all layers exist; return their unpacked size."""
    for arn in arns:
        _, _, _, region, account, *_ = arn.split(":")
        if account != backend.account_id:
            raise InvalidParameterValueException(
                f"Layer version {arn} does not exist. The simulator has no layers of other accounts: publish the layer "
                f"in account {backend.account_id}."
            )
        if region != backend.region_name:
            raise InvalidParameterValueException(
                "Layers are not in the same region as the function. "
                f"Layers are expected to be in region {backend.region_name}."
            )
        if backend.layers_versions_by_arn(arn) is None:
            raise InvalidParameterValueException(f"Layer version {arn} does not exist.")
    return sum(_layer_bytes(backend, arn) for arn in arns)


def _layer_bytes(backend: LambdaBackend, arn: str) -> int:
    layer = backend.layers_versions_by_arn(arn)
    return 0 if layer is None else unpacked_size(layer.code_bytes)


def _code_of(function: LambdaFunction) -> bytes:
    return function.code_bytes if function.package_type == "Zip" else b""


def _without_nulls(request: Mapping[str, Any]) -> Request:
    """Return a copy without the members that are null: AWS treats them as absent, and moto would store them."""
    return {
        name: dict(value) if isinstance(value, dict) else value for name, value in request.items() if value is not None
    }


def _text(request: Request, name: str) -> str | None:
    return _value(request, name, str, "a String")


def _integer(request: Request, name: str) -> int | None:
    return _value(request, name, int, "an Integer")


def _mapping(request: Request, name: str) -> Request | None:
    return _value(request, name, dict, "a structure")


def _texts(request: Request, name: str) -> tuple[str, ...] | None:
    values: list[Any] | None = _value(request, name, list, "a list")
    if values is None:
        return None
    return tuple(_checked(value, str, "a String") for value in values)


def _variables(environment: Request) -> dict[str, str]:
    variables: dict[str, Any] = _value(environment, "Variables", dict, "a map") or {}
    return {name: _checked(value, str, "a String") for name, value in variables.items()}


def _strings(structure: Request) -> dict[str, str]:
    return {name: _checked(value, str, "a String") for name, value in structure.items() if value is not None}


def _value(request: Request, name: str, expected: type[_Value], description: str) -> _Value | None:
    value = request.get(name)
    return None if value is None else _checked(value, expected, description)


def _checked(value: object, expected: type[_Value], description: str) -> _Value:
    """Return a value of the right type.

    Raises:
        LambdaClientError: AWS cannot read the request (INFERRED: the wording).
    """
    if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
        kind = "null" if value is None else _JSON_TYPES.get(type(value), "Start of structure or list")
        raise LambdaClientError("SerializationException", f"{kind} can not be converted to {description}")
    return value
