"""Mock answers of a model server."""

import json
from typing import Any

import pytest
import respx

from simulator.training.recorded_response import RecordedResponse
from simulator.upstream.errors import UpstreamError
from simulator.upstream.response_cache import ResponseCache
from simulator.upstream.sampling import ModelServer, sample_responses
from tests.upstream.conftest import make_record

ONE = (make_record(1),)


def completion(message: dict[str, Any], *, finish: str = "stop", usage: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a chat completion as JSON."""
    return {
        "id": "1", "object": "chat.completion", "created": 1, "model": "small", "usage": usage,
        "choices": [{"index": 0, "finish_reason": finish, "message": {"role": "assistant", **message}}],
    }  # fmt: skip


def mock_completion(router: respx.Router, body: object, *, status: int = 200) -> respx.Route:
    """Answer every request for a completion with this body."""
    return router.post("/chat/completions").respond(status, content=json.dumps(body), content_type="application/json")


def sample_one(upstream: ModelServer, cache: ResponseCache) -> RecordedResponse:
    """Sample one response to one prompt."""
    return sample_responses(ONE, server=upstream, cache=cache, count=1)[1][0]


def error_message(upstream: ModelServer, cache: ResponseCache) -> str:
    """Sample one response and return the message of the error."""
    with pytest.raises(UpstreamError) as exc_info:
        sample_one(upstream, cache)
    return str(exc_info.value)


def usage(completion_tokens: int, **details: int) -> dict[str, Any]:
    """Return token counts as JSON."""
    counts: dict[str, Any] = {"prompt_tokens": 9, "completion_tokens": completion_tokens, "total_tokens": 99}
    return {**counts, "completion_tokens_details": details} if details else counts
