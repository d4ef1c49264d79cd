"""Listening to what a server logs of itself: a fault that is met as scripted makes no noise."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


class _CapturingHandler(logging.Handler):
    def __init__(self, heard: list[str]) -> None:
        super().__init__()
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        self._heard.append(record.getMessage())


@contextmanager
def captured_logs() -> Iterator[list[str]]:
    """Give what uvicorn and asyncio log during the block. Begin once the server has started: it sets its loggers up."""
    heard: list[str] = []
    handler = _CapturingHandler(heard)
    loggers = [logging.getLogger(name) for name in ("uvicorn.error", "asyncio")]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield heard
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
