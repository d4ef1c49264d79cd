"""Turn the final status of a job into success or an error."""

from __future__ import annotations

from client.errors import JobCancelled, JobFailed
from client.mantle_types import Job


def require_success(job: Job, *, ephemeral: bool = False) -> None:
    """Raise the error of a job that did not succeed. `ephemeral` means that the job ends with this command.

    Raises:
        JobFailed: with the job's own error.
        JobCancelled: the job was cancelled.
    """
    if job.status == "cancelled":
        raise JobCancelled(f"The job {job.id} was cancelled.")
    if job.status == "failed":
        error = job.body.get("error") or {}
        function_name = job.function_arn.rpartition(":function:")[2]
        param = f" (param: {error['param']})" if error.get("param") else ""
        next_step = f"The job's log: rft events {job.id}"
        if function_name:
            next_step += f"   The function's log: rft logs {function_name}"
        if ephemeral:
            next_step = "The simulator ends with this command. To keep the logs, run the job with rft-sim serve."
        raise JobFailed(
            f"The job {job.id} failed: {error.get('code')}: {error.get('message')}{param}", next_step=next_step
        )
