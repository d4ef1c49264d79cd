"""The faults of one simulator in order, with their counters. They are kept in memory only."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import count
from threading import Lock
from typing import Any, Final

from simulator.faults.job_fault import JobFault
from simulator.faults.registered_fault import FaultStatus, RegisteredFault, RegisteredJobFault
from simulator.faults.request import IncomingRequest
from simulator.faults.request_fault import ScriptError, TokensPerMinute
from simulator.faults.script import Fault, parse_faults
from simulator.faults.token_quota import TokenQuota

_UNLIMITED: Final = TokensPerMinute(input=None, output=None)


class FaultRegistry:
    """The faults of one simulator. Thread-safe."""

    def __init__(
        self,
        *,
        job_id_for: Callable[[int], str],
        terminal_status: Callable[[str], str | None],
        advanced_seconds: Callable[[], float],
        monotonic: Callable[[], float],
        initial_faults: Iterable[Fault] = (),
    ) -> None:
        """Start with initial faults, even if their jobs have ended.

        Args:
            job_id_for: returns the id of a job by its ordinal, from 0.
            terminal_status: returns the status of a job that has ended; None if it has not, or does not exist yet.
            advanced_seconds: returns by how many seconds a user has advanced the clock, which refills quotas.
            monotonic: returns this machine's monotonic time; measures how long a refused client has waited.
            initial_faults: the parsed faults to start with.
        """
        self._job_id_for = job_id_for
        self._terminal_status = terminal_status
        self._advanced_seconds = advanced_seconds
        self._monotonic = monotonic
        self._lock = Lock()
        self._ids = map("fault-{}".format, count(1))
        self._entries: tuple[RegisteredFault, ...] = ()
        self._job_entries: tuple[RegisteredJobFault, ...] = ()
        self._register(initial_faults)

    @property
    def is_empty(self) -> bool:
        """Whether there is no request fault."""
        return not self._entries

    def add(self, script: Any) -> tuple[str, ...]:
        """Add the faults of a script after the existing ones, all or none; return their ids.

            simulator.context.fault_registry.add({"request": {"method": "GET"}, "nth": 2, "error": "RATE_LIMITED"})

        Args:
            script: a fault or a list of faults as dictionaries; `docs/faults.md` describes them.

        Raises:
            ScriptError: the script is invalid; nothing was added.
        """
        return self.add_parsed(parse_faults(script))

    def add_parsed(self, faults: Iterable[Fault]) -> tuple[str, ...]:
        """Add parsed faults after the existing ones, all or none; return their ids.

        Raises:
            ScriptError: the job of a fault has ended; nothing was added.
        """
        new_faults = tuple(faults)
        for number, fault in enumerate(new_faults, 1):
            if isinstance(fault, JobFault) and (status := self._terminal_status(self._job_id_of(fault.job))):
                raise ScriptError(
                    f"fault {number}: job: {self._job_id_of(fault.job)} has ended ({status}): the fault has no effect"
                )
        return self._register(new_faults)

    def _register(self, faults: Iterable[Fault]) -> tuple[str, ...]:
        with self._lock:
            entries = [self._create_entry(next(self._ids), fault) for fault in faults]
            self._entries += tuple(entry for entry in entries if isinstance(entry, RegisteredFault))
            self._job_entries += tuple(entry for entry in entries if isinstance(entry, RegisteredJobFault))
        return tuple(entry.id for entry in entries)

    def remove(self, fault_id: str) -> bool:
        """Remove a fault and release the requests that it delays; return whether it existed."""
        return self._remove_where(lambda entry: entry.id == fault_id)

    def clear(self) -> None:
        """Remove all faults and release the requests that they delay."""
        self._remove_where(lambda _: True)

    def disconnect_waiting(self) -> None:
        """Disconnect all delayed requests, now and from now on, because the server stops."""
        for entry in self._entries:
            entry.delay_gate.disconnect()

    def statuses(self) -> tuple[FaultStatus, ...]:
        """Return the counters of all faults, in order."""
        with self._lock:
            entries: list[RegisteredFault | RegisteredJobFault] = [*self._entries, *self._job_entries]
        return tuple(entry.status for entry in sorted(entries, key=lambda entry: int(entry.id.rpartition("-")[2])))

    def faults_of_job(self, job_id: str) -> tuple[RegisteredJobFault, ...]:
        """Return a job's faults, in order."""
        return tuple(entry for entry in self._job_entries if entry.fault.job == job_id)

    def needs_body(self, request: IncomingRequest) -> bool:
        """Return whether a fault depends on the body of a request."""
        return any(entry.fault.needs_body and entry.fault.matcher.may_match(request) for entry in self._entries)

    def match_request(self, request: IncomingRequest) -> tuple[RegisteredFault, ...]:
        """Match a request against every fault; each that matches counts it. Return those that apply, in order."""
        with self._lock:
            matching = [entry for entry in self._entries if entry.fault.matcher.matches(request)]
            return tuple([entry for entry in matching if entry.count_call()])

    def _create_entry(self, fault_id: str, fault: Fault) -> RegisteredFault | RegisteredJobFault:
        """Return the entry of a fault, with the number of its job replaced by the job's id."""
        if isinstance(fault, JobFault):
            return RegisteredJobFault(fault_id, replace(fault, job=self._job_id_of(fault.job)), lock=self._lock)
        matcher = fault.matcher
        if matcher.job is not None:
            fault = replace(fault, matcher=replace(matcher, job=self._job_id_of(matcher.job)))
        tokens = fault.effect if isinstance(fault.effect, TokensPerMinute) else _UNLIMITED
        quota = TokenQuota(tokens, advanced_seconds=self._advanced_seconds, monotonic=self._monotonic)
        return RegisteredFault(fault_id, fault, quota=quota, lock=self._lock)

    def _job_id_of(self, job: str | int) -> str:
        return self._job_id_for(job - 1) if isinstance(job, int) else job

    def _remove_where(self, is_removed: Callable[[RegisteredFault | RegisteredJobFault], bool]) -> bool:
        with self._lock:
            removed = [entry for entry in self._entries if is_removed(entry)]
            removed_job_entries = [entry for entry in self._job_entries if is_removed(entry)]
            self._entries = tuple(entry for entry in self._entries if entry not in removed)
            self._job_entries = tuple(entry for entry in self._job_entries if entry not in removed_job_entries)
        for entry in removed:
            entry.delay_gate.release()
        return bool(removed or removed_job_entries)
