"""Single calls of the API."""

from __future__ import annotations

import httpx
import httpx2
import openai
import pytest
import respx

from client.errors import ServiceError, Unreachable
from client.mantle_client import MantleClient
from tests.client.conftest import FakeClock
from tests.client.job_responses import JOBS, make_error, make_job, make_page


def test_a_retry_after_beyond_the_limit_blocks_no_later_call(
    openai_client: MantleClient, router: respx.Router, clock: FakeClock
) -> None:
    """The next call neither sleeps nor sends a request before the time: it fails at once."""
    route = router.get(f"{JOBS}/ftjob-1").mock(return_value=make_error(429, **{"retry-after": "7200"}))
    for _ in range(2):
        with pytest.raises(Unreachable, match=r"to wait (another )?7200 s"):
            openai_client.get_job("ftjob-1")
    assert (clock.delays, route.call_count) == ([], 1)


def test_a_cancel_whose_response_was_lost_succeeds(openai_client: MantleClient, router: respx.Router) -> None:
    """The repeated request is refused, and the job is cancelled already."""
    router.post(f"{JOBS}/ftjob-1/cancel").mock(side_effect=[httpx2.ReadTimeout("slow"), make_error(400, "has ended")])
    router.get(f"{JOBS}/ftjob-1").mock(return_value=httpx.Response(200, json=make_job("cancelled")))
    assert openai_client.cancel_job("ftjob-1").status == "cancelled"


def test_a_job_that_has_succeeded_cannot_be_cancelled(openai_client: MantleClient, router: respx.Router) -> None:
    """The refusal of the service is raised."""
    router.post(f"{JOBS}/ftjob-1/cancel").mock(return_value=make_error(400, "has ended"))
    router.get(f"{JOBS}/ftjob-1").mock(return_value=httpx.Response(200, json=make_job("succeeded")))
    with pytest.raises(openai.BadRequestError):
        openai_client.cancel_job("ftjob-1")


def test_jobs_of_all_pages_are_listed(openai_client: MantleClient, router: respx.Router) -> None:
    """Each request names the last id of the page before."""

    def answer(request: httpx.Request) -> httpx.Response:
        after = request.url.params.get("after")
        return (
            make_page(make_job("running", id="ftjob-2"), has_more=True)
            if after is None
            else make_page(make_job("failed", id=f"after-{after}"))
        )

    router.get(JOBS).mock(side_effect=answer)
    assert [job.id for job in openai_client.list_jobs()] == ["ftjob-2", "after-ftjob-2"]


def test_an_answer_that_is_not_json_is_an_error(openai_client: MantleClient, router: respx.Router) -> None:
    """Such as the login page of a proxy."""
    router.get(f"{JOBS}/ftjob-1").mock(return_value=httpx.Response(200, text="<html>Log in</html>"))
    with pytest.raises(ServiceError, match="other than a JSON object"):
        openai_client.get_job("ftjob-1")
