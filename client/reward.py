"""The reward function that the user names: a folder, a .py file, a zip, or a function that is deployed already."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from client.dependency_cache import provide_dependencies
from client.dependency_installer import LambdaPlatform
from client.deployed_function import DeployedFunction, find_deployed_function, looks_like_a_path
from client.deployment_package import DeploymentPackage, pack, read_source
from client.errors import UsageError
from client.function_options import DEFAULT_ARCHITECTURE, DEFAULT_RUNTIME, FunctionOptions
from client.layers import read_layers
from client.progress import show_progress
from client.requirements import find_requirements
from client.terminal import print_warning

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

Reward = DeploymentPackage | DeployedFunction


def load_reward(
    reward: str,
    options: FunctionOptions,
    *,
    region: str,
    lambda_client_factory: Callable[[], LambdaClient],
    cache_folder: Path,
    console: Console,
) -> Reward:
    """Return a package to deploy, or the deployed function that `reward` names. A path on this machine comes first.

    The requirements beside the handler are installed into the package, or taken from `cache_folder`.

    Raises:
        UsageError: there is neither, it cannot be deployed, or options for a deployment come with a deployed function.
        Unreachable: requirements are not in the cache, and the package index did not answer.
        ServiceError: the deployed function is not active.
        botocore.exceptions.ClientError: AWS refused to show the deployed function.
    """
    path = Path(reward).expanduser()
    if path.exists():
        return load_package(path, options, cache_folder=cache_folder, console=console)
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


def load_package(path: Path, options: FunctionOptions, *, cache_folder: Path, console: Console) -> DeploymentPackage:
    """Return the package of a path, with its requirements. See `load_reward()`."""
    source = read_source(path, handler=options.handler)
    layers = read_layers(options.layers)
    requirements = find_requirements(source)
    if requirements is None:
        if options.refreshes:
            raise UsageError(
                f"--refresh is for requirements, and {path} has none to install.",
                next_step="Write requirements.txt or pyproject.toml beside the handler, or leave --refresh out.",
            )
        return pack(source, layers=layers, architecture=options.architecture)
    architecture = options.architecture or DEFAULT_ARCHITECTURE
    dependencies = provide_dependencies(
        requirements,
        LambdaPlatform(runtime=options.runtime or DEFAULT_RUNTIME, architecture=architecture),
        cache_folder=cache_folder,
        refreshes=options.refreshes,
        open_progress=lambda step: show_progress(console, step),
        notify=lambda text: print_warning(console, text),
    )
    return pack(
        source,
        dependencies=dependencies,
        layers=layers,
        architecture=architecture if dependencies.is_compiled else options.architecture,
    )
