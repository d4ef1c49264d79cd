"""What can go wrong with what is kept, while it is used."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class StoreFullError(Exception):
    """The disk is full, or a file may not grow any more. What was to be written is not kept, and all before it is."""


class StoreDamagedError(Exception):
    """What is kept cannot be read or written any more: something else changed it, lost it or barred it."""


@contextmanager
def translate_disk_full_errors() -> Iterator[None]:
    """Raise StoreFullError in place of what the system raises when a file of the block cannot be written."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StoreFullError(f"a file cannot be written: {error.strerror}") from error
        raise
