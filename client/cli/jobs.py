"""`rft jobs`: list the jobs."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.table import Table

from client.mantle_client import open_mantle_client
from client.target import target_from_environment
from client.terminal import open_console

_COLUMNS = ("job", "status", "model", "tuned model", "created (UTC)")
_TUNED_MODEL_COLUMN, _COLUMN_GAP = 3, 2


def jobs() -> None:
    """List the jobs, newest first."""
    console, stderr = open_console(), open_console(stderr=True)
    with open_mantle_client(target_from_environment(), console=stderr) as mantle:
        # SAMPLE: AWS's notebook reads each job again "to get accurate status": the list can lag behind.
        current_jobs = [job if job.has_ended else mantle.get_job(job.id) for job in mantle.list_jobs()]
    if not current_jobs:
        stderr.print("There are no jobs yet.")
        return
    rows = [(job.id, job.status, job.model, job.tuned_model or "", job.created_text) for job in current_jobs]
    if not console.is_terminal:
        sys.stdout.writelines("\t".join(row) + "\n" for row in rows)
        return
    console.print(build_jobs_table(rows, width=console.width), soft_wrap=False)


def build_jobs_table(rows: Sequence[tuple[str, ...]], *, width: int) -> Table:
    """Return a table for a terminal of `width` columns. The tuned model is omitted if the table would not fit."""
    widths = [max(map(len, column)) for column in zip(_COLUMNS, *rows, strict=True)]
    fits = sum(widths) + _COLUMN_GAP * len(widths) <= width
    columns = [index for index in range(len(_COLUMNS)) if fits or index != _TUNED_MODEL_COLUMN]
    table = Table(box=None, header_style="bold", pad_edge=False)
    for index in columns:
        # The id is never wrapped, so that it can be copied.
        table.add_column(_COLUMNS[index], overflow="fold", no_wrap=index == 0, min_width=widths[0] if index == 0 else 4)
    for row in rows:
        table.add_row(*(row[index] for index in columns))
    return table
