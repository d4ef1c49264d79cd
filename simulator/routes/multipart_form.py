"""Parses multipart forms. A form that is cut off is refused."""

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

from starlette.datastructures import FormData, Headers
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

# The parser also logs each malformed form to standard error. The caller gets an error, so that is enough.
logging.getLogger("python_multipart").addHandler(logging.NullHandler())


@asynccontextmanager
async def open_form(request: Request) -> AsyncIterator[FormData]:
    """Parse a multipart form. Its files exist until the end of the block; large ones are on disk.

    Raises:
        MultiPartException: the form is malformed, or it ends before its last boundary because it was cut off.
    """
    async with AsyncExitStack() as stack:
        stream = await stack.enter_async_context(aclosing(request.stream()))
        form = await _CompleteFormParser(request.headers, stream).parse()
        stack.push_async_callback(form.close)
        yield form


class _CompleteFormParser(MultiPartParser):
    """Starlette's parser, except that it refuses a form that is cut off. Starlette's drops the last part silently."""

    def __init__(self, headers: Headers, stream: AsyncGenerator[bytes, None]) -> None:
        super().__init__(headers, self._check_end(stream))
        self._has_ended = False

    def on_end(self) -> None:
        """Note the last boundary."""
        self._has_ended = True

    async def _check_end(self, stream: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        async for chunk in stream:
            yield chunk
        if not self._has_ended:
            raise MultiPartException("The form ends before its last boundary; was the upload cut off?")
