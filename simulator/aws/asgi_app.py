"""The AWS account over HTTP: an ASGI app that answers a request once all of it is there, and with all of its answer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, Final, cast

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from simulator.aws.journal import MAX_INLINE_BODY_BYTES
from simulator.aws.request import AwsRequest, AwsResponse, aws_request_from
from simulator.http.asgi import Receive, Scope, Send
from simulator.store.errors import StoreFullError, translate_disk_full_errors

_HINT: Final = "x-simulator-hint"


class AwsApp:
    """Hands requests to `answer`, on threads of its own, which start with the first of them."""

    def __init__(self, handle: Callable[[AwsRequest, BinaryIO], AwsResponse], *, workers: int = 16) -> None:
        """Make the app; `workers` bounds the requests under way. A function that is being run may send one, too."""
        self._answer = handle
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="aws")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request. One that is cut off before its end never happened."""
        try:
            body = await _body(receive)
        except ClientDisconnect:
            return
        except StoreFullError as error:
            answer = _told(error)
        else:
            under_way = self._threads.submit(self._answered, aws_request_from(scope), body)
            # Perhaps nobody waits for it any longer; it is answered to its end all the same.
            under_way.add_done_callback(lambda _: body.close())
            answer = await asyncio.wrap_future(under_way)
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    def close(self) -> None:
        """Wait for the requests under way, and end the threads."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _answered(self, request: AwsRequest, body: BinaryIO) -> AwsResponse:
        try:
            return self._answer(request, body)
        except StoreFullError as error:
            return _told(error)


def _told(error: StoreFullError) -> AwsResponse:
    """Say it without a body: SDKs of every protocol make an error of the status, and try again."""
    hint = f"{error}; make room and ask again: what was kept before is whole"
    return AwsResponse(status=503, headers=(("content-length", "0"), (_HINT, hint)))


async def _body(receive: Receive) -> BinaryIO:
    """Read a body to its end; a large one lies in a file.

    Raises:
        ClientDisconnect: it has no end.
        StoreFullError: the disk is full.
    """
    body = cast("BinaryIO", SpooledTemporaryFile(max_size=MAX_INLINE_BODY_BYTES))  # noqa: SIM115  closed by whoever used it
    size = 0
    try:
        async for part in _parts(receive):
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


async def _parts(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        yield message.get("body", b"")
        more = message.get("more_body", False)
