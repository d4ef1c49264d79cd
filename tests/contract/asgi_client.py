"""Calls an ASGI app without a client and a socket, which would cost more than the answers."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from simulator.http.asgi import App, Message, Scope
from tests.contract.mutated_requests import Request

_PATIENCE = 30.0  # seconds of real time until an answer that does not end is a failure


@dataclass(frozen=True, slots=True, kw_only=True)
class AsgiAnswer:
    """A complete answer."""

    status: int
    headers: Mapping[bytes, bytes]
    body: bytes


async def send_request(app: App, request: Request) -> AsgiAnswer:
    """Send a request and wait for the end of its answer.

    Raises:
        TimeoutError: it does not end.
    """
    messages: list[Message] = []
    waiting: list[Message] = [{"type": "http.request", "body": request.body, "more_body": False}]

    async def receive() -> Message:
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        messages.append(message)

    await asyncio.wait_for(app(_scope(request), receive, send), _PATIENCE)
    start, *rest = messages
    return AsgiAnswer(
        status=start["status"],
        headers=dict(start["headers"]),
        body=b"".join(message.get("body", b"") for message in rest),
    )


def _scope(request: Request) -> Scope:
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": request.path,
        "raw_path": quote(request.path).encode(),
        "query_string": request.query,
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1"), *request.headers],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 80),
    }
    return scope
