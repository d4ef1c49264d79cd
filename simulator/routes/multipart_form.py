"""Forms that bring a file: read to their end, or refused."""

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

from starlette.datastructures import FormData, Headers
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

# The parser would complain of each malformed form on standard error, too; the caller is told.
logging.getLogger("python_multipart").addHandler(logging.NullHandler())


@asynccontextmanager
async def open_form(request: Request) -> AsyncIterator[FormData]:
    """Read a multipart form, large files of it on the disk, for the length of the block.

    Raises:
        MultiPartException: it is malformed, or ends before its last boundary, as an upload does that was cut off.
    """
    async with AsyncExitStack() as stack:
        stream = await stack.enter_async_context(aclosing(request.stream()))
        form = await _WholeForm(request.headers, stream).parse()
        stack.push_async_callback(form.close)
        yield form


class _WholeForm(MultiPartParser):
    """Starlette's parser, which by itself leaves out a part that does not end, and leaves its file open."""

    def __init__(self, headers: Headers, stream: AsyncGenerator[bytes, None]) -> None:
        super().__init__(headers, self._to_its_end(stream))
        self._ended = False

    def on_end(self) -> None:
        """Note that the last boundary came."""
        self._ended = True

    async def _to_its_end(self, stream: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        async for chunk in stream:
            yield chunk
        if not self._ended:
            raise MultiPartException("The form ends before its last boundary; was the upload cut off?")
