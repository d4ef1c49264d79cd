"""`rft deploy`: create or update the Lambda function of a reward function."""

from __future__ import annotations

from typing import Annotated

import typer

from client.cli.arguments import (
    DEFAULT_REWARD,
    REWARD_HELP,
    REWARD_METAVAR,
    Architecture,
    CodeBucketName,
    Handler,
    Layers,
    Memory,
    Refresh,
    Runtime,
    Timeout,
    Variables,
    Yes,
    build_function_options,
    require_default_reward,
)
from client.code_bucket import find_code_bucket
from client.deployment import deploy_reward
from client.deployment_package import DeploymentPackage
from client.function_plan import print_function
from client.reward import load_reward
from client.sdk_clients import open_aws_clients
from client.target import cache_folder_from_environment, target_from_environment
from client.terminal import open_console, print_field, print_heading, print_warning
from client.training_plan import require_confirmation


def deploy(
    reward: Annotated[str, typer.Argument(metavar=REWARD_METAVAR, help=REWARD_HELP)] = DEFAULT_REWARD,
    *,
    yes: Yes = False,
    handler: Handler = None,
    env: Variables = None,
    timeout: Timeout = None,
    memory: Memory = None,
    layer: Layers = None,
    runtime: Runtime = None,
    architecture: Architecture = None,
    refresh: Refresh = False,
    code_bucket: CodeBucketName = None,
) -> None:
    """Create or update the Lambda function of a reward function, and its role."""
    require_default_reward(reward, command="rft deploy DIR")
    options = build_function_options(
        handler=handler,
        env=env,
        timeout=timeout,
        memory=memory,
        layer=layer,
        runtime=runtime,
        architecture=architecture,
        refresh=refresh,
        code_bucket=code_bucket,
    )
    console, target = open_console(), target_from_environment()
    with open_aws_clients(target) as aws_clients:
        loaded_reward = load_reward(
            reward,
            options,
            region=target.region,
            lambda_client_factory=lambda: aws_clients.lambda_client,
            cache_folder=cache_folder_from_environment(),
            console=console,
        )
        bucket = find_code_bucket(loaded_reward, options, aws_clients=aws_clients)
        if target.config.is_billed and isinstance(loaded_reward, DeploymentPackage):
            print_heading(console, "This creates or updates in the AWS account of your credentials")
        print_function(reward, loaded_reward, options, code_bucket=bucket, console=console)
        for warning in loaded_reward.warnings:
            print_warning(console, warning)
        if target.config.is_billed and isinstance(loaded_reward, DeploymentPackage):
            print_field(console, "region", target.region, detail="the function is billed only when it is called")
            print_field(console, "role", loaded_reward.role_name, detail="for Lambda; may write the function's log")
            require_confirmation(console, is_confirmed=yes)
        deploy_reward(loaded_reward, options, code_bucket=bucket, aws_clients=aws_clients, console=console)
