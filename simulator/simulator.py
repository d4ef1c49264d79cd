"""A simulator that can be started, reset and closed: its data folder and the services on it."""

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
from simulator.lambdas.interpreters import OWN_INTERPRETER_ONLY, InterpreterFolders
from simulator.routes.context import AppContext
from simulator.services import Services
from simulator.settings import Settings
from simulator.store.data_folder import DataFolder, unusable_folder_error
from simulator.store.errors import StoreDamagedError, StoreFullError, translate_disk_full_errors
from simulator.upstream.response_folder import ResponseFolder

_RESET_GRACE_SECONDS: Final = 10.0
"""How long a reset lets earlier requests finish."""


class Simulator:
    """One simulator: an ASGI app (`app`; `api` is the same without AWS) and everything behind it.

    Use it as a context manager, or call `close`: no thread, process or temporary file outlives it.
    """

    def __init__(
        self, settings: Settings, *, url: str, interpreters: InterpreterFolders = OWN_INTERPRETER_ONLY
    ) -> None:
        """Open the data folder and create the services.

        Args:
            settings: the settings.
            url: the URL of this simulator.
            interpreters: where the Pythons of Lambda functions are, besides the one that runs the simulator.

        Raises:
            DataFolderError: the data folder cannot be used.
            SandboxUnavailableError: the settings require namespaces and this machine does not allow them.
            UpstreamError: the folder of real model outputs cannot be used.
            ScriptError: the fault script cannot be used.
        """
        self._settings = settings
        self._url = url
        self._interpreters = interpreters
        self._replay = ResponseFolder(settings.rollouts, resolve_alias=resolve_alias) if settings.rollouts else None
        self._faults = load_script(settings.faults) if settings.faults else ()
        self._lifecycle_lock = Lock()
        self._closing_threads: list[Thread] = []
        self._closed = False
        self._folder = DataFolder(settings.data)
        try:
            self._state_folder, self._services = self._open_services(self._folder.state_folder)
        except BaseException as error:
            self._folder.close()
            if settings.data and isinstance(error, StoreFullError):
                raise unusable_folder_error(settings.data, str(error)) from error
            raise
        self.app: App = _CurrentApp(lambda: self._services, lambda services: services.app)
        self.api: App = _CurrentApp(lambda: self._services, lambda services: services.api)

    @property
    def context(self) -> AppContext:
        """The objects that the routes use."""
        return self._services.context

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def warm_up(self, *, prepare_functions: bool = True) -> None:
        """Load moto and prepare the isolation of functions, so that the first requests for them need not wait."""
        self._services.warm_up(prepare_functions=prepare_functions)

    def reset(self) -> None:
        """Replace the services by new ones with no state. The port and the settings stay.

        Requests that began before the reset are still answered, in the background, but their writes are lost.
        A closed simulator stays closed.

        Raises:
            StoreFullError: the disk is full; nothing has changed.
        """
        with self._lifecycle_lock:
            if self._closed:
                return
            old_folder, old_services = self._state_folder, self._services
            self._state_folder, self._services = self._open_services(None)
            old_services.stop()
            thread = Thread(target=_close_when_idle, args=(old_services, old_folder), name="reset")
            thread.start()
            running_threads = [thread for thread in self._closing_threads if thread.is_alive()]
            self._closing_threads = [*running_threads, thread]

    def close(self) -> None:
        """Stop: jobs end between two events, functions at once. In a data folder, jobs continue at the next start."""
        with self._lifecycle_lock:
            if self._closed:
                return
            self._closed = True
            _stop_and_close(self._services)
            for thread in self._closing_threads:
                thread.join()
            self._folder.close()

    def _open_services(self, state_folder: Path | None) -> tuple[Path, Services]:
        """Create services on a folder that holds state, or on a new folder, which then becomes the active one."""
        with translate_disk_full_errors():
            folder = state_folder or self._folder.create_state_folder()
        with ExitStack() as rollback:
            if state_folder is None:
                rollback.callback(shutil.rmtree, folder, ignore_errors=True)
            try:
                services = Services(
                    self._settings,
                    url=self._url,
                    folder=folder,
                    has_state=state_folder is not None,
                    replay=self._replay,
                    faults=self._faults,
                    reset=self.reset,
                    interpreters=self._interpreters,
                )
            except StoreDamagedError as error:
                raise unusable_folder_error(folder, str(error)) from error
            rollback.callback(_stop_and_close, services)
            with translate_disk_full_errors():
                self._folder.activate(folder)
            rollback.pop_all()
        return folder, services


class _CurrentApp:
    """An app that a reset replaces. A request that began before a reset is answered by the earlier app."""

    def __init__(self, services: Callable[[], Services], app: Callable[[Services], App]) -> None:
        self._services = services
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        while True:
            services = self._services()
            with services.in_flight_requests:
                # After a reset between the two lines above, the old services may not have waited for this request.
                if services is self._services():
                    await self._app(services)(scope, receive, send)
                    return


def _stop_and_close(services: Services) -> None:
    services.stop()
    services.close()


def _close_when_idle(services: Services, state_folder: Path) -> None:
    services.in_flight_requests.wait_until_none(timeout=_RESET_GRACE_SECONDS)
    services.close()
    shutil.rmtree(state_folder, ignore_errors=True)
