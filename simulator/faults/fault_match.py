"""A fault that hits a request."""

from simulator.faults.connection import DelayGate
from simulator.faults.registry import RegisteredFault
from simulator.faults.request import IncomingRequest
from simulator.faults.request_fault import RequestFault
from simulator.faults.token_quota import TokenQuota
from simulator.http.request_log import log_fault


class FaultMatch:
    """One fault and one request: a layer says here what it did."""

    def __init__(self, entry: RegisteredFault, request: IncomingRequest) -> None:
        self.request = request
        self._entry = entry
        self._counted = False

    @property
    def fault(self) -> RequestFault:
        """The fault."""
        return self._entry.fault

    @property
    def delay_gate(self) -> DelayGate:
        """Where a request waits that the fault holds up."""
        return self._entry.delay_gate

    @property
    def quota(self) -> TokenQuota:
        """The fault's quota; without limits unless it is about one."""
        return self._entry.quota

    @property
    def hint(self) -> str:
        """What an answer says of the fault."""
        return f"scripted by {self._entry.id}; GET /_simulator/faults shows it, DELETE takes it back"

    def record_applied(self, what: str | None = None) -> None:
        """Count that the fault took effect, once a request; log `what` it did, unless a refusal tells of it."""
        if not self._counted:
            self._counted = True
            self._entry.count_applied()
        if what:
            log_fault(f"{self._entry.id}: {what}", method=self.request.method, path=self.request.path)
