"""A fault in the registry: its id, its counters and, for a request fault, the requests that it delays."""

from dataclasses import dataclass
from threading import Lock

from simulator.faults.delay_gate import DelayGate
from simulator.faults.job_fault import JobFault
from simulator.faults.request_fault import RequestFault
from simulator.faults.script import Fault
from simulator.faults.token_quota import TokenQuota


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultStatus:
    """The counters of a fault.

    Attributes:
        id: the fault's id.
        fault: the fault.
        matched: the number of requests that matched; for a job fault, 1 once its job has reached it.
        applied: how often the fault took effect.
        refused: why an operation of the fault was not carried out, or None.
    """

    id: str
    fault: Fault
    matched: int
    applied: int
    refused: str | None = None


class RegisteredFault:
    """A request fault in the registry. The requests that it delays wait at its `delay_gate`."""

    def __init__(self, fault_id: str, fault: RequestFault, *, quota: TokenQuota, lock: Lock) -> None:
        self.id = fault_id
        self.fault = fault
        self.delay_gate = DelayGate()
        self.quota = quota
        self._lock = lock
        self._matched = 0
        self._applied = 0

    def count_call(self) -> bool:
        """Count a request that matches; return whether the fault applies to it. The registry holds the lock."""
        self._matched += 1
        return self.fault.applies_to_call(self._matched)

    def count_applied(self) -> None:
        """Count that the fault took effect."""
        with self._lock:
            self._applied += 1

    @property
    def status(self) -> FaultStatus:
        """The current counters."""
        return FaultStatus(id=self.id, fault=self.fault, matched=self._matched, applied=self._applied)


class RegisteredJobFault:
    """A job fault in the registry."""

    def __init__(self, fault_id: str, fault: JobFault, *, lock: Lock) -> None:
        self.id = fault_id
        self.fault = fault
        self._lock = lock
        self._is_reached = False
        self._refused: str | None = None

    def mark_reached(self) -> bool:
        """Record that the job has reached the fault; return whether this is the first time."""
        with self._lock:
            is_first, self._is_reached = not self._is_reached, True
        return is_first

    def mark_refused(self, reason: str) -> None:
        """Record that the fault's operation was not carried out."""
        self._refused = reason

    @property
    def status(self) -> FaultStatus:
        """The current counters."""
        refused, reached = self._refused, int(self._is_reached)
        return FaultStatus(
            id=self.id, fault=self.fault, matched=reached, applied=0 if refused else reached, refused=refused
        )
