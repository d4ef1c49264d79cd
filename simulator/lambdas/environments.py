"""The execution environments of a pool: which are warm, how many exist, and when they end."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from simulator.lambdas.function import FunctionSpec
from simulator.lambdas.worker import Worker


@dataclass(frozen=True, slots=True, kw_only=True)
class Affinity:
    """Names one environment: the calls with the same affinity run in it, and no others.

    On AWS any warm environment may get a call, so the scores of a function that keeps state depend on chance. With an
    affinity they depend on the order of its own calls. `owner` is what the environment is released by, such as a job.
    """

    owner: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _IdleEnvironment:
    worker: Worker
    affinity: Affinity | None
    idle_since: float


class Environments:
    """Counts environments and holds the idle ones, the last used at the end.

    The caller holds the pool's lock around every call, and closes the returned workers after it has released the lock.
    """

    def __init__(self, *, limit: int, idle_seconds: float) -> None:
        self._limit = limit
        self._idle_seconds = idle_seconds
        self._idle: list[_IdleEnvironment] = []
        self.count = 0
        """Idle, busy and starting environments."""

    def take_warm(
        self, spec: FunctionSpec, to_close: list[Worker], *, affinity: Affinity | None = None
    ) -> Worker | None:
        """Return the last used idle environment of a function and an affinity, or None.

        Appends to `to_close` the idle environments that died, were idle too long, or belong to the same function
        version with older code or configuration.
        """
        to_close += self._remove_idle(lambda idle: not idle.worker.is_alive or self._is_stale(idle))
        key = spec.environment_key
        for index in range(len(self._idle) - 1, -1, -1):
            if self._idle[index].affinity == affinity and self._idle[index].worker.spec.environment_key == key:
                return self._idle.pop(index).worker
        to_close += self._remove_idle(
            lambda idle: (
                (idle.worker.spec.arn, idle.worker.spec.version) == (spec.arn, spec.version)
                and idle.worker.spec.environment_key != key
            )
        )
        return None

    def reserve(self, to_close: list[Worker]) -> bool:
        """Reserve a slot for a new environment; return False when all are busy.

        At the limit, the environment that has been idle longest is appended to `to_close`, and its slot is used.
        """
        if self.count >= self._limit and self._idle:
            to_close.append(self._idle.pop(0).worker)
            self.count -= 1
        if self.count >= self._limit:
            return False
        self.count += 1
        return True

    def release(self) -> None:
        """Free the slot of an environment that is neither idle nor busy any more."""
        self.count -= 1

    def add_idle(self, worker: Worker, *, affinity: Affinity | None = None) -> None:
        """Keep an environment warm for the next invocation."""
        self._idle.append(_IdleEnvironment(worker=worker, affinity=affinity, idle_since=time.monotonic()))

    def remove_idle_of(self, owner: str) -> list[Worker]:
        """Remove and return the idle environments of an owner."""
        return self._remove_idle(lambda idle: idle.affinity is not None and idle.affinity.owner == owner)

    def remove_all_idle(self) -> list[Worker]:
        """Remove and return all idle environments."""
        return self._remove_idle(lambda _: True)

    def _is_stale(self, idle: _IdleEnvironment) -> bool:
        return time.monotonic() - idle.idle_since > self._idle_seconds

    def _remove_idle(self, is_removed: Callable[[_IdleEnvironment], bool]) -> list[Worker]:
        removed = [idle for idle in self._idle if is_removed(idle)]
        self._idle = [idle for idle in self._idle if idle not in removed]
        self.count -= len(removed)
        return [idle.worker for idle in removed]
