"""Create a job exactly once, although the API has no idempotency key."""

from __future__ import annotations

from client.errors import ClientError, to_client_error
from client.job_polling import is_simulator_missing
from client.job_spec import RUN_TAG_KEY, JobSpec
from client.mantle_client import MantleClient
from client.mantle_types import Job
from client.retry_policy import FailureStreak
from client.transient_errors import had_no_effect, may_have_taken_effect

# How often the client searches the list of jobs for a job whose create response was lost.
_MAX_SEARCHES = 4


def create_job(mantle: MantleClient, spec: JobSpec) -> Job:
    """Create the job once, even if a response is lost.

    After a failure that may have taken effect, the list of jobs is searched before the request is repeated.

    Raises:
        Unreachable: requests failed for longer than the retry policy allows.
        openai.APIError: the service refused the request, and no job can exist.
        ClientError: any failure after which a job may exist; its next step says how to find that job.
    """
    streak = FailureStreak(retry_policy=mantle.retry_policy, clock=mantle.clock)
    may_exist = False
    while True:
        try:
            return mantle.create_job_once(spec.request_body())
        except Exception as error:  # noqa: BLE001 - record() raises what a retry cannot cure
            may_exist = may_exist or may_have_taken_effect(error)
            try:
                job = _recover_from_failed_create(error, mantle=mantle, spec=spec, streak=streak)
            except Exception as final_error:
                client_error = to_client_error(final_error) if may_exist else None
                if client_error is None:
                    raise
                raise _add_tag_hint(client_error, spec) from final_error
            if job is not None:
                return job


def _recover_from_failed_create(
    error: Exception, *, mantle: MantleClient, spec: JobSpec, streak: FailureStreak
) -> Job | None:
    """Wait after a failed create. Returns the job if it exists after all, or None if the request may be repeated."""
    failure = streak.record(error)
    mantle.notify(f"{failure}.")
    if had_no_effect(error):
        mantle.clock.sleep(failure.delay)
        return None
    # The list can lag behind (SAMPLE: AWS's notebook does not rely on its statuses), so one search is not enough.
    for _ in range(_MAX_SEARCHES):
        mantle.clock.sleep(failure.delay)
        job = _find_created_job(mantle, spec)
        if job is not None:
            mantle.notify(f"the response was lost, but the job was created: {job.id}.")
            return job
    return None


def _find_created_job(mantle: MantleClient, spec: JobSpec) -> Job | None:
    for job in mantle.list_jobs():
        # The training file was uploaded for this request only, so it is enough where a service drops the metadata.
        if (
            job.body.get("training_file") == spec.training_file
            and job.metadata.get(RUN_TAG_KEY, spec.run_tag) == spec.run_tag
        ):
            return job
    return None


def _add_tag_hint(error: ClientError, spec: JobSpec) -> ClientError:
    """Add to an error how to find the job that may exist."""
    if is_simulator_missing(error):
        return error
    hint = f"A job may exist all the same: look for {RUN_TAG_KEY} {spec.run_tag} with `rft jobs` before trying again."
    error.next_step = f"{error.next_step} {hint}" if error.next_step else hint
    return error
