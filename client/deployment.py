"""Create or update the Lambda function of a package, with its role.

The permissions: `lambda.amazonaws.com` assumes the *function's* role, which may only write the function's logs. The
*caller* of `rft train` needs `lambda:InvokeFunction` on the function, because the service calls it with the caller's
permissions (DOCUMENTED: the create call takes no role; the caller's identity carries AmazonBedrockMantleFullAccess and
lambda:InvokeFunction). No resource policy is added and no version is published.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict, cast

from rich.console import Console

from client.clock import Clock, Notify
from client.code_bucket import CodeBucket, upload_code
from client.deployed_function import DeployedFunction
from client.deployment_package import DeploymentPackage
from client.errors import ServiceError
from client.function_configuration import (
    FunctionConfiguration,
    build_configuration,
    has_same_contents,
    is_from_another_folder,
)
from client.function_options import FunctionOptions
from client.function_role import ensure_role
from client.layers import Layer, find_published_version, layer_name, publish_layer
from client.package_size import MAX_REQUEST_ZIP_BYTES
from client.progress import show_progress
from client.reward import Reward
from client.sdk_clients import AwsClients
from client.terminal import format_size, print_done, print_warning

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.literals import ArchitectureType
    from mypy_boto3_lambda.type_defs import (
        FunctionCodeTypeDef,
        FunctionConfigurationResponseTypeDef,
        LayerVersionContentInputTypeDef,
    )

# AWS's message while Lambda does not know a new role yet, usually for some ten seconds.
_ROLE_NOT_READY = "The role defined for the function cannot be assumed by Lambda"


_MAX_ROLE_WAIT_SECONDS, _ROLE_RETRY_SECONDS = 60.0, 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A function that is ready to be called. `outcome` is created, updated, unchanged or already deployed."""

    arn: str
    outcome: str
    role_arn: str


class CodeLocation(TypedDict, total=False):
    """A zip in the request, or an object in S3, in Lambda's own names."""

    ZipFile: bytes
    S3Bucket: str
    S3Key: str


LocateCode = Callable[[str, bytes, str], CodeLocation]
"""From the name of a function or layer, a zip and its hash to where Lambda gets the zip."""


def send_in_request(_name: str, zip_bytes: bytes, _digest: str) -> CodeLocation:
    """Put the zip into the request."""
    return {"ZipFile": zip_bytes}


def deploy_function(
    package: DeploymentPackage,
    options: FunctionOptions,
    *,
    iam: IAMClient,
    lambda_client: LambdaClient,
    clock: Clock,
    notify: Notify,
    locate_code: LocateCode = send_in_request,
) -> Deployment:
    """Create the function, or update it to `package` and `options`, and wait until it is ready.

    The runtime, the time-out and the memory have defaults. Variables, layers and the architecture of an existing
    function stay as they are if neither `options` nor `package` names them.

    Raises:
        UsageError: the role of that name exists and Lambda may not assume it.
        ServiceError: Lambda could not assume the new role in time.
        botocore.exceptions.ClientError: AWS refused a call.
    """
    role_arn = ensure_role(package.role_name, iam=iam)
    layer_arns = _publish_layers(
        package.layers, function_name=package.name, lambda_client=lambda_client, locate_code=locate_code
    )
    configuration = build_configuration(package, options, role_arn=role_arn, layer_arns=layer_arns)
    try:
        current_configuration = lambda_client.get_function_configuration(FunctionName=package.name)
    except lambda_client.exceptions.ResourceNotFoundException:
        arn = _create_function(
            package,
            configuration,
            code=locate_code(package.name, package.zip_bytes, package.sha256),
            lambda_client=lambda_client,
            clock=clock,
            notify=notify,
        )
        outcome = "created"
    else:
        arn = current_configuration["FunctionArn"]
        if is_from_another_folder(package, current_configuration):
            notify(f"{package.name} was deployed from another folder; it now gets the files of this one.")
        _wait_until_ready(package.name, lambda_client=lambda_client)
        has_changed = _update_function(
            package,
            configuration,
            current=current_configuration,
            lambda_client=lambda_client,
            locate_code=locate_code,
        )
        outcome = "updated" if has_changed else "unchanged"
    _wait_until_ready(package.name, lambda_client=lambda_client)
    return Deployment(arn=arn, outcome=outcome, role_arn=role_arn)


def _publish_layers(
    layers: tuple[Layer, ...], *, function_name: str, lambda_client: LambdaClient, locate_code: LocateCode
) -> tuple[str, ...]:
    arns = []
    for layer in layers:
        if isinstance(layer, str):
            arns.append(layer)
            continue
        name = layer_name(layer, function_name=function_name)
        arn = find_published_version(layer, name=name, lambda_client=lambda_client)
        if arn is None:
            content = locate_code(name, layer.zip_bytes, hashlib.sha256(layer.zip_bytes).hexdigest())
            arn = publish_layer(
                layer, cast("LayerVersionContentInputTypeDef", content), name=name, lambda_client=lambda_client
            )
        arns.append(arn)
    return tuple(arns)


def _create_function(
    package: DeploymentPackage,
    configuration: FunctionConfiguration,
    *,
    code: CodeLocation,
    lambda_client: LambdaClient,
    clock: Clock,
    notify: Notify,
) -> str:
    started_at = clock.now()
    while True:
        try:
            return lambda_client.create_function(
                FunctionName=package.name,
                Code=cast("FunctionCodeTypeDef", code),
                Publish=False,
                **configuration,
                **_architectures(package.architecture),
            )["FunctionArn"]
        except lambda_client.exceptions.InvalidParameterValueException as error:
            if _ROLE_NOT_READY not in str(error):
                raise
            if clock.now() - started_at >= _MAX_ROLE_WAIT_SECONDS:
                raise ServiceError(
                    f"Lambda still cannot assume the new role {configuration['Role']} after "
                    f"{_MAX_ROLE_WAIT_SECONDS:.0f} s.",
                    next_step="Check the role's trust policy, then run the same command again.",
                ) from error
            notify("the new role is not known to Lambda yet; trying again.")
            clock.sleep(_ROLE_RETRY_SECONDS)


def _update_function(
    package: DeploymentPackage,
    configuration: FunctionConfiguration,
    *,
    current: FunctionConfigurationResponseTypeDef,
    lambda_client: LambdaClient,
    locate_code: LocateCode,
) -> bool:
    same_architecture = package.architecture in {None, *current.get("Architectures", ["x86_64"])}
    same_zip = current.get("CodeSha256") == base64.b64encode(bytes.fromhex(package.sha256)).decode()
    same_code = same_architecture and (same_zip or has_same_contents(package, current))
    if same_code and not same_zip:
        # The description names the zip that the function has.
        configuration = {**configuration, "Description": current.get("Description", "")}
    current_values = {
        **current,
        "Environment": {"Variables": current.get("Environment", {}).get("Variables", {})},
        "Layers": [layer.get("Arn") for layer in current.get("Layers", [])],
    }
    same_settings = all(current_values.get(name) == value for name, value in configuration.items())
    if not same_settings:
        lambda_client.update_function_configuration(FunctionName=package.name, **configuration)
        # Lambda refuses a second update (ResourceConflictException) while the first is in progress.
        _wait_until_ready(package.name, lambda_client=lambda_client)
    if not same_code:
        lambda_client.update_function_code(
            FunctionName=package.name,
            Publish=False,
            **locate_code(package.name, package.zip_bytes, package.sha256),
            **_architectures(package.architecture),
        )
    return not (same_code and same_settings)


class _Architectures(TypedDict, total=False):
    Architectures: list[ArchitectureType]


def _architectures(architecture: ArchitectureType | None) -> _Architectures:
    return {"Architectures": [architecture]} if architecture else {}


def _wait_until_ready(name: str, *, lambda_client: LambdaClient) -> None:
    lambda_client.get_waiter("function_active_v2").wait(FunctionName=name)
    lambda_client.get_waiter("function_updated_v2").wait(FunctionName=name)


def deploy_reward(
    reward: Reward,
    options: FunctionOptions,
    *,
    code_bucket: CodeBucket | None,
    aws_clients: AwsClients,
    console: Console,
) -> Deployment:
    """Deploy a package, or take the function that is deployed already, and print the result.

    `code_bucket` is the bucket for zips that are too large for a request (see `client.code_bucket`).
    """
    if isinstance(reward, DeployedFunction):
        deployment = Deployment(arn=reward.arn, outcome="already deployed", role_arn=reward.role_arn)
        print_done(console, "found", deployment.arn, detail=deployment.outcome)
        return deployment

    def locate_code(name: str, zip_bytes: bytes, digest: str) -> CodeLocation:
        if code_bucket is None or len(zip_bytes) <= MAX_REQUEST_ZIP_BYTES:
            return send_in_request(name, zip_bytes, digest)
        with show_progress(console, f"uploading {format_size(len(zip_bytes))} to S3") as progress:
            key = upload_code(
                zip_bytes, bucket=code_bucket, name=name, digest=digest, s3=aws_clients.s3, advance=progress.advance
            )
        print_done(console, "uploaded", f"s3://{code_bucket.name}/{key}", detail=format_size(len(zip_bytes)))
        return {"S3Bucket": code_bucket.name, "S3Key": key}

    size = format_size(len(reward.zip_bytes))
    # An upload to S3 has a bar of its own, and not every release of rich shows two.
    deploying = nullcontext() if code_bucket else show_progress(console, f"uploading {size}", is_announced=False)
    with deploying:
        deployment = deploy_function(
            reward,
            options,
            iam=aws_clients.iam,
            lambda_client=aws_clients.lambda_client,
            clock=Clock(),
            notify=lambda text: print_warning(console, text),
            locate_code=locate_code,
        )
    print_done(console, "deployed", deployment.arn, detail=deployment.outcome)
    return deployment
