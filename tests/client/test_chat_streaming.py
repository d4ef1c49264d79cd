"""A streamed answer that breaks: what came is shown, and nobody takes it for the whole."""

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
    """One server-sent chunk of a completion."""
    choice = {"index": 0, "delta": {"content": content} if content else {}, "finish_reason": finish}
    body = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return f"data: {json.dumps(body)}\n\n".encode()


def answer_with_stream(router: respx.Router, pieces: Iterator[bytes]) -> None:
    """Answer the chat with these pieces."""
    router.post(CHAT_PATH).mock(
        return_value=httpx.Response(200, headers={"content-type": "text/event-stream"}, content=pieces)
    )


def collect_pieces(mantle: MantleClient, into: list[str]) -> None:
    """Ask, and keep what is heard."""
    into.extend(mantle.stream_chat("How many?", model="m", temperature=0.0))


def test_a_whole_stream_is_the_answer(openai_client: MantleClient, router: respx.Router) -> None:
    """Its end is a reason to finish, with or without the last line."""
    answer_with_stream(router, iter([make_chunk("####"), make_chunk(" 7"), make_chunk(None, finish="stop")]))
    pieces: list[str] = []
    collect_pieces(openai_client, pieces)
    assert pieces == ["####", " 7"]


def test_a_stream_that_ends_too_early_is_no_answer(openai_client: MantleClient, router: respx.Router) -> None:
    """A clean end of the connection, in the middle of the words."""
    answer_with_stream(router, iter([make_chunk("####")]))
    with pytest.raises(Incomplete, match="The stream ended before the answer did"):
        collect_pieces(openai_client, [])


def test_a_stream_with_a_broken_chunk_is_no_answer(openai_client: MantleClient, router: respx.Router) -> None:
    """The SDK lets the JSON error through; the user does not get to see a traceback."""
    answer_with_stream(router, iter([make_chunk("####"), b'data: {"id": \n\n']))
    with pytest.raises(Incomplete, match="The stream broke"):
        collect_pieces(openai_client, [])


def test_connection_lost_in_mid_stream_is_reported(openai_client: MantleClient, router: respx.Router) -> None:
    """As a sentence, not as a traceback."""

    def lost() -> Iterator[bytes]:
        yield make_chunk("####")
        raise httpx2.ReadError("gone")

    answer_with_stream(router, lost())
    with pytest.raises(openai.APIConnectionError) as caught:
        collect_pieces(openai_client, [])
    assert isinstance(to_client_error(caught.value), Unreachable)
