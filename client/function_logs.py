"""The CloudWatch log of a reward function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.errors import ServiceError

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

_MAX_LINES = 50


def fetch_last_log_lines(function_name: str, *, logs_client: CloudWatchLogsClient) -> tuple[str, ...]:
    """Return the last lines of the stream that was written to last, oldest first.

    Raises:
        ServiceError: the function has logged nothing.
        botocore.exceptions.ClientError: AWS refused a call.
    """
    group = f"/aws/lambda/{function_name}"
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
