"""Answers of the job endpoints, for tests that mock the network."""

from __future__ import annotations

from typing import Any

import httpx

from client.job_spec import Hyperparameters, JobSpec
from client.poll_interval import PollInterval

SPEC = JobSpec(
    model="openai.gpt-oss-20b",
    training_file="file-1",
    validation_file=None,
    function_arn="arn:aws:lambda:us-west-2:123456789012:function:rft-reward-lambda",
    hyperparameters=Hyperparameters(),
    content_digest="d",
)


POLL_INTERVAL = PollInterval(shortest=0.05, longest=1.0)


JOBS = "/fine_tuning/jobs"


def make_job(status: str, **fields: Any) -> dict[str, Any]:
    """Return a job as the service sends it."""
    return {"id": "ftjob-1", "object": "fine_tuning.job", "status": status, "model": "openai.gpt-oss-20b"} | fields


def make_page(*events: dict[str, Any], has_more: bool = False) -> httpx.Response:
    """Return one page of a list."""
    return httpx.Response(200, json={"object": "list", "data": list(events), "has_more": has_more})


def make_error(status: int, message: str = "no", **headers: str) -> httpx.Response:
    """Return an error as the service sends it."""
    body = {"error": {"code": "x", "message": message, "param": None, "type": "invalid_request_error"}}
    return httpx.Response(status, json=body, headers=headers)
