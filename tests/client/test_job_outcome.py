"""The errors of jobs that did not succeed."""

from __future__ import annotations

import pytest

from client.errors import JobCancelled, JobFailed
from client.job_outcome import require_success
from client.mantle_types import Job


def test_a_failed_job_raises_its_own_error() -> None:
    """The message holds the job's code, message and parameter."""
    error = {"code": "grader_error", "message": "rollout r-1: no score", "param": "method"}
    with pytest.raises(JobFailed) as exc_info:
        require_success(Job(id="ftjob-1", status="failed", body={"error": error}))
    assert exc_info.value.message == "The job ftjob-1 failed: grader_error: rollout r-1: no score (param: method)"


def test_a_cancelled_job_raises_its_error() -> None:
    """It is not a failure."""
    with pytest.raises(JobCancelled):
        require_success(Job(id="ftjob-1", status="cancelled", body={}))
