"""Serves a simulator over a socket, in the foreground or on a thread."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Final

import uvicorn
from starlette.concurrency import run_in_threadpool

from simulator.http.connection import HttpConnection
from simulator.lambdas.interpreters import OWN_INTERPRETER_ONLY, InterpreterFolders
from simulator.settings import Settings
from simulator.simulator import Simulator

_BACKLOG: Final = 2048


def bind_socket(settings: Settings) -> socket.socket:
    """Return a listening socket; port 0 takes a free port.

    Raises:
        OSError: the address is in use, or this machine does not have it.
    """
    listening = socket.create_server((settings.host, settings.port), backlog=_BACKLOG)
    listening.set_inheritable(False)
    return listening


def socket_url(listening: socket.socket) -> str:
    """Return the URL at which this machine reaches a bound socket."""
    host, port = listening.getsockname()[:2]
    return f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"  # noqa: S104  compared with, not bound to


def serve(simulator: Simulator, listening: socket.socket) -> None:
    """Serve until Ctrl-C or SIGTERM, and until the requests in progress are answered."""
    with suppress(KeyboardInterrupt):  # depending on the event loop, uvicorn raises the signal again
        _Server(simulator).run(sockets=[listening])


@contextmanager
def serve_in_thread(
    settings: Settings,
    listening: socket.socket | None = None,
    *,
    interpreters: InterpreterFolders = OWN_INTERPRETER_ONLY,
    prepare_functions: bool = True,
) -> Iterator[tuple[Simulator, str]]:
    """Serve on a thread for the length of the block; yield the simulator and its URL.

    Without a socket it opens one from the settings. `interpreters` is that of `Simulator`. Without `prepare_functions`,
    the first call of a function waits a tenth of a second longer.

    Raises:
        OSError: the address is in use, or this machine does not have it.
        DataFolderError: the data folder cannot be used.
    """
    with listening or bind_socket(settings) as bound_socket:
        url = socket_url(bound_socket)
        with Simulator(settings, url=url, interpreters=interpreters) as simulator:
            server = _Server(simulator, prepare_functions=prepare_functions)
            thread = Thread(target=server.run, kwargs={"sockets": [bound_socket]}, name="server")
            thread.start()
            try:
                yield simulator, url
            finally:
                server.should_exit = True
                thread.join()


class _Server(uvicorn.Server):
    """A uvicorn server that loads moto after it starts to listen, so that the first answers need not wait for it."""

    def __init__(self, simulator: Simulator, *, prepare_functions: bool = True) -> None:
        super().__init__(
            uvicorn.Config(
                simulator.app,
                log_level="warning",
                access_log=False,
                lifespan="off",
                http=HttpConnection,
                timeout_graceful_shutdown=2,
            )
        )
        self._simulator = simulator
        self._warm_up = Thread(
            target=simulator.warm_up, kwargs={"prepare_functions": prepare_functions}, name="warm-up"
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._warm_up.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._simulator.context.fault_registry.disconnect_waiting()  # do not wait for requests that a fault delays
        await super().shutdown(sockets)
        await run_in_threadpool(self._warm_up.join)
