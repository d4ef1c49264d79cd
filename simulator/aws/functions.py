"""Reads Lambda functions from moto's state, without changing it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from simulator.lambdas.errors import FunctionNotActive, FunctionNotFound, InvalidParameter, UnsupportedPackage
from simulator.lambdas.function import FunctionSpec
from simulator.lambdas.function_reference import FunctionReference

if TYPE_CHECKING:
    from moto.awslambda.models import LambdaBackend, LambdaFunction


def find_function(reference: FunctionReference) -> FunctionSpec:
    """Return a stored function, at the version or alias that `reference` names.

    Raises:
        FunctionNotFound: there is no such function, version or alias in that account and region.
        FunctionNotActive: it is not active.
        UnsupportedPackage: it is a container image, which the simulator does not run.
    """
    from simulator.aws.logging_configs import logging_config_of  # noqa: PLC0415 - it imports moto

    backend = _backend(reference)
    function = _find_stored_function(backend, reference)
    if function.state != "Active":
        raise FunctionNotActive(function.state)
    if function.package_type != "Zip":
        raise UnsupportedPackage(reference.arn)
    return FunctionSpec(
        name=function.function_name,
        arn=reference.unqualified_arn,
        version=str(function.version),
        account=reference.account,
        region=reference.region,
        handler=function.handler or "",
        runtime=function.run_time or "",
        code=function.code_bytes,
        code_sha256=function.code_sha_256,
        environment=tuple(sorted(function.environment_vars.items())),
        timeout=int(function.timeout),
        memory_mb=int(function.memory_size),
        ephemeral_storage_mb=int(function.ephemeral_storage),
        role=function.role,
        layers=tuple(_layer_code(backend, layer["Arn"]) for layer in function.layers),
        reserved_concurrency=_reserved_concurrency(backend, reference),
        log_group=function.logs_group_name,
        logging=logging_config_of(function),
        architecture=function.architectures[0] if function.architectures else "x86_64",
    )


def policy_statements(reference: FunctionReference) -> tuple[Mapping[str, Any], ...]:
    """Return the statements of the function's resource policy, which `add_permission` creates.

    Raises:
        FunctionNotFound: there is no such function, version or alias in that account and region.
    """
    return tuple(_find_stored_function(_backend(reference), reference).policy.statements)


def _backend(reference: FunctionReference) -> "LambdaBackend":
    from moto.awslambda.utils import get_backend  # noqa: PLC0415 - moto is slow to import

    try:
        return get_backend(reference.account, reference.region)
    except KeyError as error:  # the region does not exist
        raise FunctionNotFound(reference.arn) from error


def _find_stored_function(backend: "LambdaBackend", reference: FunctionReference) -> "LambdaFunction":
    from moto.core.exceptions import JsonRESTError  # noqa: PLC0415 - moto is slow to import

    try:
        return backend.get_function(reference.name, reference.qualifier)
    except JsonRESTError as error:
        raise FunctionNotFound(reference.arn) from error


def _layer_code(backend: "LambdaBackend", arn: str) -> bytes:
    layer = backend.layers_versions_by_arn(arn)
    if layer is None:
        raise InvalidParameter(f"Layer version {arn} does not exist.")
    return layer.code_bytes


def _reserved_concurrency(backend: "LambdaBackend", reference: FunctionReference) -> int | None:
    # Reserved concurrency belongs to the function; a published version holds an old copy.
    latest = _find_stored_function(
        backend,
        FunctionReference(account=reference.account, region=reference.region, name=reference.name, qualifier=None),
    )
    return None if latest.reserved_concurrency is None else int(latest.reserved_concurrency)
