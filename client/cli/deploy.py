"""`rft deploy`: create or update the Lambda function of a reward folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from client.cli.arguments import DEFAULT_REWARD_FOLDER, Yes
from client.deployment import MEMORY_MB, deploy_package
from client.deployment_package import build_package
from client.sdk_clients import open_aws_clients
from client.target import target_from_environment
from client.terminal import open_console, print_field, print_heading
from client.training_plan import require_confirmation


def deploy(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder with lambda_function.py.")
    ] = DEFAULT_REWARD_FOLDER,
    *,
    yes: Yes = False,
) -> None:
    """Create or update the Lambda function of a reward folder."""
    console, target = open_console(), target_from_environment()
    package = build_package(folder)
    if target.config.is_billed:
        print_heading(console, "This creates or updates in the AWS account of your credentials")
        print_field(
            console, "function", package.name, detail=f"{target.region}, {MEMORY_MB} MB; billed only when it is called"
        )
        print_field(console, "role", package.role_name, detail="for Lambda; may write the function's log")
        require_confirmation(console, is_confirmed=yes)
    with open_aws_clients(target) as aws_clients:
        deploy_package(package, aws_clients=aws_clients, console=console)
