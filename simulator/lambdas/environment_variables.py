"""Builds the environment variables of a worker. None is inherited from the simulator."""

import os
from collections.abc import Mapping

from simulator.lambdas.function import FunctionSpec
from simulator.lambdas.isolation import EnvironmentPaths


def build_environment_variables(
    *,
    spec: FunctionSpec,
    paths: EnvironmentPaths,
    api_address: str,
    log_stream: str,
    shared: Mapping[str, str],
) -> dict[str, str]:
    """Return the variables that Lambda sets, then `shared` (the simulator's endpoints), then the function's own.

    Names and values: "Defined runtime environment variables" in the developer guide (DOCUMENTED).
    """
    variables = {
        "PATH": f"/var/lang/bin:/usr/local/bin:/usr/bin:/bin:{paths.opt}/bin",
        "LD_LIBRARY_PATH": os.pathsep.join(
            [
                *("/var/lang/lib", "/lib64", "/usr/lib64", paths.runtime, f"{paths.runtime}/lib"),
                *(paths.task, f"{paths.task}/lib", f"{paths.opt}/lib"),
            ]
        ),
        "PYTHONPATH": paths.runtime,
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "LAMBDA_TASK_ROOT": paths.task,
        "LAMBDA_RUNTIME_DIR": paths.runtime,
        "_HANDLER": spec.handler,
        "AWS_REGION": spec.region,
        "AWS_DEFAULT_REGION": spec.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{spec.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": spec.name,
        "AWS_LAMBDA_FUNCTION_VERSION": spec.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": spec.log_group or f"/aws/lambda/{spec.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        **spec.logging.variables,
        "AWS_LAMBDA_RUNTIME_API": api_address,
        "AWS_ACCESS_KEY_ID": "ASIASIMULATOR0000000",
        "AWS_SECRET_ACCESS_KEY": "simulator",
        "AWS_SESSION_TOKEN": "simulator",
        # Without it, a grader that iterates over a set could give different scores in each run.
        "PYTHONHASHSEED": "0",
        **shared,
        **dict(spec.environment),
    }
    if paths.home is not None:
        variables = {"HOME": paths.home, "TMPDIR": paths.tmp, **variables}
    variables["PYTHONPATH"] = os.pathsep.join(
        _to_local_path(entry, paths=paths) for entry in variables["PYTHONPATH"].split(os.pathsep)
    )
    return variables


def _to_local_path(entry: str, *, paths: EnvironmentPaths) -> str:
    for aws_path, folder in (("/var/task", paths.task), ("/opt", paths.opt)):
        if entry == aws_path or entry.startswith(aws_path + "/"):
            return folder + entry.removeprefix(aws_path)
    return entry
