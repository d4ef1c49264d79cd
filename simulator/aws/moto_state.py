"""The part of moto's state that belongs to one simulator, and the context in which moto works on it.

moto keeps its state, its random generator and its clock in the process. `moto_patches` makes it use the active context
instead. While no context is active, moto works as always, so other users of moto in the process and simulators do not
affect each other.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from random import Random
from threading import Lock
from typing import Any, Final, Protocol
from weakref import WeakSet

from simulator.ids import digest

MICROSECONDS_PER_SECOND: Final = 1_000_000

_SEED_BYTES: Final = 32
_UNIX_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationTime:
    """The time of an operation, by both clocks.

    `simulated_us` is the simulator's time, in microseconds since the Unix epoch. `caller_seconds` is the callers' time,
    in seconds since then: their credentials expire by it.
    """

    simulated_us: int
    caller_seconds: float


ACCOUNT_CREATION_TIME: Final = OperationTime(
    simulated_us=1_764_460_800 * MICROSECONDS_PER_SECOND, caller_seconds=1_764_460_800.0
)
"""The creation time of the resources that every account has from the start: before any user's."""


class Disposable(Protocol):
    """An object with a resource that must be closed."""

    def dispose(self) -> None:
        """Close the resource."""


class MotoContext:
    """The state, the fixed time and the random generator that moto uses for one operation."""

    def __init__(self, state: "MotoState", time: OperationTime, random_address: tuple[object, ...]) -> None:
        self.state = state
        self.time = time
        self.created_count = 0  # objects that moto created
        self.is_accepted_replay = False  # the request was accepted when it was sent, so it must not be refused now
        self._address = random_address

    @cached_property
    def random(self) -> Random:
        """The random generator. Its draws depend only on the seed of the state and the address of the operation."""
        return Random(digest(self.state.seed, *self._address, size=_SEED_BYTES))  # noqa: S311 - must be repeatable

    def now(self) -> datetime:
        """Return the simulated time."""
        return _UNIX_EPOCH + timedelta(microseconds=self.time.simulated_us)

    def caller_now(self) -> datetime:
        """Return the callers' time."""
        return datetime.fromtimestamp(self.time.caller_seconds, tz=UTC)

    @contextmanager
    def use_caller_time(self) -> Iterator[None]:
        """Use the callers' time as the simulated time within the block."""
        time = self.time
        self.time = OperationTime(
            simulated_us=int(time.caller_seconds * MICROSECONDS_PER_SECOND), caller_seconds=time.caller_seconds
        )
        try:
            yield
        finally:
            self.time = time

    def advance(self, seconds: float) -> None:
        """Move the time of this context forward."""
        simulated_us = self.time.simulated_us + int(seconds * MICROSECONDS_PER_SECOND)
        self.time = OperationTime(simulated_us=simulated_us, caller_seconds=self.time.caller_seconds + seconds)


_CONTEXT: Final[ContextVar[MotoContext | None]] = ContextVar("moto_context", default=None)


def current_context() -> MotoContext | None:
    """Return the active context of this thread or task, or None."""
    return _CONTEXT.get()


def validates_requests() -> bool:
    """Whether to refuse what AWS refuses and moto accepts.

    Without a context, `mock_aws` is in use and moto keeps its own behaviour. A data folder may hold requests that an
    earlier version accepted: their replay creates the same resources.
    """
    context = current_context()
    return context is not None and not context.is_accepted_replay


def current_seed() -> int:
    """Return the seed of the active context; 0 without one."""
    context = current_context()
    return context.state.seed if context else 0


class MotoState:
    """moto's state of one simulator. An empty one is cheap, and it is freed with its last reference.

    `stores` holds the stores of this state by the ids of moto's own stores.
    """

    def __init__(self, *, seed: int) -> None:
        self.seed = seed
        self.stores: dict[str, Any] = {}
        self._disposable: WeakSet[Disposable] = WeakSet()
        self._lock = Lock()
        self._active_count = 0  # active contexts
        self._closed = False

    @contextmanager
    def activate(self, time: OperationTime, *random_address: object) -> Iterator[MotoContext]:
        """Run the block on this state, at `time`. `random_address` selects the random draws of the block."""
        context = MotoContext(self, time, random_address)
        with self._lock:
            self._active_count += 1
        token = _CONTEXT.set(context)
        try:
            yield context
        finally:
            _CONTEXT.reset(token)
            with self._lock:
                self._active_count -= 1
            self._dispose()

    def register_disposable(self, disposable: Disposable) -> None:
        """Dispose of an object when the state is closed, if it still exists then."""
        self._disposable.add(disposable)

    def close(self) -> None:
        """Dispose of the registered objects and drop the stores, as soon as no context is active."""
        self._closed = True
        self._dispose()

    def _dispose(self) -> None:
        with self._lock:
            if not self._closed or self._active_count:
                return
        for disposable in list(self._disposable):
            disposable.dispose()
        self.stores.clear()
