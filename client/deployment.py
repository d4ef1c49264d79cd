"""Create or update the Lambda function of a package, with its role.

The permissions: `lambda.amazonaws.com` assumes the *function's* role, which may only write the function's logs. The
*caller* of `rft train` needs `lambda:InvokeFunction` on the function, because the service calls it with the caller's
permissions (DOCUMENTED: the create call takes no role; the caller's identity carries AmazonBedrockMantleFullAccess and
lambda:InvokeFunction). No resource policy is added and no version is published.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NotRequired, TypedDict

from rich.console import Console

from client.clock import Clock, Notify
from client.deployed_function import DeployedFunction
from client.deployment_package import DeploymentPackage
from client.errors import ServiceError, UsageError
from client.function_options import DEFAULT_MEMORY_MB, DEFAULT_RUNTIME, DEFAULT_TIMEOUT_SECONDS, FunctionOptions
from client.layers import Layer, find_published_version, layer_name, publish_layer
from client.reward import Reward
from client.sdk_clients import AwsClients
from client.terminal import print_done, print_warning

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.literals import ArchitectureType, RuntimeType
    from mypy_boto3_lambda.type_defs import EnvironmentTypeDef, FunctionConfigurationResponseTypeDef

_LOGGING_POLICY_ARN = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


_TRUST_POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


# AWS's message while Lambda does not know a new role yet, usually for some ten seconds.
_ROLE_NOT_READY = "The role defined for the function cannot be assumed by Lambda"


_MAX_ROLE_WAIT_SECONDS, _ROLE_RETRY_SECONDS = 60.0, 2.0


_SOURCE_PATTERN = re.compile(r"made by rft deploy from ([0-9a-f]{16})\.")


# A compressed zip differs between machines. Its files are compared, if the function still has the zip of that line.
_CONTENTS_PATTERN = re.compile(r"Contents ([0-9a-f]{64}) in zip ([0-9a-f]{16})\.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A function that is ready to be called. `outcome` is created, updated, unchanged or already deployed."""

    arn: str
    outcome: str
    role_arn: str


def deploy_function(
    package: DeploymentPackage,
    options: FunctionOptions,
    *,
    iam: IAMClient,
    lambda_client: LambdaClient,
    clock: Clock,
    notify: Notify,
) -> Deployment:
    """Create the function, or update it to `package` and `options`, and wait until it is ready.

    The runtime, the time-out and the memory have defaults. Variables, layers and the architecture of an existing
    function stay as they are if neither `options` nor `package` names them.

    Raises:
        UsageError: the role of that name exists and Lambda may not assume it.
        ServiceError: Lambda could not assume the new role in time.
        botocore.exceptions.ClientError: AWS refused a call.
    """
    role_arn = _ensure_role(package.role_name, iam=iam)
    layer_arns = _publish_layers(package.layers, function_name=package.name, lambda_client=lambda_client)
    configuration = _configuration(package, options, role_arn=role_arn, layer_arns=layer_arns)
    try:
        current_configuration = lambda_client.get_function_configuration(FunctionName=package.name)
    except lambda_client.exceptions.ResourceNotFoundException:
        arn = _create_function(
            package,
            configuration,
            architecture=package.architecture,
            lambda_client=lambda_client,
            clock=clock,
            notify=notify,
        )
        outcome = "created"
    else:
        arn = current_configuration["FunctionArn"]
        source = _SOURCE_PATTERN.search(current_configuration.get("Description", ""))
        if source and source[1] != package.folder_digest:
            notify(f"{package.name} was deployed from another folder; it now gets the files of this one.")
        _wait_until_ready(package.name, lambda_client=lambda_client)
        has_changed = _update_function(
            package,
            configuration,
            current=current_configuration,
            architecture=package.architecture,
            lambda_client=lambda_client,
        )
        outcome = "updated" if has_changed else "unchanged"
    _wait_until_ready(package.name, lambda_client=lambda_client)
    return Deployment(arn=arn, outcome=outcome, role_arn=role_arn)


def _publish_layers(layers: tuple[Layer, ...], *, function_name: str, lambda_client: LambdaClient) -> tuple[str, ...]:
    arns = []
    for layer in layers:
        if isinstance(layer, str):
            arns.append(layer)
            continue
        name = layer_name(layer, function_name=function_name)
        arn = find_published_version(layer, name=name, lambda_client=lambda_client)
        arns.append(arn or publish_layer(layer, {"ZipFile": layer.zip_bytes}, name=name, lambda_client=lambda_client))
    return tuple(arns)


def _description(package: DeploymentPackage) -> str:
    # Not a tag: reading and writing tags takes two more permissions. At most 256 characters.
    text = f"Reward function for Bedrock reinforcement fine-tuning; made by rft deploy from {package.folder_digest}."
    if package.is_compressed:
        text += f" Contents {package.content_digest} in zip {package.sha256[:16]}."
    return text


def _ensure_role(name: str, *, iam: IAMClient) -> str:
    try:
        role = iam.get_role(RoleName=name)["Role"]
    except iam.exceptions.NoSuchEntityException:
        role = iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps(_TRUST_POLICY),
            Description="Runs a reward function for Bedrock reinforcement fine-tuning; made by rft deploy.",
        )["Role"]
    else:
        trust = role.get("AssumeRolePolicyDocument")
        if "lambda.amazonaws.com" not in json.dumps(trust):
            raise UsageError(
                f"The role {role['Arn']} exists, but Lambda may not assume it.",
                next_step="Delete that role, or allow lambda.amazonaws.com in its trust policy.",
            )
    iam.attach_role_policy(RoleName=name, PolicyArn=_LOGGING_POLICY_ARN)
    return role["Arn"]


class _Configuration(TypedDict):
    """The settings of the function, in Lambda's own names."""

    Runtime: RuntimeType
    Handler: str
    Role: str
    Timeout: int
    MemorySize: int
    Description: str
    Environment: NotRequired[EnvironmentTypeDef]
    Layers: NotRequired[list[str]]


def _configuration(
    package: DeploymentPackage, options: FunctionOptions, *, role_arn: str, layer_arns: tuple[str, ...]
) -> _Configuration:
    configuration: _Configuration = {
        "Runtime": options.runtime or DEFAULT_RUNTIME,
        "Handler": package.handler,
        "Role": role_arn,
        "Timeout": options.timeout or DEFAULT_TIMEOUT_SECONDS,
        "MemorySize": options.memory_mb or DEFAULT_MEMORY_MB,
        "Description": _description(package),
    }
    if options.environment is not None:
        configuration["Environment"] = {"Variables": dict(options.environment)}
    if layer_arns:
        configuration["Layers"] = list(layer_arns)
    return configuration


def _create_function(
    package: DeploymentPackage,
    configuration: _Configuration,
    *,
    architecture: ArchitectureType | None,
    lambda_client: LambdaClient,
    clock: Clock,
    notify: Notify,
) -> str:
    started_at = clock.now()
    while True:
        try:
            return lambda_client.create_function(
                FunctionName=package.name,
                Code={"ZipFile": package.zip_bytes},
                Publish=False,
                **configuration,
                **_architectures(architecture),
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
    configuration: _Configuration,
    *,
    current: FunctionConfigurationResponseTypeDef,
    architecture: ArchitectureType | None,
    lambda_client: LambdaClient,
) -> bool:
    same_architecture = architecture in {None, *current.get("Architectures", ["x86_64"])}
    same_zip = current.get("CodeSha256") == base64.b64encode(bytes.fromhex(package.sha256)).decode()
    same_code = same_architecture and (same_zip or _has_same_contents(package, current))
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
            FunctionName=package.name, ZipFile=package.zip_bytes, Publish=False, **_architectures(architecture)
        )
    return not (same_code and same_settings)


def _has_same_contents(package: DeploymentPackage, current: FunctionConfigurationResponseTypeDef) -> bool:
    """True if the function has a zip of another machine with the same files."""
    recorded = _CONTENTS_PATTERN.search(current.get("Description", ""))
    deployed_sha256 = base64.b64decode(current.get("CodeSha256", "")).hex()
    return bool(
        package.is_compressed
        and recorded
        and recorded[1] == package.content_digest
        and deployed_sha256.startswith(recorded[2])
    )


class _Architectures(TypedDict, total=False):
    Architectures: list[ArchitectureType]


def _architectures(architecture: ArchitectureType | None) -> _Architectures:
    return {"Architectures": [architecture]} if architecture else {}


def _wait_until_ready(name: str, *, lambda_client: LambdaClient) -> None:
    lambda_client.get_waiter("function_active_v2").wait(FunctionName=name)
    lambda_client.get_waiter("function_updated_v2").wait(FunctionName=name)


def deploy_reward(reward: Reward, options: FunctionOptions, *, aws_clients: AwsClients, console: Console) -> Deployment:
    """Deploy a package, or take the function that is deployed already, and print the result."""
    if isinstance(reward, DeployedFunction):
        deployment = Deployment(arn=reward.arn, outcome="already deployed", role_arn=reward.role_arn)
        print_done(console, "found", deployment.arn, detail=deployment.outcome)
        return deployment
    deployment = deploy_function(
        reward,
        options,
        iam=aws_clients.iam,
        lambda_client=aws_clients.lambda_client,
        clock=Clock(),
        notify=lambda text: print_warning(console, text),
    )
    print_done(console, "deployed", deployment.arn, detail=deployment.outcome)
    return deployment
