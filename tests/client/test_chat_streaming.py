"""A streamed answer that breaks: what came is shown, and nobody takes it for the whole."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import httpx2
import openai
import pytest
import respx

from client.errors import Incomplete, Unreachable, translated
from client.mantle_client import Mantle

CHAT = "/chat/completions"


def chunk(content: str | None, *, finish: str | None = None) -> bytes:
    """One server-sent chunk of a completion."""
    choice = {"index": 0, "delta": {"content": content} if content else {}, "finish_reason": finish}
    body = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return f"data: {json.dumps(body)}\n\n".encode()


def streamed(router: respx.Router, pieces: Iterator[bytes]) -> None:
    """Answer the chat with these pieces."""
    router.post(CHAT).mock(
        return_value=httpx.Response(200, headers={"content-type": "text/event-stream"}, content=pieces)
    )


def heard(mantle: Mantle, into: list[str]) -> None:
    """Ask, and keep what is heard."""
    into.extend(mantle.streamed_answer("How many?", model="m", temperature=0.0))


def test_a_whole_stream_is_the_answer(mantle: Mantle, router: respx.Router) -> None:
    """Its end is a reason to finish, with or without the last line."""
    streamed(router, iter([chunk("####"), chunk(" 7"), chunk(None, finish="stop")]))
    pieces: list[str] = []
    heard(mantle, pieces)
    assert pieces == ["####", " 7"]


def test_a_stream_that_ends_too_early_is_no_answer(mantle: Mantle, router: respx.Router) -> None:
    """A clean end of the connection, in the middle of the words."""
    streamed(router, iter([chunk("####")]))
    with pytest.raises(Incomplete, match="The stream ended before the answer did"):
        heard(mantle, [])


def test_a_stream_with_a_broken_chunk_is_no_answer(mantle: Mantle, router: respx.Router) -> None:
    """The SDK lets the JSON error through; the user does not get to see a traceback."""
    streamed(router, iter([chunk("####"), b'data: {"id": \n\n']))
    with pytest.raises(Incomplete, match="The stream broke"):
        heard(mantle, [])


def test_a_connection_that_is_lost_in_mid_stream_is_told_as_such(mantle: Mantle, router: respx.Router) -> None:
    """As a sentence, not as a traceback."""

    def lost() -> Iterator[bytes]:
        yield chunk("####")
        raise httpx2.ReadError("gone")

    streamed(router, lost())
    with pytest.raises(openai.APIConnectionError) as caught:
        heard(mantle, [])
    assert isinstance(translated(caught.value), Unreachable)
