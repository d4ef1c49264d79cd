"""`rft deploy`: create or update the Lambda function of a reward function."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

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
from client.errors import UsageError
from client.function_options import FunctionOptions
from client.function_plan import print_function
from client.reward import load_package, load_reward
from client.sdk_clients import open_aws_clients
from client.target import cache_folder_from_environment, target_from_environment
from client.terminal import open_console, print_done, print_field, print_heading, print_warning
from client.training_plan import require_confirmation


def deploy(
    reward: Annotated[str, typer.Argument(metavar=REWARD_METAVAR, help=REWARD_HELP)] = DEFAULT_REWARD,
    *,
    yes: Yes = False,
    zip_file: Annotated[
        Path | None,
        typer.Option(
            "--zip",
            metavar="FILE",
            help="Write the package with its requirements to a file and deploy nothing. `rft-sim doctor` tests it.",
        ),
    ] = None,
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
    console = open_console()
    if zip_file is not None:
        _write_zip(reward, zip_file, options, console=console)
        return
    target = target_from_environment()
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


def _write_zip(reward: str, zip_file: Path, options: FunctionOptions, *, console: Console) -> None:
    path = Path(reward).expanduser()
    if not path.exists():
        raise UsageError(
            f"{reward} does not exist here, and --zip is only for a folder, a file or a zip.",
            next_step="Give the path of the code, or leave --zip out.",
        )
    package = load_package(path, options, cache_folder=cache_folder_from_environment(), console=console)
    for warning in package.warnings:
        print_warning(console, warning)
    print_function(reward, package, options, code_bucket=None, console=console)
    zip_file.write_bytes(package.zip_bytes)
    print_done(console, "packed", str(zip_file), detail=f"sha256 {package.sha256[:16]}")
