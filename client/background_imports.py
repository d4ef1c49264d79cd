"""Import slow modules on a second thread while the program waits for something else."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_MAX_IMPORT_SECONDS = 10.0


@contextmanager
def import_in_background(*modules: str) -> Iterator[None]:
    """Import modules on a second thread during the block."""

    def import_modules() -> None:
        for module in modules:
            importlib.import_module(module)

    # An interpreter that ends during the import of a C extension crashes, so the end of the block waits for the import.
    # Ctrl-C does not wait: see `client.interrupts.exit_now`.
    thread = threading.Thread(target=import_modules, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join(timeout=_MAX_IMPORT_SECONDS)
