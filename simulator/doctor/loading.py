"""Loads the reward function that the user names: a folder, a file, a zip, or a deployed function."""

import hashlib
import itertools
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from simulator.doctor.deployed_function import open_deployed_function
from simulator.doctor.isolation_reason import ALLOW_NAMESPACES
from simulator.doctor.package import LoadError, build_package
from simulator.doctor.reward_function import LocalRewardFunction, RewardFunction
from simulator.doctor.run_budget import RunBudget
from simulator.doctor.service_endpoint import serve_service_endpoint
from simulator.http.server_discovery import discover_region
from simulator.http.service_call_client import ServiceCallClient
from simulator.http.service_calls import ServiceCalls
from simulator.ids import Ids
from simulator.lambdas.compiled_modules import X86_64
from simulator.lambdas.configuration import check_configuration
from simulator.lambdas.errors import InvalidParameter
from simulator.lambdas.function import FunctionSpec
from simulator.lambdas.function_reference import FunctionReference, parse_function_reference
from simulator.lambdas.interpreters import (
    OWN_INTERPRETER_ONLY,
    InterpreterFolders,
    describe_missing_python,
    nearest_interpreter,
)
from simulator.lambdas.pool import EnvironmentPool
from simulator.lambdas.sandbox.launcher import SandboxUnavailableError
from simulator.settings import ACCOUNT, FIXED_EPOCH, TUNING_REGION, LambdaIsolation

__all__ = ["LoadError", "load_reward_function"]

DEFAULT_TIMEOUT_SECONDS: Final = 300
"""In seconds. `rft deploy` and Amazon's sample set it (SAMPLE). Lambda's own default of 3 is too short."""

DEFAULT_MEMORY_MB: Final = 512  # SAMPLE, as above

_RESOLVER_OPTIONS: Final = "timeout:1 attempts:2"
"""For glibc's resolver. By default a name server that does not answer costs 10 seconds for each look-up."""

_MAX_NAME_LENGTH: Final = 64
_NEWEST_PYTHON_MINOR: Final = 14  # DOCUMENTED: Lambda has Python 3.10 to 3.14


@contextmanager
def load_reward_function(
    reward: str,
    *,
    wall_clock: Callable[[], float],
    handler: str | None = None,
    timeout: float | None = None,
    memory_mb: int | None = None,
    environment: Mapping[str, str] | None = None,
    runtime: str | None = None,
    architecture: str | None = None,
    interpreters: InterpreterFolders = OWN_INTERPRETER_ONLY,
    requires_python: bool = False,
    region: str = TUNING_REGION,
    simulator: str | None = None,
    at_aws: bool = False,
    max_workers: int = 16,
    isolation: LambdaIsolation = LambdaIsolation.AUTO,
    seed: int = 0,
    budget: RunBudget | None = None,
) -> Iterator[RewardFunction]:
    """Provide the reward function that `reward` names, until the block ends.

    A folder, a .py file or a zip runs on this machine, in its own Lambda workers, which stop when the block ends. Any
    other text is the ARN or name of a function that is deployed in the simulator or at AWS.

    Args:
        reward: as the user wrote it.
        wall_clock: this machine's clock. It limits the remaining time of a handler.
        handler: the handler of a function that runs here. The default is `lambda_function.lambda_handler`.
        timeout: the time-out of a function that runs here, in seconds.
        memory_mb: the memory of a function that runs here.
        environment: the variables of a function that runs here.
        runtime: the Runtime of a function that runs here, such as python3.12. The default is that of this Python.
        architecture: the processor that the package is for. The default is x86_64, as at AWS.
        interpreters: where this machine's Pythons are.
        requires_python: refuse a function whose Python is missing, instead of running it on another one.
        region: the region of a deployed function if its name contains none.
        simulator: the URL of a simulator that may run. If it runs, a function on this machine sends its AWS calls
            there. Otherwise it sends them to an endpoint of the doctor, which refuses them. They never leave this
            machine.
        at_aws: find a deployed function at AWS, with boto3's own credentials. AWS bills the invocations.
        max_workers: the largest number of environments at once.
        isolation: how a function that runs here is separated from this machine.
        seed: the seed of the request ids.
        budget: the time that all calls together may take. Without one there is no limit.

    Raises:
        LoadError: the function cannot be tested. The message says why in one line.
    """
    path = Path(reward).expanduser()
    options = {
        "--handler": handler,
        "--timeout": timeout,
        "--memory": memory_mb,
        "--env": environment,
        "--runtime": runtime,
        "--architecture": architecture,
    }
    if path.exists():
        spec = _build_spec(
            path,
            handler=handler,
            timeout=timeout,
            memory_mb=memory_mb,
            environment=tuple(sorted((environment or {}).items())),
            region=region,
            runtime=runtime or own_runtime(),
            architecture=architecture or X86_64,
        )
        interpreter = nearest_interpreter(spec.runtime, interpreters)
        if requires_python and interpreter.runtime != spec.runtime:
            raise LoadError(f"{'. '.join(describe_missing_python(spec.runtime))}.")
        numbers = itertools.count()
        with (
            _open_endpoint(simulator) as endpoint,
            EnvironmentPool(
                new_request_id=lambda: Ids(seed=seed).invocation(f"doctor-{next(numbers)}"),
                now=lambda: float(FIXED_EPOCH),
                wall=wall_clock,
                max_environments=max_workers,
                variables=lambda _spec: endpoint.variables,
                take_service_calls=endpoint.take_service_calls,
                interpreter_for=lambda _runtime: interpreter,
                isolation=isolation,
            ) as pool,
        ):
            _prepare_isolation(pool)
            yield LocalRewardFunction(
                name=reward, spec=spec, pool=pool, interpreter=interpreter, budget=budget or RunBudget()
            )
        return
    if _looks_like_a_path(reward):
        raise LoadError(f"{reward} does not exist. Give a folder, a .py file, a zip, or a function's ARN or name.")
    if used := [option for option, value in options.items() if value]:
        raise LoadError(
            f"{used[0]} is only for a folder, a file or a zip, which run here. {reward} is none of these on this "
            "machine, and a deployed function has its own configuration."
        )
    with _load_deployed(
        reward,
        region=region,
        simulator=simulator,
        at_aws=at_aws,
        now=wall_clock,
        interpreters=interpreters,
        budget=budget,
    ) as reward_function:
        yield reward_function


def _prepare_isolation(pool: EnvironmentPool) -> None:
    try:
        pool.isolation()
    except SandboxUnavailableError as error:
        raise LoadError(
            f"The setting lambda_isolation is {LambdaIsolation.NAMESPACES}, and this machine does not allow them: "
            f"{error}. {ALLOW_NAMESPACES}"
        ) from None


@contextmanager
def _load_deployed(
    reward: str,
    *,
    region: str,
    simulator: str | None,
    at_aws: bool,
    now: Callable[[], float],
    interpreters: InterpreterFolders,
    budget: RunBudget | None,
) -> Iterator[RewardFunction]:
    if not at_aws:
        simulator_region, problem = _simulator_region(simulator) if simulator else (None, "no simulator is configured")
        if simulator_region is None:
            raise LoadError(
                f"{reward} is not a file or folder here, so it names a deployed function, but no simulator runs: "
                f"{problem}. Start one with `rft-sim serve`. For a function at AWS, set RFT_TARGET=bedrock."
            )
        region = simulator_region
    reference = _parse_reference(reward, region=region)
    with open_deployed_function(
        reward,
        region=reference.region,
        qualifier=reference.qualifier,
        simulator=None if at_aws else simulator,
        now=now,
        interpreters=interpreters,
        budget=budget,
    ) as reward_function:
        yield reward_function


def _parse_reference(reward: str, *, region: str) -> FunctionReference:
    try:
        return parse_function_reference(reward, qualifier=None, account=ACCOUNT, region=region)
    except InvalidParameter:
        raise LoadError(
            f"{reward} is not a file or folder, and not the ARN or name of a Lambda function, such as "
            f"arn:aws:lambda:{TUNING_REGION}:{ACCOUNT}:function:my-reward."
        ) from None


def _looks_like_a_path(reward: str) -> bool:
    return os.sep in reward or reward.startswith((".", "~")) or reward.endswith((".py", ".zip"))


def _simulator_region(simulator: str) -> tuple[str | None, str | None]:
    parts = urlsplit(simulator)
    return discover_region(parts.hostname or "", parts.port or 80)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Endpoint:
    """Where a function's AWS calls go: its variables, and how its calls are learnt."""

    variables: Mapping[str, str]
    take_service_calls: Callable[[str], tuple[ServiceCalls, ...]]


@contextmanager
def _open_endpoint(simulator: str | None) -> Iterator[_Endpoint]:
    """Provide the simulator, if it runs, or an endpoint of the doctor."""
    if simulator and _simulator_region(simulator)[0]:
        with closing(ServiceCallClient(simulator)) as client:
            variables = {"AWS_ENDPOINT_URL": simulator, "RES_OPTIONS": _RESOLVER_OPTIONS}
            yield _Endpoint(variables=variables, take_service_calls=client.take)
        return
    with serve_service_endpoint() as endpoint:
        yield _Endpoint(
            variables={
                "AWS_ENDPOINT_URL": endpoint.url,
                "AWS_EC2_METADATA_DISABLED": "true",
                "RES_OPTIONS": _RESOLVER_OPTIONS,
            },
            take_service_calls=endpoint.recorder.take,
        )


def own_runtime() -> str:
    """Return the Runtime that is nearest to the Python that runs this program."""
    return f"python3.{min(sys.version_info.minor, _NEWEST_PYTHON_MINOR)}"


def _build_spec(
    path: Path,
    *,
    handler: str | None,
    timeout: float | None,
    memory_mb: int | None,
    environment: tuple[tuple[str, str], ...],
    region: str,
    runtime: str,
    architecture: str,
) -> FunctionSpec:
    package = build_package(path, handler=handler)
    name = re.sub(r"[^A-Za-z0-9]+", "-", path.resolve().stem).strip("-").lower()[:_MAX_NAME_LENGTH] or "reward"
    reference = FunctionReference(account=ACCOUNT, region=region, name=name, qualifier=None)
    spec = FunctionSpec(
        name=name,
        arn=reference.unqualified_arn,
        version="$LATEST",
        account=ACCOUNT,
        region=region,
        handler=package.handler,
        runtime=runtime,
        architecture=architecture,
        code=package.content,
        code_sha256=hashlib.sha256(package.content).hexdigest(),
        timeout=DEFAULT_TIMEOUT_SECONDS if timeout is None else timeout,
        memory_mb=DEFAULT_MEMORY_MB if memory_mb is None else memory_mb,
        environment=environment,
        log_group=f"/aws/lambda/{name}",
    )
    if problem := check_configuration(spec):
        raise LoadError(f"Lambda rejects this configuration: {problem.removesuffix('.')}.")
    return spec
