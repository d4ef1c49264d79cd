"""The faults of one simulator, in order, with what each has met. Nothing of it is durable."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import count
from threading import Lock
from typing import Any, Final

from simulator.faults.connection import DelayGate
from simulator.faults.job_fault import JobFault
from simulator.faults.request import IncomingRequest
from simulator.faults.request_fault import RequestFault, ScriptError, TokensPerMinute
from simulator.faults.script import Fault, parse_faults
from simulator.faults.token_quota import TokenQuota

_UNLIMITED: Final = TokensPerMinute(input=None, output=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultStatus:
    """A fault as it stands: how many requests fitted it (or: whether its job met it), how often it took effect.

    `refused` says why an operation was not done that should have been.
    """

    id: str
    fault: Fault
    matched: int
    applied: int
    refused: str | None = None


class RegisteredFault:
    """A fault in the book. The edge tells it what it did; requests that it holds up wait at its `delay_gate`."""

    def __init__(self, fault_id: str, fault: RequestFault, *, quota: TokenQuota, lock: Lock) -> None:
        self.id = fault_id
        self.fault = fault
        self.delay_gate = DelayGate()
        self.quota = quota
        self._lock = lock
        self._matched = 0
        self._applied = 0

    def count_call(self) -> bool:
        """Count a request that fits; say whether it is hit."""
        self._matched += 1
        return self.fault.applies_to_call(self._matched)

    def count_applied(self) -> None:
        """Count that it took effect."""
        with self._lock:
            self._applied += 1

    @property
    def status(self) -> FaultStatus:
        """The fault as it stands now."""
        return FaultStatus(id=self.id, fault=self.fault, matched=self._matched, applied=self._applied)


class RegisteredJobFault:
    """A fault of a job in the book."""

    def __init__(self, fault_id: str, fault: JobFault, *, lock: Lock) -> None:
        self.id = fault_id
        self.fault = fault
        self._lock = lock
        self._met = False
        self._refused: str | None = None

    def mark_met(self) -> bool:
        """Note that the job has met it; return whether this was the first time."""
        with self._lock:
            first, self._met = not self._met, True
        return first

    def mark_refused(self, why: str) -> None:
        """Note that its operation was not done."""
        self._refused = why

    @property
    def status(self) -> FaultStatus:
        """The fault as it stands now."""
        refused, met = self._refused, int(self._met)
        return FaultStatus(id=self.id, fault=self.fault, matched=met, applied=0 if refused else met, refused=refused)


class FaultRegistry:
    """The faults of one simulator. Safe to use from any thread."""

    def __init__(
        self,
        *,
        job_id_for: Callable[[int], str],
        terminal_status: Callable[[str], str | None],
        lapsed_seconds: Callable[[], float],
        monotonic: Callable[[], float],
        initial_faults: Iterable[Fault] = (),
    ) -> None:
        """Begin with some faults, whatever has become of their jobs.

        Args:
            job_id_for: gives the id of a job by its number (from 0).
            terminal_status: says as what a job has ended; None if it has not, or is not there yet.
            lapsed_seconds: how many seconds were made to pass, by which quotas fill.
            monotonic: a monotonic clock of this machine's, by which those wait whom a quota has refused.
            initial_faults: faults that were read already.
        """
        self._job_id_for = job_id_for
        self._terminal_status = terminal_status
        self._lapsed = lapsed_seconds
        self._seconds = monotonic
        self._lock = Lock()
        self._ids = map("fault-{}".format, count(1))
        self._entries: tuple[RegisteredFault, ...] = ()
        self._job_entries: tuple[RegisteredJobFault, ...] = ()
        self._register(initial_faults)

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
        return self.add_parsed(parse_faults(script))

    def add_parsed(self, faults: Iterable[Fault]) -> tuple[str, ...]:
        """Add faults that were read already, all or none; return their ids.

        Raises:
            ScriptError: one is about a job that has ended; nothing was added.
        """
        adding = tuple(faults)
        for place, fault in enumerate(adding, 1):
            if isinstance(fault, JobFault) and (status := self._terminal_status(self._job_id_of(fault.job))):
                raise ScriptError(
                    f"fault {place}: job: {self._job_id_of(fault.job)} has {status}, and meets nothing any more"
                )
        return self._register(adding)

    def _register(self, faults: Iterable[Fault]) -> tuple[str, ...]:
        with self._lock:
            entries = [self._entry(next(self._ids), fault) for fault in faults]
            self._entries += tuple(entry for entry in entries if isinstance(entry, RegisteredFault))
            self._job_entries += tuple(entry for entry in entries if isinstance(entry, RegisteredJobFault))
        return tuple(entry.id for entry in entries)

    def remove(self, fault_id: str) -> bool:
        """Take a fault back, and let go of what it holds up; say whether it was there."""
        return self._remove_where(lambda entry: entry.id == fault_id)

    def clear(self) -> None:
        """Take all faults back, and let go of what they hold up."""
        self._remove_where(lambda _: True)

    def disconnect_waiting(self) -> None:
        """Cut off all that is held up, now and from now on: a server that stops does not answer the better for it."""
        for entry in self._entries:
            entry.delay_gate.disconnect()

    def statuses(self) -> tuple[FaultStatus, ...]:
        """Return the faults in their order, as they stand."""
        with self._lock:
            entries: list[RegisteredFault | RegisteredJobFault] = [*self._entries, *self._job_entries]
        return tuple(entry.status for entry in sorted(entries, key=lambda entry: int(entry.id.rpartition("-")[2])))

    def faults_of_job(self, job_id: str) -> tuple[RegisteredJobFault, ...]:
        """Return the faults of a job, in order."""
        return tuple(entry for entry in self._job_entries if entry.fault.job == job_id)

    def needs_body(self, request: IncomingRequest) -> bool:
        """Whether the body of a request may say something that matters to a fault."""
        return any(entry.fault.needs_body and entry.fault.matcher.may_match(request) for entry in self._entries)

    def match_request(self, request: IncomingRequest) -> tuple[RegisteredFault, ...]:
        """Show a request to every fault: each that it fits counts it. Return those that it is hit by, in order."""
        with self._lock:
            fitting = [entry for entry in self._entries if entry.fault.matcher.matches(request)]
            return tuple([entry for entry in fitting if entry.count_call()])

    def _entry(self, fault_id: str, fault: Fault) -> RegisteredFault | RegisteredJobFault:
        """Return the entry of a fault; that of the how-manyth job is one of the job of that id."""
        if isinstance(fault, JobFault):
            return RegisteredJobFault(fault_id, replace(fault, job=self._job_id_of(fault.job)), lock=self._lock)
        asked = fault.matcher
        if asked.job is not None:
            fault = replace(fault, matcher=replace(asked, job=self._job_id_of(asked.job)))
        tokens = fault.effect if isinstance(fault.effect, TokensPerMinute) else _UNLIMITED
        quota = TokenQuota(tokens, lapsed_seconds=self._lapsed, monotonic=self._seconds)
        return RegisteredFault(fault_id, fault, quota=quota, lock=self._lock)

    def _job_id_of(self, job: str | int) -> str:
        return self._job_id_for(job - 1) if isinstance(job, int) else job

    def _remove_where(self, goes: Callable[[RegisteredFault | RegisteredJobFault], bool]) -> bool:
        with self._lock:
            going = [entry for entry in self._entries if goes(entry)]
            of_jobs = [entry for entry in self._job_entries if goes(entry)]
            self._entries = tuple(entry for entry in self._entries if entry not in going)
            self._job_entries = tuple(entry for entry in self._job_entries if entry not in of_jobs)
        for entry in going:
            entry.delay_gate.release()
        return bool(going or of_jobs)
