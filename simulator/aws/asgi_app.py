"""The AWS account as an ASGI app, which reads a whole request before it handles it and sends the response at once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from simulator.aws.journal import MAX_INLINE_BODY_BYTES
from simulator.aws.request import AwsRequest, AwsResponse, aws_request_from
from simulator.http.asgi import Receive, Scope, Send
from simulator.http.aws_errors import HINT_HEADER
from simulator.store.errors import StoreFullError, translate_disk_full_errors


class AwsApp:
    """Passes requests to `handle` on its own threads, which start with the first request."""

    def __init__(self, handle: Callable[[AwsRequest, BinaryIO], AwsResponse], *, workers: int = 16) -> None:
        """Create the app. `workers` limits the concurrent requests; a running Lambda function may send some too."""
        self._handle = handle
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="aws")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request. A request that is cut off is ignored."""
        try:
            body = await _read_body(receive)
        except ClientDisconnect:
            return
        except StoreFullError as error:
            response = _disk_full_response(error)
        else:
            future = self._threads.submit(self._handle_or_report_full_disk, aws_request_from(scope), body)
            # The request is carried out even if the caller disconnects meanwhile.
            future.add_done_callback(lambda _: body.close())
            response = await asyncio.wrap_future(future)
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})

    def close(self) -> None:
        """Wait for the requests in progress and stop the threads."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _handle_or_report_full_disk(self, request: AwsRequest, body: BinaryIO) -> AwsResponse:
        try:
            return self._handle(request, body)
        except StoreFullError as error:
            return _disk_full_response(error)


def _disk_full_response(error: StoreFullError) -> AwsResponse:
    """Return a 503 without a body: the SDKs of every protocol treat it as an error and retry."""
    hint = f"{error}; free some space and retry: all earlier data is intact"
    return AwsResponse(status=503, headers=(("content-length", "0"), (HINT_HEADER, hint)))


async def _read_body(receive: Receive) -> BinaryIO:
    """Read a whole body; a large one is stored in a file.

    Raises:
        ClientDisconnect: the request was cut off.
        StoreFullError: the disk is full.
    """
    body = cast("BinaryIO", SpooledTemporaryFile(max_size=MAX_INLINE_BODY_BYTES))  # noqa: SIM115 - the caller closes it
    size = 0
    try:
        async for part in _body_parts(receive):
            size += len(part)
            with translate_disk_full_errors():
                if size > MAX_INLINE_BODY_BYTES:
                    await run_in_threadpool(body.write, part)
                else:
                    body.write(part)
        body.seek(0)
    except BaseException:
        body.close()
        raise
    return body


async def _body_parts(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        yield message.get("body", b"")
        more = message.get("more_body", False)
