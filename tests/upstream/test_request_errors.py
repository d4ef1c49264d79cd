"""Servers that answer otherwise: errors, oddities and silence, each told in words or made the best of."""

import json
from dataclasses import replace
from typing import Any

import httpx
import httpx2
import pytest
import respx

from simulator.training.recorded_response import RecordedResponse
from simulator.upstream.errors import UpstreamError
from simulator.upstream.response_cache import ResponseCache
from simulator.upstream.sampling import ModelServer, redact_url, sample_responses
from tests.upstream.conftest import CLOSED_URL, make_record

ONE = (make_record(1),)


def completion(message: dict[str, Any], *, finish: str = "stop", usage: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a chat completion as a server sends it."""
    return {
        "id": "1", "object": "chat.completion", "created": 1, "model": "small", "usage": usage,
        "choices": [{"index": 0, "finish_reason": finish, "message": {"role": "assistant", **message}}],
    }  # fmt: skip


def mock_completion(router: respx.Router, body: object, *, status: int = 200) -> respx.Route:
    """Let every request for a completion be answered so."""
    return router.post("/chat/completions").respond(status, content=json.dumps(body), content_type="application/json")


def sample_one(upstream: ModelServer, cache: ResponseCache) -> RecordedResponse:
    """Sample one response to one prompt."""
    return sample_responses(ONE, server=upstream, cache=cache, count=1)[1][0]


def error_message(upstream: ModelServer, cache: ResponseCache) -> str:
    """Sample, and return what the failure says."""
    with pytest.raises(UpstreamError) as caught:
        sample_one(upstream, cache)
    return str(caught.value)


def test_a_refused_connection_says_where(upstream: ModelServer, cache: ResponseCache) -> None:
    """Nobody listens there, for once without a mock."""
    assert error_message(upstream, cache) == (
        f"{CLOSED_URL} cannot be reached (All connection attempts failed): start the server, or correct its address"
    )


@pytest.mark.parametrize("url", ["models.test/v1", "ftp://models.test", "http://", "http://[::1", "http://a:b/v1"])
def test_what_is_no_address_is_told(upstream: ModelServer, cache: ResponseCache, url: str) -> None:
    """Before anything is sent."""
    assert error_message(replace(upstream, url=url), cache) == (
        f"{url} is not the address of a server: give its OpenAI-compatible base, such as http://127.0.0.1:11434/v1"
    )


def test_a_slow_server_is_told_from_an_absent_one(
    upstream: ModelServer, cache: ResponseCache, router: respx.Router
) -> None:
    """Large models on small machines."""
    router.post("/chat/completions").mock(side_effect=httpx2.ReadTimeout("slow"))
    assert error_message(replace(upstream, timeout=2.0), cache) == (
        f"{CLOSED_URL} did not answer in time (2.0 s): raise the time-out, or lower the concurrency"
    )


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (403, f"{CLOSED_URL} refused the key (status 403: No!): give the API key that this server expects"),
        (429, f"{CLOSED_URL} is asked too often (No!): lower the concurrency; what was sampled is kept"),
        (400, f"{CLOSED_URL} answered with status 400: No!"),
        (503, f"{CLOSED_URL} answered with status 503: No!"),
    ],
)
def test_an_error_status_is_told_with_the_servers_own_words(
    upstream: ModelServer, cache: ResponseCache, router: respx.Router, status: int, expected: str
) -> None:
    """The last word after the SDK's retries."""
    mock_completion(router, {"error": {"message": "No!"}}, status=status)
    assert error_message(upstream, cache) == expected


def test_a_passing_failure_is_repeated_by_the_sdk(
    upstream: ModelServer, cache: ResponseCache, router: respx.Router
) -> None:
    """A server that is busy for a moment."""
    busy = httpx.Response(503, headers={"retry-after-ms": "1"})
    fine = httpx.Response(200, json=completion({"content": "#### 2"}))
    router.post("/chat/completions").mock(side_effect=[busy, fine])
    assert sample_one(replace(upstream, retries=1), cache).text == "#### 2"


@pytest.mark.parametrize("body", [{"choices": []}, {"choices": None}, {"choices": [{"message": None}]}, {}])
def test_what_is_no_chat_completion_is_told(
    upstream: ModelServer, cache: ResponseCache, router: respx.Router, body: dict[str, Any]
) -> None:
    """Some other service at that address."""
    mock_completion(router, body)
    assert error_message(upstream, cache) == (
        f"{CLOSED_URL} did not answer with a chat completion: check that the address is the server's OpenAI-compatible "
        "base, which usually ends in /v1"
    )


def test_a_page_of_html_is_no_chat_completion(
    upstream: ModelServer, cache: ResponseCache, router: respx.Router
) -> None:
    """A proxy's sign-in page, with status 200."""
    page = httpx.Response(200, html="<html>Please sign in</html>")
    router.post("/chat/completions").mock(page)
    assert "did not answer with a chat completion" in error_message(upstream, cache)


def test_an_answer_in_which_nothing_was_said_is_told(
    upstream: ModelServer, cache: ResponseCache, router: respx.Router
) -> None:
    """No text, no thinking, no tokens: that is a broken model, not a rollout."""
    mock_completion(router, completion({"content": ""}))
    assert error_message(upstream, cache) == (
        f"{CLOSED_URL}: the model 'small' gave an empty answer and counted no tokens for it: "
        "check that the model can chat, and try it by hand"
    )


def test_an_empty_text_that_cost_tokens_is_a_rollout(
    upstream: ModelServer, cache: ResponseCache, router: respx.Router
) -> None:
    """A model that thought until its budget was spent, or chose to say nothing."""
    mock_completion(router, completion({"content": None}, finish="length", usage=usage(64)))
    assert sample_one(upstream, cache) == RecordedResponse(text="", tokens=64, finish_reason="length")


def usage(completion_tokens: int, **details: int) -> dict[str, Any]:
    """Return token counts as a server sends them."""
    counts: dict[str, Any] = {"prompt_tokens": 9, "completion_tokens": completion_tokens, "total_tokens": 99}
    return {**counts, "completion_tokens_details": details} if details else counts


@pytest.mark.parametrize(
    ("message", "counts", "expected"),
    [
        ({"content": "#### 2"}, None, RecordedResponse(text="#### 2", tokens=2)),
        ({"content": "#### 2"}, usage(7), RecordedResponse(text="#### 2", tokens=7)),
        (
            {"content": "#### 2", "reasoning_content": "One and one."},
            usage(40),
            RecordedResponse(text="#### 2", reasoning="One and one.", tokens=40, reasoning_tokens=38),
        ),
        (
            {"content": "#### 2", "reasoning": "One and one."},
            usage(40, reasoning_tokens=30),
            RecordedResponse(text="#### 2", reasoning="One and one.", tokens=40, reasoning_tokens=30),
        ),
        (
            {"content": "<think>\nOne and one.\n</think>\n\n#### 2"},
            None,
            RecordedResponse(text="#### 2", reasoning="One and one.", tokens=5, reasoning_tokens=3),
        ),
        (
            {"content": "One.</think>#### 2"},
            None,
            RecordedResponse(text="#### 2", reasoning="One.", tokens=3, reasoning_tokens=1),
        ),
        ({"content": "<think>On"}, usage(3), RecordedResponse(text="", reasoning="On", tokens=3, reasoning_tokens=3)),
        ({"content": "half \ud83d"}, usage(3), RecordedResponse(text="half ?", tokens=3)),
    ],
    ids=["estimated", "counted", "vllm", "ollama", "tagged", "tag half open", "tag not closed", "surrogate"],
)
def test_servers_write_thinking_and_tokens_in_their_own_ways(
    upstream: ModelServer,
    cache: ResponseCache,
    router: respx.Router,
    message: dict[str, Any],
    counts: dict[str, Any] | None,
    expected: RecordedResponse,
) -> None:
    """All come to the same: the answer that a reward function would see, and the thinking apart from it."""
    mock_completion(router, completion(message, usage=counts))
    assert sample_one(upstream, cache) == expected
    assert sample_one(replace(upstream, url=None), cache) == expected


def test_a_request_says_what_is_asked_and_nothing_of_this_machine(
    upstream: ModelServer, cache: ResponseCache, router: respx.Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One response a request, by a seed; keys and names in the environment are another server's affair."""
    for name in ("API_KEY", "ORG_ID", "PROJECT_ID", "ADMIN_KEY"):
        monkeypatch.setenv(f"OPENAI_{name}", "from-the-environment")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer from-the-environment")
    route = mock_completion(router, completion({"content": "#### 2"}))
    sample_one(replace(upstream, api_key=None), cache)
    request = route.calls.last.request
    body = json.loads(request.content)
    assert isinstance(body.pop("seed"), int)
    assert body == {
        "model": "small",
        "temperature": 1.0,
        "messages": [{"role": "user", "content": 'What is 1 + 1? Give the answer after "####".'}],
    }
    assert request.headers["authorization"] == "Bearer none"
    assert "from-the-environment" not in str(request.headers.raw)


def test_what_was_sampled_before_a_failure_is_kept(
    upstream: ModelServer, cache: ResponseCache, router: respx.Router
) -> None:
    """Two responses, then the server is gone."""
    fine = httpx.Response(200, json=completion({"content": "#### 2"}))
    router.post("/chat/completions").mock(side_effect=[fine, fine, httpx2.ConnectError("gone")])
    with pytest.raises(UpstreamError, match=r"cannot be reached \(gone\)"):
        sample_responses(ONE, server=upstream, cache=cache, count=3)
    assert len(sample_responses(ONE, server=replace(upstream, url=None), cache=cache, count=2)[1]) == 2


def test_an_address_is_shown_without_what_it_hides() -> None:
    """Names, passwords and queries may be keys."""
    assert redact_url("https://me:secret@models.test:8443/v1?key=secret") == "https://models.test:8443/v1"
