"""How a reward function comes to be examined: what the user wrote becomes a patient that can be asked."""

import hashlib
import itertools
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from simulator.doctor.deployed_function import open_deployed_function
from simulator.doctor.package import LoadError, build_package
from simulator.doctor.reward_function import LocalRewardFunction, RewardFunction
from simulator.http.server_discovery import discover_region
from simulator.ids import Ids
from simulator.lambdas.errors import InvalidParameter
from simulator.lambdas.function import FunctionSpec
from simulator.lambdas.function_reference import FunctionReference, parse_function_reference
from simulator.lambdas.limits import check_configuration
from simulator.lambdas.pool import EnvironmentPool
from simulator.settings import ACCOUNT, FIXED_EPOCH, TUNING_REGION

__all__ = ["CLOSED_PORT", "LoadError", "load_reward_function"]

DEFAULT_TIMEOUT_SECONDS: Final = 300
"""Seconds: what `rft deploy` sets, as Amazon's sample does (SAMPLE). Lambda's own default of 3 is too short."""

DEFAULT_MEMORY_MB: Final = 512  # SAMPLE, likewise

CLOSED_PORT: Final = "http://127.0.0.1:9"
"""Where a function's AWS calls go when no simulator runs: the discard port, where nothing listens."""

_LONGEST_NAME: Final = 64
_NEWEST_MINOR: Final = 14  # DOCUMENTED: Lambda has Python 3.10 to 3.14


@contextmanager
def load_reward_function(
    reward: str,
    *,
    wall_clock: Callable[[], float],
    handler: str | None = None,
    timeout: float | None = None,
    memory_mb: int | None = None,
    environment: Mapping[str, str] | None = None,
    region: str = TUNING_REGION,
    simulator: str | None = None,
    at_aws: bool = False,
    max_workers: int = 16,
    seed: int = 0,
) -> Iterator[RewardFunction]:
    """Give the patient that `reward` names, for the length of the block.

    A folder, a .py file or a zip is run here, in Lambda workers of its own that end with the block; anything else is
    the ARN or name of a function that is deployed in the simulator, or at AWS.

    Args:
        reward: as the user wrote it.
        wall_clock: this machine's clock, which a handler's remaining time is judged by.
        handler: of what is run here; by default `lambda_function.lambda_handler`.
        timeout: likewise, in seconds.
        memory_mb: likewise.
        environment: likewise: the function's variables.
        region: where a function stands whose name says no region.
        simulator: the URL of a simulator that may be running. A function that is run here sends its AWS calls there
            while one is; otherwise to a port where nothing listens, so that they never leave this machine.
        at_aws: look for a deployed function at AWS, with the credentials of boto3's own chain. Invocations are billed.
        max_workers: how many environments may exist at once.
        seed: of the request ids.

    Raises:
        AdmissionError: it cannot be examined; one line says why.
    """
    path = Path(reward).expanduser()
    configured = {"--handler": handler, "--timeout": timeout, "--memory": memory_mb, "--env": environment}
    if path.exists():
        spec = _spec(
            path,
            handler=handler,
            timeout=timeout,
            memory_mb=memory_mb,
            environment=tuple(sorted((environment or {}).items())),
            region=region,
        )
        served = simulator if simulator and _simulator_region(simulator)[0] else None
        numbers = itertools.count()
        with EnvironmentPool(
            new_request_id=lambda: Ids(seed=seed).invocation(f"doctor-{next(numbers)}"),
            now=lambda: float(FIXED_EPOCH),
            wall=wall_clock,
            max_environments=max_workers,
            variables=lambda: _aws_variables(served),
        ) as pool:
            yield LocalRewardFunction(name=reward, spec=spec, pool=pool)
        return
    if _looks_like_a_path(reward):
        raise LoadError(f"{reward} does not exist. Give a folder, a .py file, a zip, or a function's ARN or name.")
    if given := [option for option, value in configured.items() if value]:
        raise LoadError(
            f"{given[0]} is for a function that is run here, from a folder, file or zip; {reward} is none on this "
            "machine, and a deployed function has its own configuration."
        )
    with _load_deployed(reward, region=region, simulator=simulator, at_aws=at_aws, now=wall_clock) as patient:
        yield patient


@contextmanager
def _load_deployed(
    reward: str, *, region: str, simulator: str | None, at_aws: bool, now: Callable[[], float]
) -> Iterator[RewardFunction]:
    if not at_aws:
        served, doubt = _simulator_region(simulator) if simulator else (None, "none was named")
        if served is None:
            raise LoadError(
                f"{reward} is no file or folder here, so it names a deployed function, and no simulator runs: {doubt}. "
                "Start one with `rft-sim serve`; for a function at AWS set RFT_TARGET=bedrock."
            )
        region = served
    reference = _reference(reward, region=region)
    with open_deployed_function(
        reward,
        region=reference.region,
        qualifier=reference.qualifier,
        simulator=None if at_aws else simulator,
        now=now,
    ) as patient:
        yield patient


def _reference(reward: str, *, region: str) -> FunctionReference:
    try:
        return parse_function_reference(reward, qualifier=None, account=ACCOUNT, region=region)
    except InvalidParameter:
        raise LoadError(
            f"{reward} is neither a file or folder nor a Lambda function's ARN or name, such as "
            f"arn:aws:lambda:{TUNING_REGION}:{ACCOUNT}:function:my-reward."
        ) from None


def _looks_like_a_path(reward: str) -> bool:
    return os.sep in reward or reward.startswith((".", "~")) or reward.endswith((".py", ".zip"))


def _simulator_region(simulator: str) -> tuple[str | None, str | None]:
    parts = urlsplit(simulator)
    return discover_region(parts.hostname or "", parts.port or 80)


def _aws_variables(served: str | None) -> dict[str, str]:
    if served:
        return {"AWS_ENDPOINT_URL": served}
    # One attempt: botocore would knock at the closed port five times, with pauses.
    return {"AWS_ENDPOINT_URL": CLOSED_PORT, "AWS_MAX_ATTEMPTS": "1", "AWS_EC2_METADATA_DISABLED": "true"}


def _spec(
    path: Path,
    *,
    handler: str | None,
    timeout: float | None,
    memory_mb: int | None,
    environment: tuple[tuple[str, str], ...],
    region: str,
) -> FunctionSpec:
    package = build_package(path, handler=handler)
    name = re.sub(r"[^A-Za-z0-9]+", "-", path.resolve().stem).strip("-").lower()[:_LONGEST_NAME] or "reward"
    reference = FunctionReference(account=ACCOUNT, region=region, name=name, qualifier=None)
    spec = FunctionSpec(
        name=name,
        arn=reference.unqualified_arn,
        version="$LATEST",
        account=ACCOUNT,
        region=region,
        handler=package.handler,
        runtime=f"python3.{min(sys.version_info.minor, _NEWEST_MINOR)}",
        code=package.content,
        code_sha256=hashlib.sha256(package.content).hexdigest(),
        timeout=DEFAULT_TIMEOUT_SECONDS if timeout is None else timeout,
        memory_mb=DEFAULT_MEMORY_MB if memory_mb is None else memory_mb,
        environment=environment,
        log_group=f"/aws/lambda/{name}",
    )
    if fault := check_configuration(spec):
        raise LoadError(f"Lambda would not take this configuration: {fault}.")
    return spec
