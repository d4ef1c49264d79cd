"""The faults of one simulator, in order, with what each has met. Nothing of it is durable."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import count
from threading import Lock
from typing import Any, Final

from simulator.faults.connection import Hold
from simulator.faults.fault import RequestFault, TokensPerMinute
from simulator.faults.quota import Quota
from simulator.faults.request import Asked
from simulator.faults.script import faults_of

_UNLIMITED: Final = TokensPerMinute(input=None, output=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A fault as it stands: how many requests fitted it, and how often it took effect."""

    id: str
    fault: RequestFault
    matched: int
    applied: int


class Entry:
    """A fault in the book. The edge tells it what it did; requests that it holds up wait at its `hold`."""

    def __init__(self, fault_id: str, fault: RequestFault, *, now: Callable[[], float], lock: Lock) -> None:
        self.id = fault_id
        self.fault = fault
        self.hold = Hold()
        self.quota = Quota(fault.effect if isinstance(fault.effect, TokensPerMinute) else _UNLIMITED, now=now)
        self._lock = lock
        self._matched = 0
        self._applied = 0

    def called(self) -> bool:
        """Count a request that fits; say whether it is hit."""
        self._matched += 1
        return self.fault.hits(self._matched)

    def applied(self) -> None:
        """Count that it took effect."""
        with self._lock:
            self._applied += 1

    @property
    def standing(self) -> Standing:
        """The fault as it stands now."""
        return Standing(id=self.id, fault=self.fault, matched=self._matched, applied=self._applied)


class Book:
    """The faults of one simulator. Safe to use from any thread."""

    def __init__(self, *, job_id: Callable[[int], str], now: Callable[[], float]) -> None:
        """Begin with no fault.

        `job_id` gives the id of a job by its number (from 0). `now` is the callers' time in seconds, by which quotas
        fill.
        """
        self._job_id = job_id
        self._now = now
        self._lock = Lock()
        self._ids = map("fault-{}".format, count(1))
        self._entries: tuple[Entry, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is no fault at all."""
        return not self._entries

    def add(self, script: Any) -> tuple[str, ...]:
        """Add the faults of a script behind those that are there, all or none; return their ids.

            simulator.house.faults.add({"request": {"method": "GET"}, "nth": 2, "error": "RATE_LIMITED"})

        Args:
            script: A fault or a list of them, as `SCRIPT.md` describes them, in dictionaries.

        Raises:
            ScriptError: something in it is not as it should be; nothing was added.
        """
        return self.put(faults_of(script))

    def put(self, faults: Iterable[RequestFault]) -> tuple[str, ...]:
        """Add faults that were read already; return their ids."""
        with self._lock:
            entries = [Entry(next(self._ids), self._found(fault), now=self._now, lock=self._lock) for fault in faults]
            self._entries += tuple(entries)
        return tuple(entry.id for entry in entries)

    def remove(self, fault_id: str) -> bool:
        """Take a fault back, and let go of what it holds up; say whether it was there."""
        with self._lock:
            removed = [entry for entry in self._entries if entry.id == fault_id]
            self._entries = tuple(entry for entry in self._entries if entry.id != fault_id)
        for entry in removed:
            entry.hold.let_go()
        return bool(removed)

    def clear(self) -> None:
        """Take all faults back, and let go of what they hold up."""
        with self._lock:
            removed, self._entries = self._entries, ()
        for entry in removed:
            entry.hold.let_go()

    def let_go(self) -> None:
        """Let go of all that is held up, now and from now on: the server stops."""
        for entry in self._entries:
            entry.hold.let_go()

    def standings(self) -> tuple[Standing, ...]:
        """Return the faults in their order, as they stand."""
        with self._lock:
            return tuple(entry.standing for entry in self._entries)

    def reads_body(self, asked: Asked) -> bool:
        """Whether the body of a request may say something that matters to a fault."""
        return any(entry.fault.reads_body and entry.fault.requests.may_fit(asked) for entry in self._entries)

    def hit_by(self, asked: Asked) -> tuple[Entry, ...]:
        """Show a request to every fault: each that it fits counts it. Return those that it is hit by, in order."""
        with self._lock:
            fitting = [entry for entry in self._entries if entry.fault.requests.fit(asked)]
            return tuple([entry for entry in fitting if entry.called()])

    def _found(self, fault: RequestFault) -> RequestFault:
        """Return a fault of the how-manyth job as one of the job of that id."""
        job = fault.requests.job
        if not isinstance(job, int):
            return fault
        return replace(fault, requests=replace(fault.requests, job=self._job_id(job - 1)))
