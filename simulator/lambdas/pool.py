"""The warm environments of all functions: who gets which, how many there are, and when they end."""

import logging
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Self

from simulator.lambdas.errors import PoolClosed, RequestTooLarge, Throttled
from simulator.lambdas.function import FunctionSpec, Invocation
from simulator.lambdas.limits import INIT_TIMEOUT_SECONDS, MAX_REQUEST_BYTES
from simulator.lambdas.managed_runtime import link_runtime_packages
from simulator.lambdas.worker import Worker, WorkerConfig

_CLOSE_SECONDS = 5.0
_log = logging.getLogger(__name__)

IDLE_TIMEOUT_SECONDS = 600.0
"""How long an environment stays warm unused. Lambda publishes no figure; minutes are usual (INFERRED)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Idle:
    worker: Worker
    since: float


class EnvironmentPool:
    """Runs functions in warm environments, last used first, as Lambda does.

    An environment belongs to one version of one function in one configuration
    (`FunctionSpec.environment_key`); changed code or configuration means fresh environments, and the old ones
    end. At most `max_environments` exist at a time. A call beyond that takes the place of an idle environment
    of another function, or waits for its turn; the function's Timeout bounds the wait. The pool has no thread
    of its own, and no lock is held while a function runs.
    """

    def __init__(
        self,
        *,
        new_request_id: Callable[[], str],
        now: Callable[[], float],
        wall: Callable[[], float],
        max_environments: int,
        record: Callable[[FunctionSpec, Invocation], None] | None = None,
        variables: Callable[[], Mapping[str, str]] = dict,
        folder: Path | None = None,
        python: str = sys.executable,
        init_seconds: float = INIT_TIMEOUT_SECONDS,
        idle_seconds: float = IDLE_TIMEOUT_SECONDS,
    ) -> None:
        """Make an empty pool; nothing is started or written before the first call.

        Args:
            new_request_id: Gives the id of an invocation whose caller names none.
            now: The simulator's clock, for log lines; seconds since the epoch.
            wall: The machine's clock, which the handler's remaining time is judged by.
            max_environments: How many workers may exist at once, over all functions.
            record: Told of every invocation when it has ended, on the caller's thread.
            variables: Environment variables that every function gets, such as AWS_ENDPOINT_URL; asked at each
                cold start.
            folder: Where the environments are made: a folder that is not there yet, and is gone when the pool is
                closed. Without one it is a temporary one.
            python: The interpreter that runs the functions.
            init_seconds: How long an init phase may take before it is begun anew.
            idle_seconds: How long an unused environment stays.
        """
        self._new_request_id = new_request_id
        self._now = now
        self._wall = wall
        self._max_environments = max_environments
        self._record = record
        self._variables = variables
        self._home = folder
        self._python = python
        self._init_seconds = init_seconds
        self._idle_seconds = idle_seconds
        self._turn = threading.Condition()
        self._idle: list[_Idle] = []
        self._busy: set[Worker] = set()
        self._running: Counter[str] = Counter()
        self._count = 0
        self._made = 0
        self._generation = 0
        self._closed = False
        self._folder: Path | None = None
        self._runtimes_told: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
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
    ) -> Invocation:
        """Run the function once on `event`, which is JSON text, and give what came of it.

        Errors of the function itself are in the result. `invoked_arn` is the ARN as the caller wrote it,
        qualifier included.

        Raises:
            RequestTooLarge: the event is over 6 MB.
            Throttled: the function's reserved concurrency is all in use.
            InvalidZipFile: the package cannot be unpacked.
            PoolClosed: the pool was closed before or while the function ran.
        """
        if len(event) > MAX_REQUEST_BYTES:
            raise RequestTooLarge(size=len(event), limit=MAX_REQUEST_BYTES)
        chosen = request_id or self._new_request_id()
        self._admit(spec)
        try:
            invocation = self._run(spec, event, chosen, invoked_arn or spec.arn, client_context)
        finally:
            with self._turn:
                self._running[spec.arn] -= 1
        if self._record is not None:
            self._record(spec, invocation)
        return invocation

    def reset(self) -> None:
        """End all idle environments now, and the busy ones as soon as they have answered."""
        with self._turn:
            self._generation += 1
            ended = self._without_idle(lambda _: True)
            self._turn.notify_all()
        _close(ended)

    def close(self) -> None:
        """End every environment, busy ones too, and remove every file; calls that wait or run raise `PoolClosed`."""
        with self._turn:
            self._closed = True
            ended = self._without_idle(lambda _: True)
            for worker in self._busy:
                worker.kill()
            self._turn.notify_all()
        _close(ended)
        with self._turn:
            self._turn.wait_for(lambda: self._count == 0, timeout=_CLOSE_SECONDS)
            folder, self._folder = self._folder, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    # Which environment

    def _admit(self, spec: FunctionSpec) -> None:
        with self._turn:
            if self._closed:
                raise PoolClosed
            reserved = spec.reserved_concurrency
            if reserved is not None and self._running[spec.arn] >= reserved:
                raise Throttled(reason=Throttled.RESERVED_CONCURRENCY)
            self._running[spec.arn] += 1

    def _run(
        self, spec: FunctionSpec, event: bytes, request_id: str, invoked_arn: str, client_context: str | None
    ) -> Invocation:
        worker, generation = self._acquired(spec, request_id)
        try:
            invocation = worker.invoke(
                request_id=request_id, event=event, invoked_arn=invoked_arn, client_context=client_context
            )
        finally:
            closed = self._released(worker, generation)
        if closed:
            raise PoolClosed
        return invocation

    def _acquired(self, spec: FunctionSpec, request_id: str) -> tuple[Worker, int]:
        key = spec.environment_key
        ended: list[Worker] = []
        try:
            with self._turn:
                while True:
                    if self._closed:
                        raise PoolClosed
                    ended += self._without_idle(lambda idle: not idle.worker.is_alive or self._stale(idle))
                    warm = self._warm(key)
                    if warm is not None:
                        self._busy.add(warm)
                        return warm, self._generation
                    # The same version under another key is what an update of code or configuration left behind.
                    ended += self._without_idle(
                        lambda idle: (idle.worker.spec.arn, idle.worker.spec.version) == (spec.arn, spec.version)
                    )
                    if self._count >= self._max_environments and self._idle:
                        ended.append(self._idle.pop(0).worker)
                        self._count -= 1
                    if self._count < self._max_environments:
                        self._count += 1
                        generation = self._generation
                        break
                    self._turn.wait()
        finally:
            _close(ended)
        try:
            worker = self._started(spec, request_id)
        except BaseException:
            self._give_back_place()
            raise
        self._note_busy(worker)
        return worker, generation

    def _note_busy(self, worker: Worker) -> None:
        with self._turn:
            self._busy.add(worker)
            if self._closed:
                worker.kill()

    def _released(self, worker: Worker, generation: int) -> bool:
        """Keep the worker warm or end it; say whether the pool was closed meanwhile."""
        with self._turn:
            self._busy.discard(worker)
            if worker.is_alive and not self._closed and generation == self._generation:
                self._idle.append(_Idle(worker=worker, since=time.monotonic()))
                self._turn.notify()
                return False
        worker.close()
        self._give_back_place()
        return self._closed

    def _give_back_place(self) -> None:
        with self._turn:
            self._count -= 1
            self._turn.notify_all()

    def _warm(self, key: tuple[object, ...]) -> Worker | None:
        for place in range(len(self._idle) - 1, -1, -1):
            if self._idle[place].worker.spec.environment_key == key:
                return self._idle.pop(place).worker
        return None

    def _stale(self, idle: _Idle) -> bool:
        return time.monotonic() - idle.since > self._idle_seconds

    def _without_idle(self, ends: Callable[[_Idle], bool]) -> list[Worker]:
        """Take the idle environments that end off the list; the caller holds the lock, and closes them after."""
        ended = [idle for idle in self._idle if ends(idle)]
        self._idle = [idle for idle in self._idle if idle not in ended]
        self._count -= len(ended)
        return [idle.worker for idle in ended]

    # A fresh environment

    def _started(self, spec: FunctionSpec, request_id: str) -> Worker:
        with self._turn:
            if self._folder is None:
                if self._home is not None:
                    self._home.mkdir()
                # Resolved, because paths in error payloads are recognised by their text (macOS links its
                # temporary folder).
                self._folder = (self._home or Path(tempfile.mkdtemp(prefix="rft-lambda-"))).resolve()
                link_runtime_packages(self._folder / "runtime")
            self._made += 1
            folder, number = self._folder, self._made
        self._tell_runtime(spec.runtime)
        return Worker(
            spec=spec,
            folder=folder / f"environment-{number}",
            log_stream=self._log_stream(version=spec.version, request_id=request_id),
            config=WorkerConfig(
                python=self._python,
                runtime_folder=folder / "runtime",
                init_seconds=self._init_seconds,
                now=self._now,
                wall=self._wall,
                variables=self._variables(),
            ),
        )

    def _log_stream(self, *, version: str, request_id: str) -> str:
        day = datetime.fromtimestamp(self._now(), tz=UTC).strftime("%Y/%m/%d")
        digest = blake2b(request_id.encode(), digest_size=16).hexdigest()
        return f"{day}/[{version}]{digest}"

    def _tell_runtime(self, runtime: str) -> None:
        ours = f"python{sys.version_info.major}.{sys.version_info.minor}"
        if runtime != ours and runtime not in self._runtimes_told:
            self._runtimes_told.add(runtime)
            _log.warning(
                "Functions with Runtime %s run under the simulator's own %s; to match, run it with that Python.",
                runtime,
                ours,
            )


def _close(workers: list[Worker]) -> None:
    for worker in workers:
        worker.close()
