"""Create or update the Lambda function of a reward folder, with its role.

The permissions: `lambda.amazonaws.com` assumes the *function's* role, which may only write the function's logs. The
*caller* of `rft train` needs `lambda:InvokeFunction` on the function, because the service calls it with the caller's
permissions (DOCUMENTED: the create call takes no role; the caller's identity carries AmazonBedrockMantleFullAccess and
lambda:InvokeFunction). No resource policy is added and no version is published.
"""

from __future__ import annotations

import base64
import json
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypedDict, cast

from rich.console import Console

from client.clock import Clock, Notify
from client.deployment_package import DeploymentPackage
from client.errors import ServiceError, UsageError
from client.sdk_clients import AwsClients
from client.terminal import print_done, print_warning

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.literals import RuntimeType
    from mypy_boto3_lambda.type_defs import FunctionConfigurationResponseTypeDef
from client.deployment_package import HANDLER

# The Python of this process: the user has tried the function with it. Lambda has 3.10 to 3.14 (DOCUMENTED).
RUNTIME: Final = cast("RuntimeType", f"python3.{min(sys.version_info.minor, 14)}")


# SAMPLE: Lambda's default of 3 s is too short for a batch of rollouts; AWS's notebook uses 300 s and 512 MB.
TIMEOUT_SECONDS, MEMORY_MB = 300, 512


_LOGGING_POLICY_ARN = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


_TRUST_POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


# AWS's message while Lambda does not know a new role yet, usually for some ten seconds.
_ROLE_NOT_READY = "The role defined for the function cannot be assumed by Lambda"


_MAX_ROLE_WAIT_SECONDS, _ROLE_RETRY_SECONDS = 60.0, 2.0


_SOURCE_PATTERN = re.compile(r"made by rft deploy from ([0-9a-f]{16})\.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A function that is ready to be called. `outcome` is created, updated or unchanged."""

    arn: str
    outcome: str
    role_arn: str


def deploy_function(
    package: DeploymentPackage, *, iam: IAMClient, lambda_client: LambdaClient, clock: Clock, notify: Notify
) -> Deployment:
    """Create the function, or update it to `package`, and wait until it is ready.

    Raises:
        UsageError: the role of that name exists and Lambda may not assume it.
        ServiceError: Lambda could not assume the new role in time.
        botocore.exceptions.ClientError: AWS refused a call.
    """
    role_arn = _ensure_role(package.role_name, iam=iam)
    try:
        current_configuration = lambda_client.get_function_configuration(FunctionName=package.name)
    except lambda_client.exceptions.ResourceNotFoundException:
        arn = _create_function(package, role_arn=role_arn, lambda_client=lambda_client, clock=clock, notify=notify)
        outcome = "created"
    else:
        arn = current_configuration["FunctionArn"]
        source = _SOURCE_PATTERN.search(current_configuration.get("Description", ""))
        if source and source[1] != package.folder_digest:
            notify(f"{package.name} was deployed from another folder; it now gets the files of this one.")
        _wait_until_ready(package.name, lambda_client=lambda_client)
        has_changed = _update_function(
            package, current=current_configuration, role_arn=role_arn, lambda_client=lambda_client
        )
        outcome = "updated" if has_changed else "unchanged"
    _wait_until_ready(package.name, lambda_client=lambda_client)
    return Deployment(arn=arn, outcome=outcome, role_arn=role_arn)


def _description(package: DeploymentPackage) -> str:
    # Not a tag: reading and writing tags takes two more permissions.
    return f"Reward function for Bedrock reinforcement fine-tuning; made by rft deploy from {package.folder_digest}."


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


def _configuration(package: DeploymentPackage, *, role_arn: str) -> _Configuration:
    return {
        "Runtime": RUNTIME,
        "Handler": HANDLER,
        "Role": role_arn,
        "Timeout": TIMEOUT_SECONDS,
        "MemorySize": MEMORY_MB,
        "Description": _description(package),
    }


def _create_function(
    package: DeploymentPackage, *, role_arn: str, lambda_client: LambdaClient, clock: Clock, notify: Notify
) -> str:
    started_at = clock.now()
    while True:
        try:
            return lambda_client.create_function(
                FunctionName=package.name,
                Code={"ZipFile": package.zip_bytes},
                Publish=False,
                **_configuration(package, role_arn=role_arn),
            )["FunctionArn"]
        except lambda_client.exceptions.InvalidParameterValueException as error:
            if _ROLE_NOT_READY not in str(error):
                raise
            if clock.now() - started_at >= _MAX_ROLE_WAIT_SECONDS:
                raise ServiceError(
                    f"Lambda still cannot assume the new role {role_arn} after {_MAX_ROLE_WAIT_SECONDS:.0f} s.",
                    next_step="Check the role's trust policy, then run the same command again.",
                ) from error
            notify("the new role is not known to Lambda yet; trying again.")
            clock.sleep(_ROLE_RETRY_SECONDS)


def _update_function(
    package: DeploymentPackage,
    *,
    current: FunctionConfigurationResponseTypeDef,
    role_arn: str,
    lambda_client: LambdaClient,
) -> bool:
    same_code = current.get("CodeSha256") == base64.b64encode(bytes.fromhex(package.sha256)).decode()
    configuration = _configuration(package, role_arn=role_arn)
    same_settings = all(current.get(name) == value for name, value in configuration.items())
    if not same_settings:
        lambda_client.update_function_configuration(FunctionName=package.name, **configuration)
        # Lambda refuses a second update (ResourceConflictException) while the first is in progress.
        _wait_until_ready(package.name, lambda_client=lambda_client)
    if not same_code:
        lambda_client.update_function_code(FunctionName=package.name, ZipFile=package.zip_bytes, Publish=False)
    return not (same_code and same_settings)


def _wait_until_ready(name: str, *, lambda_client: LambdaClient) -> None:
    lambda_client.get_waiter("function_active_v2").wait(FunctionName=name)
    lambda_client.get_waiter("function_updated_v2").wait(FunctionName=name)


def deploy_package(package: DeploymentPackage, *, aws_clients: AwsClients, console: Console) -> Deployment:
    """Deploy a function and print the result."""
    deployment = deploy_function(
        package,
        iam=aws_clients.iam,
        lambda_client=aws_clients.lambda_client,
        clock=Clock(),
        notify=lambda text: print_warning(console, text),
    )
    print_done(console, "deployed", deployment.arn, detail=deployment.outcome)
    return deployment
