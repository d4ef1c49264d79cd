"""`rft cancel`: cancel a job."""

from __future__ import annotations

from client.cli.arguments import JobId
from client.mantle_client import open_mantle_client
from client.target import target_from_environment
from client.terminal import open_console, print_done


def cancel(job: JobId) -> None:
    """Cancel a job. A cancelled job cannot be resumed."""
    with open_mantle_client(target_from_environment(), console=open_console(stderr=True)) as mantle:
        cancelled_job = mantle.cancel_job(job)
    print_done(open_console(), cancelled_job.status, cancelled_job.id)
