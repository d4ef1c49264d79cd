"""The faults of one simulator, in order, with what each has met. Nothing of it is durable."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import count
from threading import Lock
from typing import Any, Final

from simulator.faults.connection import Hold
from simulator.faults.job_fault import JobFault
from simulator.faults.request import Asked
from simulator.faults.request_fault import RequestFault, ScriptError, TokensPerMinute
from simulator.faults.script import Fault, faults_of
from simulator.faults.token_quota import Quota

_UNLIMITED: Final = TokensPerMinute(input=None, output=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A fault as it stands: how many requests fitted it (or: whether its job met it), how often it took effect.

    `refused` says why an operation was not done that should have been.
    """

    id: str
    fault: Fault
    matched: int
    applied: int
    refused: str | None = None


class Entry:
    """A fault in the book. The edge tells it what it did; requests that it holds up wait at its `hold`."""

    def __init__(self, fault_id: str, fault: RequestFault, *, quota: Quota, lock: Lock) -> None:
        self.id = fault_id
        self.fault = fault
        self.hold = Hold()
        self.quota = quota
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


class JobEntry:
    """A fault of a job in the book."""

    def __init__(self, fault_id: str, fault: JobFault, *, lock: Lock) -> None:
        self.id = fault_id
        self.fault = fault
        self._lock = lock
        self._met = False
        self._refused: str | None = None

    def met(self) -> bool:
        """Note that the job has met it; return whether this was the first time."""
        with self._lock:
            first, self._met = not self._met, True
        return first

    def refused(self, why: str) -> None:
        """Note that its operation was not done."""
        self._refused = why

    @property
    def standing(self) -> Standing:
        """The fault as it stands now."""
        refused, met = self._refused, int(self._met)
        return Standing(id=self.id, fault=self.fault, matched=met, applied=0 if refused else met, refused=refused)


class Book:
    """The faults of one simulator. Safe to use from any thread."""

    def __init__(
        self,
        *,
        job_id: Callable[[int], str],
        ended: Callable[[str], str | None],
        lapsed: Callable[[], float],
        seconds: Callable[[], float],
        begins_with: Iterable[Fault] = (),
    ) -> None:
        """Begin with some faults, whatever has become of their jobs.

        Args:
            job_id: gives the id of a job by its number (from 0).
            ended: says as what a job has ended; None if it has not, or is not there yet.
            lapsed: how many seconds were made to pass, by which quotas fill.
            seconds: a monotonic clock of this machine's, by which those wait whom a quota has refused.
            begins_with: faults that were read already.
        """
        self._job_id = job_id
        self._ended = ended
        self._lapsed = lapsed
        self._seconds = seconds
        self._lock = Lock()
        self._ids = map("fault-{}".format, count(1))
        self._entries: tuple[Entry, ...] = ()
        self._of_jobs: tuple[JobEntry, ...] = ()
        self._put(begins_with)

    @property
    def is_empty(self) -> bool:
        """Whether there is no fault of requests."""
        return not self._entries

    def add(self, script: Any) -> tuple[str, ...]:
        """Add the faults of a script behind those that are there, all or none; return their ids.

            simulator.routes.context.faults.add({"request": {"method": "GET"}, "nth": 2, "error": "RATE_LIMITED"})

        Args:
            script: A fault or a list of them, as `SCRIPT.md` describes them, in dictionaries.

        Raises:
            ScriptError: something in it is not as it should be; nothing was added.
        """
        return self.put(faults_of(script))

    def put(self, faults: Iterable[Fault]) -> tuple[str, ...]:
        """Add faults that were read already, all or none; return their ids.

        Raises:
            ScriptError: one is about a job that has ended; nothing was added.
        """
        adding = tuple(faults)
        for place, fault in enumerate(adding, 1):
            if isinstance(fault, JobFault) and (status := self._ended(self._job(fault.job))):
                raise ScriptError(
                    f"fault {place}: job: {self._job(fault.job)} has {status}, and meets nothing any more"
                )
        return self._put(adding)

    def _put(self, faults: Iterable[Fault]) -> tuple[str, ...]:
        with self._lock:
            entries = [self._entry(next(self._ids), fault) for fault in faults]
            self._entries += tuple(entry for entry in entries if isinstance(entry, Entry))
            self._of_jobs += tuple(entry for entry in entries if isinstance(entry, JobEntry))
        return tuple(entry.id for entry in entries)

    def remove(self, fault_id: str) -> bool:
        """Take a fault back, and let go of what it holds up; say whether it was there."""
        return self._removed(lambda entry: entry.id == fault_id)

    def clear(self) -> None:
        """Take all faults back, and let go of what they hold up."""
        self._removed(lambda _: True)

    def cut_off(self) -> None:
        """Cut off all that is held up, now and from now on: a server that stops does not answer the better for it."""
        for entry in self._entries:
            entry.hold.cut_off()

    def standings(self) -> tuple[Standing, ...]:
        """Return the faults in their order, as they stand."""
        with self._lock:
            entries: list[Entry | JobEntry] = [*self._entries, *self._of_jobs]
        return tuple(entry.standing for entry in sorted(entries, key=lambda entry: int(entry.id.rpartition("-")[2])))

    def of_job(self, job_id: str) -> tuple[JobEntry, ...]:
        """Return the faults of a job, in order."""
        return tuple(entry for entry in self._of_jobs if entry.fault.job == job_id)

    def reads_body(self, asked: Asked) -> bool:
        """Whether the body of a request may say something that matters to a fault."""
        return any(entry.fault.reads_body and entry.fault.requests.may_fit(asked) for entry in self._entries)

    def hit_by(self, asked: Asked) -> tuple[Entry, ...]:
        """Show a request to every fault: each that it fits counts it. Return those that it is hit by, in order."""
        with self._lock:
            fitting = [entry for entry in self._entries if entry.fault.requests.fit(asked)]
            return tuple([entry for entry in fitting if entry.called()])

    def _entry(self, fault_id: str, fault: Fault) -> Entry | JobEntry:
        """Return the entry of a fault; that of the how-manyth job is one of the job of that id."""
        if isinstance(fault, JobFault):
            return JobEntry(fault_id, replace(fault, job=self._job(fault.job)), lock=self._lock)
        asked = fault.requests
        if asked.job is not None:
            fault = replace(fault, requests=replace(asked, job=self._job(asked.job)))
        tokens = fault.effect if isinstance(fault.effect, TokensPerMinute) else _UNLIMITED
        quota = Quota(tokens, lapsed=self._lapsed, seconds=self._seconds)
        return Entry(fault_id, fault, quota=quota, lock=self._lock)

    def _job(self, job: str | int) -> str:
        return self._job_id(job - 1) if isinstance(job, int) else job

    def _removed(self, goes: Callable[[Entry | JobEntry], bool]) -> bool:
        with self._lock:
            going = [entry for entry in self._entries if goes(entry)]
            of_jobs = [entry for entry in self._of_jobs if goes(entry)]
            self._entries = tuple(entry for entry in self._entries if entry not in going)
            self._of_jobs = tuple(entry for entry in self._of_jobs if entry not in of_jobs)
        for entry in going:
            entry.hold.let_go()
        return bool(going or of_jobs)
