"""Chat completions of different servers."""

from dataclasses import replace
from typing import Any

import httpx
import pytest
import respx

from simulator.training.recorded_response import RecordedResponse
from simulator.upstream.response_cache import ResponseCache
from simulator.upstream.sampling import ModelServer
from tests.upstream.conftest import CLOSED_URL
from tests.upstream.mock_completions import completion, error_message, mock_completion, sample_one, usage


@pytest.mark.parametrize("body", [{"choices": []}, {"choices": None}, {"choices": [{"message": None}]}, {}])
def test_an_answer_that_is_not_a_chat_completion_is_refused(
    upstream: ModelServer, cache: ResponseCache, router: respx.Router, body: dict[str, Any]
) -> None:
    """There may be another service at the address."""
    mock_completion(router, body)
    assert error_message(upstream, cache) == (
        f"{CLOSED_URL} did not answer with a chat completion: check that the address is the server's OpenAI-compatible "
        "base, which usually ends in /v1"
    )


def test_an_html_page_is_refused(upstream: ModelServer, cache: ResponseCache, router: respx.Router) -> None:
    """Such as the sign-in page of a proxy, with status 200."""
    page = httpx.Response(200, html="<html>Please sign in</html>")
    router.post("/chat/completions").mock(page)
    assert "did not answer with a chat completion" in error_message(upstream, cache)


def test_an_entirely_empty_answer_is_refused(upstream: ModelServer, cache: ResponseCache, router: respx.Router) -> None:
    """No text, no reasoning, no tokens: the model does not work."""
    mock_completion(router, completion({"content": ""}))
    assert error_message(upstream, cache) == (
        f"{CLOSED_URL}: the model 'small' gave an empty answer and counted no tokens for it: "
        "check that the model can chat, and try it by hand"
    )


def test_an_empty_text_with_tokens_is_a_response(
    upstream: ModelServer, cache: ResponseCache, router: respx.Router
) -> None:
    """The model used its budget for reasoning, or chose an empty answer."""
    mock_completion(router, completion({"content": None}, finish="length", usage=usage(64)))
    assert sample_one(upstream, cache) == RecordedResponse(text="", tokens=64, finish_reason="length")


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
def test_reasoning_and_tokens_are_read_from_all_servers(
    upstream: ModelServer,
    cache: ResponseCache,
    router: respx.Router,
    message: dict[str, Any],
    counts: dict[str, Any] | None,
    expected: RecordedResponse,
) -> None:
    """The text for the reward function is separate from the reasoning."""
    mock_completion(router, completion(message, usage=counts))
    assert sample_one(upstream, cache) == expected
    assert sample_one(replace(upstream, url=None), cache) == expected
