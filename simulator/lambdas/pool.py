"""Runs Lambda functions in a pool of warm environments."""

import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from simulator.http.service_calls import ServiceCalls
from simulator.lambdas.environments import Affinity, Environments
from simulator.lambdas.errors import CallCutOff, EnvironmentNotStarted, PoolClosed, RequestTooLarge, Throttled
from simulator.lambdas.function import FunctionSpec, Invocation
from simulator.lambdas.interpreters import Interpreter, nearest_interpreter, own_interpreter
from simulator.lambdas.isolation import Isolation
from simulator.lambdas.isolation_choice import TEMPORARY_PREFIX, describe_missing_namespaces, open_isolation
from simulator.lambdas.limits import INIT_TIMEOUT_SECONDS, MAX_REQUEST_BYTES
from simulator.lambdas.worker import CutOff, Worker
from simulator.lambdas.worker_process import WorkerConfig
from simulator.settings import LambdaIsolation
from simulator.store.temporary_folder import create_temporary_folder, remove_folder

_CLOSE_SECONDS = 5.0
_log = logging.getLogger(__name__)

IDLE_TIMEOUT_SECONDS = 600.0
"""How long an unused environment stays warm. Lambda publishes no figure; minutes are usual (INFERRED)."""


class EnvironmentPool:
    """Runs functions in warm environments, the last used one first, as Lambda does.

    An environment belongs to one version of one function in one configuration (`FunctionSpec.environment_key`). After a
    change of code or configuration, new environments start and the old ones end. At most `max_environments` exist at a
    time. A call beyond the limit ends an idle environment and takes its slot, or waits for a slot; the running
    functions' Timeout limits that wait. The pool has no thread, and holds no lock while a function runs.
    """

    def __init__(
        self,
        *,
        new_request_id: Callable[[], str],
        now: Callable[[], float],
        wall: Callable[[], float],
        max_environments: int,
        record: Callable[[FunctionSpec, Invocation], None] | None = None,
        variables: Callable[[FunctionSpec], Mapping[str, str]] = lambda _: {},
        take_service_calls: Callable[[str], tuple[ServiceCalls, ...]] = lambda _: (),
        folder: Path | None = None,
        interpreter_for: Callable[[str], Interpreter] = nearest_interpreter,
        isolation: LambdaIsolation = LambdaIsolation.AUTO,
        init_seconds: float = INIT_TIMEOUT_SECONDS,
        idle_seconds: float = IDLE_TIMEOUT_SECONDS,
    ) -> None:
        """Create an empty pool. The first call starts the first process and writes the first file.

        Args:
            new_request_id: Returns the id of an invocation whose caller gives none.
            now: The simulated time for log lines, in seconds since the Unix epoch.
            wall: The machine's time, from which a handler computes its remaining time.
            max_environments: The limit of environments of all functions together.
            record: Called with every invocation when it has ended, on the caller's thread.
            variables: Returns the environment variables of a function that the simulator sets, such as
                AWS_ENDPOINT_URL; called at each cold start.
            take_service_calls: Returns the calls to AWS services of an ended invocation, by its request id.
            folder: The folder of the environments. It must not exist yet, and `close` removes it. By default it is a
                temporary folder.
            interpreter_for: Returns the Python interpreter that runs the functions of a Runtime. By default it is the
                simulator's own for every Runtime.
            isolation: How environments are separated from this machine.
            init_seconds: The limit of an init phase. Beyond it, init is restarted.
            idle_seconds: How long an unused environment stays warm.
        """
        self._new_request_id = new_request_id
        self._now = now
        self._wall = wall
        self._record = record
        self._variables = variables
        self._take_service_calls = take_service_calls
        self._configured_folder = folder
        self._interpreter_for = interpreter_for
        self._init_seconds = init_seconds
        self._condition = threading.Condition()
        self._environments = Environments(limit=max_environments, idle_seconds=idle_seconds)
        self._busy: set[Worker] = set()
        self._running: Counter[str] = Counter()
        self._generation = 0
        self._closed = False
        self._isolation_choice = isolation
        self._isolation_lock = threading.Lock()
        self._isolation: Isolation | None = None
        self._folder: Path | None = None
        self._folder_lock: TextIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def invoke(
        self,
        spec: FunctionSpec,
        event: bytes,
        *,
        request_id: str | None = None,
        invoked_arn: str | None = None,
        client_context: str | None = None,
        affinity: Affinity | None = None,
        max_seconds: float | None = None,
        max_handler_seconds: float | None = None,
    ) -> Invocation:
        """Run the function once on `event`, which is JSON text.

        Errors of the function itself are in the result. `invoked_arn` is the ARN as the caller wrote it, qualifier
        included. `affinity` chooses the environment; concurrent calls have different ones. `max_seconds` limits the
        whole call, with its cold start, and `max_handler_seconds` the handler; then its processes are killed.

        Raises:
            RequestTooLarge: the event is over 6 MB.
            CallCutOff: the call took longer than one of these.
            Throttled: the function's reserved concurrency is in use.
            InvalidZipFile: the package cannot be unpacked.
            PoolClosed: the pool was closed before or while the function ran.
        """
        if len(event) > MAX_REQUEST_BYTES:
            raise RequestTooLarge(size=len(event), limit=MAX_REQUEST_BYTES)
        request_id = request_id or self._new_request_id()
        cut_off_at = math.inf if max_seconds is None else time.monotonic() + max_seconds
        self._check_concurrency(spec)
        try:
            worker, generation = self._acquire(spec, request_id, affinity)
            try:
                invocation = worker.invoke(
                    request_id=request_id,
                    event=event,
                    invoked_arn=invoked_arn or spec.arn,
                    client_context=client_context,
                    cut_off_at=cut_off_at,
                    max_seconds=math.inf if max_handler_seconds is None else max_handler_seconds,
                )
            except CutOff as error:
                raise CallCutOff(error.seconds) from None
            finally:
                is_closed = self._release(worker, generation, affinity)
            if is_closed:
                raise PoolClosed
        except OSError as error:
            raise EnvironmentNotStarted(error) from error
        finally:
            with self._condition:
                self._running[spec.arn] -= 1
        invocation = replace(invocation, service_calls=self._take_service_calls(request_id))
        if self._record is not None:
            self._record(spec, invocation)
        return invocation

    def prepare(self) -> None:
        """Prepare the isolation, which the first call would otherwise wait for, and log if it is not Lambda's."""
        with suppress(PoolClosed):
            reason = self.isolation().reason
            if reason is not None:
                _log.warning("%s", describe_missing_namespaces(reason))

    def isolation(self) -> Isolation:
        """Return how the environments are separated from this machine; the first call prepares it.

        Raises:
            PoolClosed: the pool was closed.
            SandboxUnavailableError: namespaces are required and this machine does not allow them.
        """
        with self._isolation_lock:
            if self._closed:
                raise PoolClosed
            if self._isolation is None:
                self._isolation = open_isolation(
                    self._isolation_choice, folder=self._create_folder(), interpreter=own_interpreter()
                )
            return self._isolation

    def release(self, owner: str) -> None:
        """End the idle environments of an owner of affinities, which makes no more calls."""
        with self._condition:
            to_close = self._environments.remove_idle_of(owner)
            self._condition.notify_all()
        _close(to_close)

    def reset(self) -> None:
        """End all idle environments now, and the busy ones after their invocation."""
        with self._condition:
            self._generation += 1
            to_close = self._environments.remove_all_idle()
            self._condition.notify_all()
        _close(to_close)

    def close(self) -> None:
        """End every environment, busy ones too, and remove every file. Waiting and running calls raise `PoolClosed`."""
        with self._condition:
            self._closed = True
            to_close = self._environments.remove_all_idle()
            for worker in self._busy:
                worker.kill()
            self._condition.notify_all()
        _close(to_close)
        with self._condition:
            self._condition.wait_for(lambda: self._environments.count == 0, timeout=_CLOSE_SECONDS)
        with self._isolation_lock:
            if self._isolation is not None:
                self._isolation.close()
            if self._folder is not None:
                remove_folder(self._folder)
            if self._folder_lock is not None:
                self._folder_lock.close()

    def _create_folder(self) -> Path:
        if self._folder is None:
            folder = self._configured_folder
            if folder is None:
                folder, self._folder_lock = create_temporary_folder(TEMPORARY_PREFIX)
            else:
                folder.mkdir()
            # Resolved, because paths in error payloads are replaced as text, and macOS links its temporary folder.
            self._folder = folder.resolve()
        return self._folder

    def _check_concurrency(self, spec: FunctionSpec) -> None:
        with self._condition:
            if self._closed:
                raise PoolClosed
            reserved = spec.reserved_concurrency
            if reserved is not None and self._running[spec.arn] >= reserved:
                raise Throttled(reason=Throttled.RESERVED_CONCURRENCY)
            self._running[spec.arn] += 1

    def _acquire(self, spec: FunctionSpec, request_id: str, affinity: Affinity | None) -> tuple[Worker, int]:
        """Return a warm or new environment, and the generation that it belongs to."""
        to_close: list[Worker] = []
        try:
            with self._condition:
                while True:
                    if self._closed:
                        raise PoolClosed
                    warm = self._environments.take_warm(spec, to_close, affinity=affinity)
                    if warm is not None:
                        self._busy.add(warm)
                        return warm, self._generation
                    if self._environments.reserve(to_close):
                        generation = self._generation
                        break
                    self._condition.wait()
        finally:
            _close(to_close)
        try:
            worker = self._start_worker(spec, request_id)
        except BaseException:
            self._release_slot()
            raise
        self._mark_busy(worker)
        return worker, generation

    def _mark_busy(self, worker: Worker) -> None:
        with self._condition:
            self._busy.add(worker)
            if self._closed:  # while the worker was started
                worker.kill()

    def _release(self, worker: Worker, generation: int, affinity: Affinity | None) -> bool:
        """Keep the worker warm or end it; return whether the pool was closed meanwhile."""
        with self._condition:
            self._busy.discard(worker)
            if worker.is_alive and not self._closed and generation == self._generation:
                self._environments.add_idle(worker, affinity=affinity)
                self._condition.notify()
                return False
        worker.close()
        self._release_slot()
        return self._closed

    def _release_slot(self) -> None:
        with self._condition:
            self._environments.release()
            self._condition.notify_all()

    def _start_worker(self, spec: FunctionSpec, request_id: str) -> Worker:
        interpreter = self._interpreter_for(spec.runtime)
        return Worker(
            spec=spec,
            files=self.isolation().create_files(spec, interpreter=interpreter),
            log_stream=self._log_stream(spec, request_id),
            config=WorkerConfig(
                init_seconds=self._init_seconds,
                now=self._now,
                wall=self._wall,
                variables=self._variables(spec),
            ),
        )

    def _log_stream(self, spec: FunctionSpec, request_id: str) -> str:
        day = datetime.fromtimestamp(self._now(), tz=UTC).strftime("%Y/%m/%d")
        digest = blake2b(request_id.encode(), digest_size=16).hexdigest()
        # Functions can share a group of their choice, so its streams have their names (OBSERVED in public captures).
        name = "" if spec.log_group in {"", f"/aws/lambda/{spec.name}"} else spec.name
        return f"{day}/{name}[{spec.version}]{digest}"


def _close(workers: list[Worker]) -> None:
    for worker in workers:
        worker.close()
