"""Two accounts on one simulator: the resources of one do not exist for the other."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from tests.principals import MANTLE, TRUST, create_bedrock_key, credentials_from
from tests.simulators import BASE_MODEL, REGION, FinishedJob, RunningSimulator

OTHER = "210987654321"


@pytest.fixture(scope="module")
def other_account_headers(served_simulator: RunningSimulator) -> Iterator[dict[str, str]]:
    """The header of a role of another account with full access to Mantle there."""
    role = f"arn:aws:iam::{OTHER}:role/visitor"
    sts = served_simulator.boto3_session.client("sts", endpoint_url=served_simulator.url)
    created = credentials_from(sts.assume_role(RoleArn=role, RoleSessionName="guest")["Credentials"])
    there = boto3.Session(created.access_key, created.secret_key, created.token, region_name=REGION)
    iam = there.client("iam", endpoint_url=served_simulator.url)
    iam.create_role(RoleName="visitor", AssumeRolePolicyDocument=TRUST)
    iam.attach_role_policy(RoleName="visitor", PolicyArn=MANTLE)
    credentials = sts.assume_role(RoleArn=role, RoleSessionName="guest")["Credentials"]
    yield {"authorization": f"Bearer {create_bedrock_key(credentials)}"}
    iam.close()
    sts.close()


def not_found_error(noun: str, name: str) -> Any:
    """Return the body for a resource that does not exist."""
    message = f"The {noun} '{name}' does not exist"
    return {"error": {"code": "not_found_error", "message": message, "param": None, "type": "invalid_request_error"}}


def test_a_job_of_another_account_does_not_exist(
    served_simulator: RunningSimulator, finished_job: FinishedJob, other_account_headers: dict[str, str]
) -> None:
    """The same 404 as for an unknown job."""
    got = served_simulator.http.get(f"/v1/fine_tuning/jobs/{finished_job.id}", headers=other_account_headers)
    assert (got.status_code, got.json()) == (404, not_found_error("fine-tuning job", finished_job.id))


@pytest.mark.parametrize("path", ["/v1/files", "/v1/fine_tuning/jobs"])
def test_lists_have_only_the_accounts_own_resources(
    served_simulator: RunningSimulator, finished_job: FinishedJob, other_account_headers: dict[str, str], path: str
) -> None:
    """None, for an account that has created none."""
    assert finished_job.id
    assert served_simulator.http.get(path, headers=other_account_headers).json()["data"] == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "?"}]}),
        ("/v1/responses", {"input": "?"}),
        ("/v1/responses/compact", {"input": "?"}),
        ("/v1/embeddings", {"input": "?"}),
    ],
)
def test_a_tuned_model_answers_only_its_own_account(
    served_simulator: RunningSimulator,
    finished_job: FinishedJob,
    other_account_headers: dict[str, str],
    path: str,
    body: dict[str, Any],
) -> None:
    """INFERRED: for others it does not exist."""
    got = served_simulator.http.post(path, json={"model": finished_job.model, **body}, headers=other_account_headers)
    assert (got.status_code, got.json()) == (404, not_found_error("model", finished_job.model))


def test_a_base_model_answers_every_account(
    served_simulator: RunningSimulator, other_account_headers: dict[str, str]
) -> None:
    """It belongs to the service."""
    body = {"model": BASE_MODEL, "messages": [{"role": "user", "content": "?"}]}
    assert (
        served_simulator.http.post("/v1/chat/completions", json=body, headers=other_account_headers).status_code == 200
    )


def test_a_tuned_model_is_listed_only_for_its_own_account(
    served_simulator: RunningSimulator, finished_job: FinishedJob, other_account_headers: dict[str, str]
) -> None:
    """Beside the base models."""
    own, theirs = (
        {model["id"] for model in served_simulator.http.get("/v1/models", headers=headers).json()["data"]}
        for headers in (None, other_account_headers)
    )
    assert finished_job.model in own - theirs
    assert theirs <= own
