"""The errors of requests to a model server."""

from dataclasses import replace

import httpx
import httpx2
import pytest
import respx

from simulator.upstream.response_cache import ResponseCache
from simulator.upstream.sampling import ModelServer
from tests.upstream.conftest import CLOSED_URL
from tests.upstream.mock_completions import completion, error_message, mock_completion, sample_one


def test_a_refused_connection_is_reported_with_the_url(upstream: ModelServer, cache: ResponseCache) -> None:
    """This test needs no mock."""
    assert error_message(upstream, cache) == (
        f"{CLOSED_URL} cannot be reached (All connection attempts failed): start the server, or correct its address"
    )


def test_a_timeout_is_reported_as_such(upstream: ModelServer, cache: ResponseCache, router: respx.Router) -> None:
    """Large models on small machines are slow."""
    router.post("/chat/completions").mock(side_effect=httpx2.ReadTimeout("slow"))
    assert error_message(replace(upstream, timeout=2.0), cache) == (
        f"{CLOSED_URL} did not answer in time (2.0 s): raise the time-out, or lower the concurrency"
    )


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (403, f"{CLOSED_URL} refused the key (status 403: No!): give the API key that this server expects"),
        (
            429,
            f"{CLOSED_URL} limits the rate of requests (No!): lower the concurrency; the responses so far are kept",
        ),
        (400, f"{CLOSED_URL} answered with status 400: No!"),
        (503, f"{CLOSED_URL} answered with status 503: No!"),
    ],
)
def test_an_error_status_is_reported_with_the_servers_message(
    upstream: ModelServer, cache: ResponseCache, router: respx.Router, status: int, expected: str
) -> None:
    """After the retries of the SDK."""
    mock_completion(router, {"error": {"message": "No!"}}, status=status)
    assert error_message(upstream, cache) == expected


def test_the_sdk_retries_a_503(upstream: ModelServer, cache: ResponseCache, router: respx.Router) -> None:
    """The server is busy for a moment."""
    busy = httpx.Response(503, headers={"retry-after-ms": "1"})
    fine = httpx.Response(200, json=completion({"content": "#### 2"}))
    router.post("/chat/completions").mock(side_effect=[busy, fine])
    assert sample_one(replace(upstream, retries=1), cache).text == "#### 2"
