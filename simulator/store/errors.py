"""Errors of the storage while the simulator runs."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_DISK_FULL_ERRNOS: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class StoreFullError(Exception):
    """The disk is full, or a limit stops a file from growing. The write failed; all earlier data is intact."""


class StoreDamagedError(Exception):
    """Stored data cannot be read or written: another program changed, deleted or locked it."""


@contextmanager
def translate_disk_full_errors() -> Iterator[None]:
    """Raise StoreFullError when a write in the block fails because the disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_FULL_ERRNOS:
            raise StoreFullError(f"a file cannot be written: {error.strerror}") from error
        raise
