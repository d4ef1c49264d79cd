"""`rft logs`: print the log of a reward function."""

from __future__ import annotations

from typing import Annotated

import typer

from client.cli.arguments import DEFAULT_REWARD_FOLDER
from client.deployment_package import function_name_for
from client.function_logs import fetch_last_log_lines, find_log_group
from client.sdk_clients import open_aws_clients
from client.target import target_from_environment
from client.terminal import write_stdout


def logs(
    function: Annotated[
        str | None,
        typer.Argument(metavar="FUNCTION", help="The function's name.", show_default="the function of reward_lambda"),
    ] = None,
) -> None:
    """Print the last lines of a reward function's log."""
    name = function or function_name_for(DEFAULT_REWARD_FOLDER)
    with open_aws_clients(target_from_environment()) as aws_clients:
        group = find_log_group(name, lambda_client=aws_clients.lambda_client)
        for line in fetch_last_log_lines(group, logs_client=aws_clients.logs):
            write_stdout(f"{line}\n")
