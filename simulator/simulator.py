"""A simulator as others start and stop it: a folder, its lock, and the rooms that work there."""

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from threading import Lock, Thread
from types import TracebackType
from typing import Final, Self

from simulator.faults.script import load_script
from simulator.http.asgi import App, Receive, Scope, Send
from simulator.inference.model_catalogue import resolve_alias
from simulator.routes.context import AppContext
from simulator.services import Services
from simulator.settings import Settings
from simulator.store.data_folder import DataFolder, unusable_folder_error
from simulator.store.errors import StoreDamagedError, StoreFullError, translate_disk_full_errors
from simulator.upstream.response_folder import ResponseFolder

_PATIENCE: Final = 10.0  # seconds for which a reset lets requests be answered that came before it


class Simulator:
    """One simulator: an ASGI app (`app`; `api` is its part without AWS) and what lives behind it.

    Use it as a context manager, or call `close`: no thread, process or temporary file outlives it.
    """

    def __init__(self, settings: Settings, *, url: str) -> None:
        """Open the folder and wire the rooms. `url` is where this simulator will be reached.

        Raises:
            DataFolderError: the data folder cannot be used.
            UpstreamError: the folder of real outputs cannot be.
            ScriptError: the script of faults cannot be.
        """
        self._settings = settings
        self._url = url
        self._replay = ResponseFolder(settings.rollouts, resolve_alias=resolve_alias) if settings.rollouts else None
        self._faults = load_script(settings.faults) if settings.faults else ()
        self._lifecycle_lock = Lock()
        self._closing_threads: list[Thread] = []
        self._closed = False
        self._folder = DataFolder(settings.data)
        try:
            self._state, self._rooms = self._open_services(self._folder.state_folder)
        except BaseException as error:
            self._folder.close()
            if settings.data and isinstance(error, StoreFullError):
                raise unusable_folder_error(settings.data, str(error)) from error
            raise
        self.app: App = _CurrentApp(lambda: self._rooms, lambda rooms: rooms.app)
        self.api: App = _CurrentApp(lambda: self._rooms, lambda rooms: rooms.api)

    @property
    def context(self) -> AppContext:
        """What the routes work with."""
        return self._rooms.context

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def warm_up(self) -> None:
        """Load what takes long, so that the first AWS call need not wait for it."""
        self._rooms.warm_up()

    def reset(self) -> None:
        """Put new and empty rooms in the place of these: as after a first start, but for the port and the settings.

        What the old ones still do comes to nothing; they are left in the background, when the last request that came
        before has its answer. A simulator that is closed stays closed.

        Raises:
            StoreFullError: the disk is full; nothing was changed.
        """
        with self._lifecycle_lock:
            if self._closed:
                return
            state, rooms = self._state, self._rooms
            self._state, self._rooms = self._open_services(None)
            rooms.stop()
            leaving = Thread(target=_close_when_idle, args=(rooms, state), name="reset")
            leaving.start()
            self._closing_threads = [*(thread for thread in self._closing_threads if thread.is_alive()), leaving]

    def close(self) -> None:
        """Stop: jobs between two events, functions at once. With a data folder the jobs go on at the next start."""
        with self._lifecycle_lock:
            if self._closed:
                return
            self._closed = True
            _stop_and_close(self._rooms)
            for thread in self._closing_threads:
                thread.join()
            self._folder.close()

    def _open_services(self, state: Path | None) -> tuple[Path, Services]:
        """Make rooms on a folder that holds state already, or on a fresh one, which then counts."""
        with translate_disk_full_errors():
            folder = state or self._folder.create_state_folder()
        with ExitStack() as undo:
            if state is None:
                undo.callback(shutil.rmtree, folder, ignore_errors=True)
            try:
                rooms = Services(
                    self._settings,
                    url=self._url,
                    folder=folder,
                    has_state=state is not None,
                    replay=self._replay,
                    faults=self._faults,
                    reset=self.reset,
                )
            except StoreDamagedError as error:
                raise unusable_folder_error(folder, str(error)) from error
            undo.callback(_stop_and_close, rooms)
            with translate_disk_full_errors():
                self._folder.activate(folder)
            undo.pop_all()
        return folder, rooms


class _CurrentApp:
    """An app that is another one after a reset. Whoever came in before is answered by the one that was there then."""

    def __init__(self, rooms: Callable[[], Services], app: Callable[[Services], App]) -> None:
        self._rooms = rooms
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        while True:
            rooms = self._rooms()
            with rooms.in_flight_requests:
                if rooms is self._rooms():  # else they were left before this visitor was counted
                    await self._app(rooms)(scope, receive, send)
                    return


def _stop_and_close(rooms: Services) -> None:
    rooms.stop()
    rooms.close()


def _close_when_idle(rooms: Services, state: Path) -> None:
    rooms.in_flight_requests.wait_until_none(timeout=_PATIENCE)
    rooms.close()
    shutil.rmtree(state, ignore_errors=True)
