"""One simulator's share of moto: a world, and the turn that something takes in it.

moto keeps its state, its chance and its clock in the process. `routing` makes it ask here: while a turn is taken, all
three are those of the turn's world; with no turn taken, moto is as it always was, so whoever else uses it in the
process neither sees nor disturbs a simulator.
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

MICROSECONDS_PER_SECOND: Final = 1_000_000  # in a second

_SEED_BYTES: Final = 32
_UNIX_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationTime:
    """When something happens, by both clocks.

    `simulated_us` is the simulator's time, in microseconds since the Unix epoch. `caller_seconds` is the callers' time,
    in seconds since then: their credentials expire by it.
    """

    simulated_us: int
    caller_seconds: float


ACCOUNT_CREATION_TIME: Final = OperationTime(
    simulated_us=1_764_460_800 * MICROSECONDS_PER_SECOND, caller_seconds=1_764_460_800.0
)
"""When what every account comes with was made: before anything that a user did, whoever looks at it first."""


class Disposable(Protocol):
    """What holds something that must be closed."""

    def dispose(self) -> None:
        """Close it."""


class MotoContext:
    """What moto goes by while it does one thing: a world's state, a time that stands still, and a chance of its own."""

    def __init__(self, state: "MotoState", time: OperationTime, random_address: tuple[object, ...]) -> None:
        self.state = state
        self.time = time
        self.created_count = 0  # of moto's objects
        self._address = random_address

    @cached_property
    def random(self) -> Random:
        """The chance that belongs to the world's seed and to what is done, and to nothing else."""
        return Random(digest(self.state.seed, *self._address, size=_SEED_BYTES))  # noqa: S311  repeatable is the point

    def now(self) -> datetime:
        """Return the simulated time."""
        return _UNIX_EPOCH + timedelta(microseconds=self.time.simulated_us)

    def caller_now(self) -> datetime:
        """Return the callers' time."""
        return datetime.fromtimestamp(self.time.caller_seconds, tz=UTC)

    @contextmanager
    def use_caller_time(self) -> Iterator[None]:
        """Let the simulated time be the callers' for the length of the block."""
        own = self.time
        self.time = OperationTime(
            simulated_us=int(own.caller_seconds * MICROSECONDS_PER_SECOND), caller_seconds=own.caller_seconds
        )
        try:
            yield
        finally:
            self.time = own

    def advance(self, seconds: float) -> None:
        """Let the time of this turn go on, at once."""
        passed = self.time.simulated_us + int(seconds * MICROSECONDS_PER_SECOND)
        self.time = OperationTime(simulated_us=passed, caller_seconds=self.time.caller_seconds + seconds)


_TURN: Final[ContextVar[MotoContext | None]] = ContextVar("turn", default=None)


def current_context() -> MotoContext | None:
    """Return the turn that is being taken here; None outside of every world."""
    return _TURN.get()


def current_seed() -> int:
    """Return the seed of the world that a turn is taken in; 0 outside of every world."""
    turn = current_context()
    return turn.state.seed if turn else 0


class MotoState:
    """The state of moto that belongs to one simulator. It costs nothing to make, and is gone with the last reference.

    `stores` holds what stands here for each of moto's own, by its id.
    """

    def __init__(self, *, seed: int) -> None:
        self.seed = seed
        self.stores: dict[str, Any] = {}
        self._disposable: WeakSet[Disposable] = WeakSet()
        self._lock = Lock()
        self._turns = 0  # that are being taken
        self._closed = False

    @contextmanager
    def activate(self, time: OperationTime, *random_address: object) -> Iterator[MotoContext]:
        """Run the block on this state, at `time`. `random_address` selects the random draws of the block."""
        taken = MotoContext(self, time, random_address)
        with self._lock:
            self._turns += 1
        before = _TURN.set(taken)
        try:
            yield taken
        finally:
            _TURN.reset(before)
            with self._lock:
                self._turns -= 1
            self._dispose()

    def register_disposable(self, disposable: Disposable) -> None:
        """Note what is to be disposed of at the end, unless it is gone by then."""
        self._disposable.add(disposable)

    def close(self) -> None:
        """Close what is open in it, and let go of the rest: now, or when the last turn ends that is being taken."""
        self._closed = True
        self._dispose()

    def _dispose(self) -> None:
        with self._lock:
            if not self._closed or self._turns:
                return
        for each in list(self._disposable):
            each.dispose()
        self.stores.clear()
