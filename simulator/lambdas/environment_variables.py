"""Builds the environment variables of a worker. None is inherited from the simulator."""

import os
from collections.abc import Mapping

from simulator.lambdas.environment_folders import EnvironmentFolders
from simulator.lambdas.function import FunctionSpec


def build_environment_variables(
    *,
    spec: FunctionSpec,
    folders: EnvironmentFolders,
    api_address: str,
    log_stream: str,
    shared: Mapping[str, str],
) -> dict[str, str]:
    """Return the variables that Lambda sets, then `shared` (the simulator's endpoints), then the function's own.

    Names and values: "Defined runtime environment variables" in the developer guide (DOCUMENTED).
    """
    variables = {
        "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin:/bin:/opt/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "HOME": os.fspath(folders.tmp),
        "TMPDIR": os.fspath(folders.tmp),
        "LAMBDA_TASK_ROOT": os.fspath(folders.task),
        "LAMBDA_RUNTIME_DIR": os.fspath(folders.runtime),
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
    if "PYTHONPATH" in variables:
        variables["PYTHONPATH"] = os.pathsep.join(
            _to_local_path(entry, folders=folders) for entry in variables["PYTHONPATH"].split(os.pathsep)
        )
    return variables


def _to_local_path(entry: str, *, folders: EnvironmentFolders) -> str:
    for aws_path, folder in (("/var/task", folders.task), ("/opt", folders.opt)):
        if entry == aws_path or entry.startswith(aws_path + "/"):
            return os.fspath(folder) + entry.removeprefix(aws_path)
    return entry
