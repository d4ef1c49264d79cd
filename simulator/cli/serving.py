"""Starting a simulator for a command: its socket, its log of refused requests, and errors at the start."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from errno import EADDRINUSE
from typing import TypeVar

from simulator.cli.exit_codes import exit_with_error
from simulator.cli.signals import raise_on_signals
from simulator.faults.request_fault import ScriptError
from simulator.settings import Settings
from simulator.store.data_folder import DataFolderError
from simulator.upstream.errors import UpstreamError

T = TypeVar("T")


def print_refused_requests() -> None:
    """Print one line on standard error for each request that the simulator refuses."""
    import logging  # noqa: PLC0415  --help need not wait for it

    from simulator.http.request_log import LOGGER  # noqa: PLC0415  as above

    LOGGER.addHandler(logging.StreamHandler())
    LOGGER.setLevel(logging.INFO)


def open_socket(settings: Settings) -> socket.socket:
    """Return the listening socket of the settings' host and port, or exit with an error."""
    from simulator.server import bind_socket  # noqa: PLC0415  --help need not wait for it

    try:
        return bind_socket(settings)
    except OSError as error:
        advice = "Another program uses it; --port 0 takes a free one." if error.errno == EADDRINUSE else "Check --host."
        exit_with_error(f"cannot listen on {settings.host}:{settings.port}: {os.strerror(error.errno or 0)}. {advice}")


@contextmanager
def open_simulator(start: Callable[[], AbstractContextManager[T]]) -> Iterator[T]:
    """Enter the context manager that `start` returns. Exit with an error when a folder or script cannot be used."""
    from simulator.lambdas.sandbox.launcher import SandboxUnavailableError  # noqa: PLC0415  --help need not wait for it

    raise_on_signals()
    with ExitStack() as stack:
        try:
            simulator = stack.enter_context(start())
        except (DataFolderError, ScriptError, UpstreamError) as error:
            exit_with_error(str(error))
        except SandboxUnavailableError as error:
            exit_with_error(f"lambda_isolation=namespaces is not possible, because {error}. Or run with auto.")
        yield simulator
