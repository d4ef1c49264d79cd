"""Capture what a server logs itself: a fault that works as scripted causes no log message of the server."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


class _CapturingHandler(logging.Handler):
    def __init__(self, messages: list[str]) -> None:
        super().__init__()
        self._heard = messages

    def emit(self, record: logging.LogRecord) -> None:
        self._heard.append(record.getMessage())


@contextmanager
def captured_logs() -> Iterator[list[str]]:
    """Return the messages of uvicorn and asyncio during the block. The server must already have configured logging."""
    messages: list[str] = []
    handler = _CapturingHandler(messages)
    loggers = [logging.getLogger(name) for name in ("uvicorn.error", "asyncio")]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield messages
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
