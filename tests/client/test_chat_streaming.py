"""A streamed answer that breaks is an error."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import httpx2
import openai
import pytest
import respx

from client.errors import Incomplete, Unreachable, to_client_error
from client.mantle_client import MantleClient

CHAT_PATH = "/chat/completions"


def make_chunk(content: str | None, *, finish: str | None = None) -> bytes:
    """Return one server-sent chunk of a completion."""
    choice = {"index": 0, "delta": {"content": content} if content else {}, "finish_reason": finish}
    body = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return f"data: {json.dumps(body)}\n\n".encode()


def answer_with_stream(router: respx.Router, pieces: Iterator[bytes]) -> None:
    """Answer the chat request with these bytes."""
    router.post(CHAT_PATH).mock(
        return_value=httpx.Response(200, headers={"content-type": "text/event-stream"}, content=pieces)
    )


def collect_pieces(mantle: MantleClient, pieces: list[str]) -> None:
    """Add the pieces of the answer to `pieces`, also if the stream breaks."""
    pieces.extend(mantle.stream_chat("How many?", model="m", temperature=0.0))


def test_a_complete_stream_is_returned(openai_client: MantleClient, router: respx.Router) -> None:
    """It ends with a finish reason; the `[DONE]` line may be missing."""
    answer_with_stream(router, iter([make_chunk("####"), make_chunk(" 7"), make_chunk(None, finish="stop")]))
    pieces: list[str] = []
    collect_pieces(openai_client, pieces)
    assert pieces == ["####", " 7"]


def test_a_stream_without_a_finish_reason_is_incomplete(openai_client: MantleClient, router: respx.Router) -> None:
    """The connection closes without an error, and no finish reason came."""
    answer_with_stream(router, iter([make_chunk("####")]))
    with pytest.raises(Incomplete, match="The stream ended before the answer was complete"):
        collect_pieces(openai_client, [])


def test_a_stream_with_a_malformed_chunk_is_incomplete(openai_client: MantleClient, router: respx.Router) -> None:
    """The SDK raises the JSON error; the user gets no traceback."""
    answer_with_stream(router, iter([make_chunk("####"), b'data: {"id": \n\n']))
    with pytest.raises(Incomplete, match="The stream broke"):
        collect_pieces(openai_client, [])


def test_a_connection_that_breaks_during_the_stream_is_unreachable(
    openai_client: MantleClient, router: respx.Router
) -> None:
    """Without a traceback."""

    def break_connection() -> Iterator[bytes]:
        yield make_chunk("####")
        raise httpx2.ReadError("gone")

    answer_with_stream(router, break_connection())
    with pytest.raises(openai.APIConnectionError) as exc_info:
        collect_pieces(openai_client, [])
    assert isinstance(to_client_error(exc_info.value), Unreachable)
