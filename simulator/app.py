"""A simulator as others start and stop it: a folder, its lock, and the rooms that work there."""

import shutil
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType
from typing import Self

from simulator.asgi import App, Receive, Scope, Send
from simulator.catalogue import unaliased
from simulator.faults.script import faults_at
from simulator.house import House
from simulator.rooms import Rooms
from simulator.settings import Settings
from simulator.store.folder import DataFolderError, claimed
from simulator.upstream.replay import Replay


class Simulator:
    """One simulator: an ASGI app and what lives behind it. One a process at a time: moto keeps its state there.

    Use it as a context manager, or call `close`: no thread, process or temporary file outlives it.
    """

    def __init__(self, settings: Settings, *, url: str) -> None:
        """Open the folder and wire the rooms. `url` is where this simulator will be reached.

        Raises:
            DataFolderError: the data folder cannot be used.
            UpstreamError: the folder of real outputs cannot be.
            ScriptError: the script of faults cannot be.
        """
        replay = Replay(settings.rollouts, unaliased=unaliased) if settings.rollouts else None
        faults = faults_at(settings.faults) if settings.faults else ()
        self._temporary = None if settings.data else Path(mkdtemp(prefix="rft-sim-"))
        folder = settings.data or self._temporary
        assert folder  # noqa: S101  one of the two
        self._lock = claimed(folder)
        try:
            self._rooms = Rooms(settings, url=url, folder=folder, replay=replay, faults=faults)
        except DataFolderError:
            self._lock.close()
            raise

    @property
    def house(self) -> House:
        """What the routes work with."""
        return self._rooms.house

    @property
    def api(self) -> App:
        """Mantle's API and the control plane, without AWS."""
        return self._rooms.api

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, whomever it is for."""
        await self._rooms.app(scope, receive, send)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def warm_up(self) -> None:
        """Load what takes long, so that the first AWS call need not wait for it."""
        self._rooms.warm_up()

    def close(self) -> None:
        """Stop: jobs between two events, functions at once. With a data folder the jobs go on at the next start."""
        self._rooms.close()
        self._lock.close()
        if self._temporary:
            shutil.rmtree(self._temporary, ignore_errors=True)
