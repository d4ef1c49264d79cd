"""Print which function a command deploys or uses."""

from __future__ import annotations

from rich.console import Console

from client.code_bucket import CodeBucket
from client.dependency_archive import Dependencies
from client.deployed_function import DeployedFunction
from client.function_options import (
    DEFAULT_MEMORY_MB,
    DEFAULT_RUNTIME,
    DEFAULT_TIMEOUT_SECONDS,
    FunctionOptions,
)
from client.reward import Reward
from client.terminal import format_count, format_size, print_field

_NAMED_DEPENDENCIES = 5


def print_function(
    name: str,
    reward: Reward,
    options: FunctionOptions,
    *,
    code_bucket: CodeBucket | None,
    console: Console,
) -> None:
    """Print the code, and the configuration of its function. Of variables only the names are printed.

    Args:
        name: the reward function as the user named it.
        reward: the package or the deployed function.
        options: the configuration of a package.
        code_bucket: the bucket for a zip that is too large for a request.
        console: where to print.
    """
    if isinstance(reward, DeployedFunction):
        print_field(console, "reward", name, detail=f"deployed already, {format_size(reward.code_size)} zipped")
        print_field(
            console,
            "function",
            f"{reward.runtime} {reward.architecture}",
            detail=f"{reward.handler}, {reward.timeout} s, {reward.memory_mb} MB",
        )
        return
    file_count, zip_size = format_count(len(reward.files), "file"), format_size(len(reward.zip_bytes))
    unpacked = f", {format_size(reward.unpacked_size)} unpacked" if reward.is_compressed else ""
    print_field(console, "reward", name, detail=f"{file_count}, {zip_size} zipped{unpacked}")
    architecture = reward.architecture or "x86_64 if new"
    timeout, memory_mb = options.timeout or DEFAULT_TIMEOUT_SECONDS, options.memory_mb or DEFAULT_MEMORY_MB
    print_field(
        console,
        "function",
        f"{reward.name}  {options.runtime or DEFAULT_RUNTIME} {architecture}",
        detail=f"{reward.handler}, {timeout} s, {memory_mb} MB",
    )
    if reward.dependencies is not None:
        _print_dependencies(reward.dependencies, console=console)
    if options.environment:
        print_field(console, "variables", ", ".join(sorted(options.environment)))
    if options.layers:
        print_field(console, "layers", ", ".join(options.layers))
    if code_bucket is not None:
        created = "" if code_bucket.exists else "this bucket is created; "
        detail = f"{created}for zips above 50 MB; S3 bills what it stores"
        print_field(console, "code", f"s3://{code_bucket.name}", detail=detail)


def _print_dependencies(dependencies: Dependencies, *, console: Console) -> None:
    names = ", ".join(dependencies.resolved[:_NAMED_DEPENDENCIES])
    more = len(dependencies.resolved) - _NAMED_DEPENDENCIES
    cached = ", from the cache; --refresh resolves them again" if dependencies.is_cached else ""
    print_field(
        console,
        "packages",
        f"{names} and {more} more" if more > 0 else names,
        detail=f"required by {dependencies.source}{cached}",
    )


def function_memory_mb(reward: Reward, options: FunctionOptions) -> int:
    """Return the memory that AWS bills for."""
    return reward.memory_mb if isinstance(reward, DeployedFunction) else options.memory_mb or DEFAULT_MEMORY_MB
