"""What `rft jobs` and `rft logs` show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from client.errors import ServiceError

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

_COLUMNS = ("job", "status", "model", "tuned model", "created (UTC)")
_TUNED, _GAP = 3, 2
_LINES = 50


def build_jobs_table(rows: Sequence[tuple[str, ...]], *, width: int) -> Table:
    """A table for a terminal of `width` columns; the tuned model is left out where it would break other columns."""
    widths = [max(map(len, column)) for column in zip(_COLUMNS, *rows, strict=True)]
    kept = [index for index in range(len(_COLUMNS)) if index != _TUNED or sum(widths) + _GAP * len(widths) <= width]
    table = Table(box=None, header_style="bold", pad_edge=False)
    for index in kept:
        # An id in two halves cannot be copied.
        table.add_column(_COLUMNS[index], overflow="fold", no_wrap=index == 0, min_width=widths[0] if index == 0 else 4)
    for line in rows:
        table.add_row(*(line[index] for index in kept))
    return table


def fetch_last_log_lines(function_name: str, *, logs: CloudWatchLogsClient) -> tuple[str, ...]:
    """The last lines of the stream that a function wrote to last, oldest first.

    Raises:
        Refused: it has logged nothing.
        botocore.exceptions.ClientError: AWS refused a call.
    """
    group = f"/aws/lambda/{function_name}"
    try:
        streams = logs.describe_log_streams(logGroupName=group, orderBy="LastEventTime", descending=True, limit=1)
    except logs.exceptions.ResourceNotFoundException as error:
        raise ServiceError(
            f"There is no log {group}.", next_step="It is made by the first call; the name is that of `rft deploy`."
        ) from error
    said: list[str] = []
    for stream in streams["logStreams"]:
        page = logs.get_log_events(
            logGroupName=group, logStreamName=stream.get("logStreamName", ""), limit=_LINES, startFromHead=False
        )
        said += [event.get("message", "").rstrip("\n") for event in page["events"]]
    return tuple(said)
