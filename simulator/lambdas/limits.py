"""Lambda's limits, and the check of a function's configuration against them.

Source unless said otherwise: "Lambda quotas" in the AWS Lambda developer guide (DOCUMENTED).
"""

import re

from simulator.lambdas.function import FunctionSpec

MAX_REQUEST_BYTES = 6_291_456
"""6 MB: the largest event of a synchronous invocation."""

MAX_RESPONSE_BYTES = 6_291_556
"""The largest response of a synchronous invocation; the number is from the error message (OBSERVED)."""

MAX_ASYNC_REQUEST_BYTES = 1_048_576
"""1 MB: the largest event of an asynchronous invocation."""

INIT_TIMEOUT_SECONDS = 10.0
"""The init phase has its own 10 s, outside `Timeout` ("Lambda runtime environment lifecycle", DOCUMENTED)."""

MAX_UNZIPPED_BYTES = 262_144_000
"""250 MB: function and layers together, unzipped."""

MAX_UNZIPPED_FILES = 65_535
"""The most files and folders in one archive. INFERRED: no quota limits them, but empty files take disk space too, and a
zip without the zip64 extension lists no more."""

MAX_LAYERS = 5

LOG_TAIL_BYTES = 4_096
"""4 KB: the length of the log that `LogType=Tail` returns (Invoke API reference, DOCUMENTED)."""

TIMEOUT_RANGE_SECONDS = (1, 900)
MEMORY_RANGE_MB = (128, 10_240)

RUNTIMES = tuple(f"python3.{minor}" for minor in range(9, 15))
"""The managed Python runtimes, the only ones that the simulator runs."""


RESERVED_VARIABLES = frozenset(
    {
        *("_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV"),
        *("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION"),
        *("AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"),
        *("AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
        *("AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"),
    }
)
"""Variables that Lambda sets itself ("Working with Lambda environment variables", DOCUMENTED)."""

_VARIABLE = re.compile(r"[a-zA-Z]([a-zA-Z0-9_])+")
"""The name of a variable (Environment, Lambda API reference, DOCUMENTED)."""


def check_configuration(spec: FunctionSpec) -> str | None:
    """Return why AWS would not create this function, in AWS's words, or None.

    moto accepts any Runtime, Timeout and MemorySize, so a function is checked when it is used.
    """
    if spec.runtime not in RUNTIMES:
        allowed = ", ".join(RUNTIMES)
        return _describe_violation(
            value=spec.runtime,
            member="runtime",
            rule=f"satisfy enum value set: [{allowed}] (the simulator runs Python zips only)",
        )
    for value, member, (low, high) in (
        (spec.timeout, "timeout", TIMEOUT_RANGE_SECONDS),
        (spec.memory_mb, "memorySize", MEMORY_RANGE_MB),
    ):
        if not value >= low:  # `not >=` is also true for NaN
            return _describe_violation(value=value, member=member, rule=f"have value greater than or equal to {low}")
        if not value <= high:
            return _describe_violation(value=value, member=member, rule=f"have value less than or equal to {high}")
    names = [name for name, _ in spec.environment]
    if reserved := [name for name in names if name in RESERVED_VARIABLES]:
        return (
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided contains reserved keys that are currently not supported for modification. Reserved keys used in "
            f"this request: {', '.join(reserved)}"
        )
    for name in names:
        if not _VARIABLE.fullmatch(name):
            return _describe_violation(
                value=name,
                member="environment.variables",
                rule=f"satisfy regular expression pattern: {_VARIABLE.pattern}",
            )
    if "." not in spec.handler:
        return _describe_violation(
            value=spec.handler, member="handler", rule="name a module and a function, such as module.lambda_handler"
        )
    if len(spec.layers) > MAX_LAYERS:
        return _describe_violation(
            value=len(spec.layers), member="layers", rule=f"have length less than or equal to {MAX_LAYERS}"
        )
    return None


def _describe_violation(*, value: object, member: str, rule: str) -> str:
    return (
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must {rule}"
    )
