"""The CloudWatch log of a reward function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.errors import ServiceError

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient

_MAX_LINES = 50


def find_log_group(function_name: str, *, lambda_client: LambdaClient) -> str:
    """Return the log group that a function is configured with, or that of its name if that cannot be read."""
    default = f"/aws/lambda/{function_name}"
    try:
        configuration = lambda_client.get_function_configuration(FunctionName=function_name)
    except lambda_client.exceptions.ClientError:  # it was deleted, or the caller may read logs only
        return default
    return configuration.get("LoggingConfig", {}).get("LogGroup", default)


def fetch_last_log_lines(group: str, *, logs_client: CloudWatchLogsClient) -> tuple[str, ...]:
    """Return the last lines of the stream of a log group that was written to last, oldest first.

    Raises:
        ServiceError: the function has logged nothing.
        botocore.exceptions.ClientError: AWS refused a call.
    """
    try:
        streams = logs_client.describe_log_streams(
            logGroupName=group, orderBy="LastEventTime", descending=True, limit=1
        )
    except logs_client.exceptions.ResourceNotFoundException as error:
        raise ServiceError(
            f"There is no log {group}.",
            next_step="The first call of the function creates it. `rft deploy` prints the function's name.",
        ) from error
    lines: list[str] = []
    for stream in streams["logStreams"]:
        page = logs_client.get_log_events(
            logGroupName=group, logStreamName=stream.get("logStreamName", ""), limit=_MAX_LINES, startFromHead=False
        )
        lines += [event.get("message", "").rstrip("\n") for event in page["events"]]
    return tuple(lines)
