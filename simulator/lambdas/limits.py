"""Lambda's limits and enumerations. `configuration` checks a function against them.

Source unless said otherwise: "Lambda quotas" in the AWS Lambda developer guide (DOCUMENTED).
"""

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

MAX_ZIPPED_BYTES = 52_428_800
"""50 MB: the largest zip in a request. A larger one is uploaded to S3 first."""

TIMEOUT_RANGE_SECONDS = (1, 900)
MEMORY_RANGE_MB = (128, 10_240)
EPHEMERAL_STORAGE_RANGE_MB = (512, 10_240)
MAX_HANDLER_LENGTH = 128
MAX_NAME_LENGTH = 64
MAX_NAME_OR_ARN_LENGTH = 140
MAX_DESCRIPTION_LENGTH = 256

MAX_ENVIRONMENT_BYTES = 4_096
"""4 KB: all environment variables, as the JSON object that the error message quotes (OBSERVED)."""

RUNTIMES = tuple(f"python3.{minor}" for minor in range(9, 15))
"""The managed Python runtimes, the only ones that the simulator runs."""

CREATABLE_RUNTIMES = (
    *("nodejs20.x", "python3.14", "provided.al2023", "python3.12", "python3.13", "nodejs24.x", "nodejs22.x", "java25"),
    *("python3.10", "python3.11", "java21", "ruby3.3", "ruby3.4", "ruby3.2", "python3.8", "python3.9", "java17"),
    *("nodejs16.x", "dotnet10", "dotnet8", "java11", "dotnet6", "nodejs18.x", "provided.al2", "java8.al2"),
    # Newer than the message of which the list above is a copy (DOCUMENTED: Runtime in the API reference).
    *("nodejs26.x", "python3.15", "ruby4.0", "java8.al2023", "java11.al2023", "java17.al2023"),
)
"""The runtimes of which functions can be created, in the order of Lambda's error message (OBSERVED)."""

DEPRECATED_RUNTIMES = frozenset(
    {
        *("nodejs", "nodejs4.3", "nodejs4.3-edge", "nodejs6.10", "nodejs8.10", "nodejs10.x", "nodejs12.x"),
        *("nodejs14.x", "dotnetcore1.0", "dotnetcore2.0", "dotnetcore2.1", "dotnetcore3.1"),
        *("python2.7", "python3.6", "python3.7", "java8", "go1.x", "ruby2.5", "ruby2.7", "provided"),
    }
)
"""The runtimes that the API still names, but of which no function can be created."""

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
