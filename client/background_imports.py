"""Slow modules, loaded while the program waits for something else."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_LONGEST_LOAD_SECONDS = 10.0


@contextmanager
def import_in_background(*modules: str) -> Iterator[None]:
    """Load slow modules on a second thread while this one waits for answers."""

    def load() -> None:
        for module in modules:
            importlib.import_module(module)

    # An interpreter that ends while a C extension is being loaded crashes: it is waited for, but not without end, and
    # `client.interruption` ends the process without asking.
    thread = threading.Thread(target=load, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join(timeout=_LONGEST_LOAD_SECONDS)
