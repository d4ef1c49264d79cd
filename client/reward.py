"""The reward function that the user names: a folder, a .py file, a zip, or a function that is deployed already."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from client.deployed_function import DeployedFunction, find_deployed_function, looks_like_a_path
from client.deployment_package import DeploymentPackage, pack, read_source
from client.errors import UsageError
from client.function_options import FunctionOptions

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

Reward = DeploymentPackage | DeployedFunction


def load_reward(
    reward: str, options: FunctionOptions, *, region: str, lambda_client_factory: Callable[[], LambdaClient]
) -> Reward:
    """Return a package to deploy, or the deployed function that `reward` names. A path on this machine comes first.

    Raises:
        UsageError: there is neither, it cannot be deployed, or options for a deployment come with a deployed function.
        ServiceError: the deployed function is not active.
        botocore.exceptions.ClientError: AWS refused to show the deployed function.
    """
    path = Path(reward).expanduser()
    if path.exists():
        return pack(read_source(path, handler=options.handler))
    if looks_like_a_path(reward):
        raise UsageError(
            f"{reward} does not exist.", next_step="Give a folder, a .py file, a zip, or a function's ARN or name."
        )
    if used := options.used_options():
        raise UsageError(
            f"{used[0]} is only for a folder, a file or a zip, which are deployed. {reward} is none of these on this "
            "machine, and a deployed function has its own configuration.",
            next_step=f"Leave {used[0]} out, or give the path of the code.",
        )
    return find_deployed_function(reward, region=region, lambda_client=lambda_client_factory())
