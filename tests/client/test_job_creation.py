"""A job is created exactly once, even if responses are lost."""

from __future__ import annotations

import json
from typing import Any

import httpx
import httpx2
import openai
import pytest
import respx

from client.errors import ServiceError, Unreachable
from client.job_creation import create_job
from client.mantle_client import MantleClient
from tests.client.conftest import FakeClock
from tests.client.job_responses import JOBS, SPEC, make_error, make_job, make_page


def test_the_whole_request_reaches_the_service(openai_client: MantleClient, router: respx.Router) -> None:
    """The SDK sends the body unchanged, with the grader."""
    route = router.post(JOBS).respond(json=make_job("validating_files"))
    create_job(openai_client, SPEC)
    assert json.loads(route.calls.last.request.content) == SPEC.request_body()


@pytest.mark.parametrize(
    "lost_response",
    [httpx2.ReadTimeout("slow"), httpx2.RemoteProtocolError("cut"), make_error(500), make_error(503)],
    ids=["time-out", "cut", "500", "503"],
)
def test_a_lost_response_creates_no_second_job(
    openai_client: MantleClient, router: respx.Router, lost_response: Any, notices: list[str]
) -> None:
    """When the response is lost but the job exists, the job is found in the list."""
    route = router.post(JOBS).mock(side_effect=[lost_response])
    others = make_job("succeeded", id="ftjob-0", training_file="file-0", metadata=None)
    ours = make_job("queued", training_file="file-1", metadata={"rft_run": SPEC.run_tag})
    router.get(JOBS).mock(return_value=make_page(ours, others))
    assert create_job(openai_client, SPEC).id == "ftjob-1"
    assert route.call_count == 1
    assert notices[-1] == "the response was lost, but the job was created: ftjob-1."


def test_a_lost_request_is_repeated(openai_client: MantleClient, router: respx.Router) -> None:
    """When the list does not hold the job, the request is sent again."""
    route = router.post(JOBS).mock(
        side_effect=[httpx2.ConnectError("refused"), httpx.Response(200, json=make_job("validating_files"))]
    )
    router.get(JOBS).mock(
        return_value=make_page(make_job("running", id="ftjob-9", training_file="file-1", metadata={"rft_run": "other"}))
    )
    assert create_job(openai_client, SPEC).id == "ftjob-1"
    assert route.call_count == 2


def test_a_throttled_create_is_repeated_without_a_search(
    openai_client: MantleClient, router: respx.Router, clock: FakeClock
) -> None:
    """A 429 creates no job; its Retry-After is the delay."""
    answers = [make_error(429, **{"retry-after": "3"}), httpx.Response(200, json=make_job("queued"))]
    router.post(JOBS).mock(side_effect=answers)
    create_job(openai_client, SPEC)
    assert clock.delays == [3.0]


def test_a_refused_create_is_not_repeated(openai_client: MantleClient, router: respx.Router) -> None:
    """A 400 is final."""
    route = router.post(JOBS).mock(return_value=make_error(400, "suffix is not supported"))
    with pytest.raises(openai.BadRequestError):
        create_job(openai_client, SPEC)
    assert route.call_count == 1


def test_the_error_after_an_outage_says_how_to_find_the_job(openai_client: MantleClient, router: respx.Router) -> None:
    """After an outage a job may or may not exist."""
    router.post(JOBS).mock(return_value=make_error(502))
    router.get(JOBS).mock(return_value=make_page())
    with pytest.raises(Unreachable) as exc_info:
        create_job(openai_client, SPEC)
    assert exc_info.value.next_step == (
        f"A job may exist all the same: look for rft_run {SPEC.run_tag} with `rft jobs` before trying again."
    )


@pytest.mark.parametrize(
    ("listed", "kind"), [(make_error(503), Unreachable), (make_error(401), ServiceError)], ids=["outage", "expired key"]
)
def test_the_error_of_a_failed_search_says_how_to_find_the_job(
    openai_client: MantleClient, router: respx.Router, listed: httpx.Response, kind: type[Exception]
) -> None:
    """The create response was lost, and the list of jobs failed too: the error still holds the tag."""
    router.post(JOBS).mock(side_effect=[make_error(500)])
    router.get(JOBS).mock(return_value=listed)
    with pytest.raises(kind) as exc_info:
        create_job(openai_client, SPEC)
    assert f"look for rft_run {SPEC.run_tag} with `rft jobs`" in str(getattr(exc_info.value, "next_step", None))


def test_a_refusal_after_a_lost_response_says_how_to_find_the_job(
    openai_client: MantleClient, router: respx.Router
) -> None:
    """The list may lag behind, so the refusal of the second request does not prove that the first had no effect."""
    router.post(JOBS).mock(side_effect=[make_error(500), make_error(401)])
    router.get(JOBS).mock(return_value=make_page())
    with pytest.raises(ServiceError) as exc_info:
        create_job(openai_client, SPEC)
    assert SPEC.run_tag in str(exc_info.value.next_step)


def test_the_error_of_a_malformed_response_says_how_to_find_the_job(
    openai_client: MantleClient, router: respx.Router
) -> None:
    """The response had status 200, so a job may exist."""
    router.post(JOBS).respond(text="<html>")
    with pytest.raises(ServiceError) as exc_info:
        create_job(openai_client, SPEC)
    assert SPEC.run_tag in str(exc_info.value.next_step)


def test_a_create_that_was_only_throttled_mentions_no_job(openai_client: MantleClient, router: respx.Router) -> None:
    """The error has no advice to look for a job."""
    router.post(JOBS).mock(return_value=make_error(429, **{"retry-after": "7200"}))
    with pytest.raises(Unreachable) as exc_info:
        create_job(openai_client, SPEC)
    assert exc_info.value.next_step is None


def test_a_created_job_is_found_in_a_list_that_lags_behind(openai_client: MantleClient, router: respx.Router) -> None:
    """The list is read several times before the request is repeated."""
    route = router.post(JOBS).mock(side_effect=[httpx2.ReadTimeout("slow")])
    ours = make_job("queued", training_file="file-1", metadata={"rft_run": SPEC.run_tag})
    router.get(JOBS).mock(side_effect=[make_page(), make_page(), make_page(ours)])
    assert (create_job(openai_client, SPEC).id, route.call_count) == ("ftjob-1", 1)
