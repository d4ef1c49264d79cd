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

MICROSECONDS: Final = 1_000_000  # in a second

_SEED_BYTES: Final = 32
_UNIX_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When something happens, by both clocks.

    `at` is the simulator's, in microseconds since the Unix epoch; `callers` is that by which callers' credentials are
    judged, in seconds since then.
    """

    at: int
    callers: float


ORIGIN: Final = Moment(at=1_764_460_800 * MICROSECONDS, callers=1_764_460_800.0)
"""When what every account comes with was made: before anything that a user did, whoever looks at it first."""


class Disposable(Protocol):
    """What holds something that must be closed."""

    def dispose(self) -> None:
        """Close it."""


class Turn:
    """What moto goes by while it does one thing: a world's state, a time that stands still, and a chance of its own."""

    def __init__(self, world: "World", moment: Moment, address: tuple[object, ...]) -> None:
        self.world = world
        self.moment = moment
        self.made = 0  # of moto's objects
        self._address = address

    @cached_property
    def random(self) -> Random:
        """The chance that belongs to the world's seed and to what is done, and to nothing else."""
        return Random(digest(self.world.seed, *self._address, size=_SEED_BYTES))  # noqa: S311  repeatable is the point

    def now(self) -> datetime:
        """Return the simulated time."""
        return _UNIX_EPOCH + timedelta(microseconds=self.moment.at)

    def callers_now(self) -> datetime:
        """Return the callers' time."""
        return datetime.fromtimestamp(self.moment.callers, tz=UTC)

    @contextmanager
    def by_callers(self) -> Iterator[None]:
        """Let the simulated time be the callers' for the length of the block."""
        own = self.moment
        self.moment = Moment(at=int(own.callers * MICROSECONDS), callers=own.callers)
        try:
            yield
        finally:
            self.moment = own

    def wait(self, seconds: float) -> None:
        """Let the time of this turn go on, at once."""
        passed = self.moment.at + int(seconds * MICROSECONDS)
        self.moment = Moment(at=passed, callers=self.moment.callers + seconds)


_TURN: Final[ContextVar[Turn | None]] = ContextVar("turn", default=None)


def current_turn() -> Turn | None:
    """Return the turn that is being taken here; None outside of every world."""
    return _TURN.get()


def seed_here() -> int:
    """Return the seed of the world that a turn is taken in; 0 outside of every world."""
    turn = current_turn()
    return turn.world.seed if turn else 0


class World:
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
    def turn(self, moment: Moment, *address: object) -> Iterator[Turn]:
        """Have what moto does in the block done in this world, at that moment; `address` names it among all turns."""
        taken = Turn(self, moment, address)
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

    def hold(self, made: Disposable) -> None:
        """Note what is to be disposed of at the end, unless it is gone by then."""
        self._disposable.add(made)

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
