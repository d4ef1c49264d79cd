"""A fault that applies to a request."""

from simulator.faults.delay_gate import DelayGate
from simulator.faults.registered_fault import RegisteredFault
from simulator.faults.request import IncomingRequest
from simulator.faults.request_fault import RequestFault
from simulator.faults.token_quota import TokenQuota
from simulator.http.request_log import log_fault


class FaultMatch:
    """One fault and the request that it applies to. The middleware's layers record their effects here."""

    def __init__(self, entry: RegisteredFault, request: IncomingRequest) -> None:
        self.request = request
        self._entry = entry
        self._is_counted = False

    @property
    def fault(self) -> RequestFault:
        """The fault."""
        return self._entry.fault

    @property
    def delay_gate(self) -> DelayGate:
        """Where the request waits if the fault delays it."""
        return self._entry.delay_gate

    @property
    def quota(self) -> TokenQuota:
        """The fault's token quota; without limits if the fault has none."""
        return self._entry.quota

    @property
    def hint(self) -> str:
        """The hint that names the fault in a response."""
        return f"scripted by {self._entry.id}; GET /_simulator/faults shows it, DELETE removes it"

    def record_applied(self, description: str | None = None) -> None:
        """Count that the fault took effect, once per request, and log the description of its effect.

        Without a description nothing is logged, because the response is an API error, which is logged anyway.
        """
        if not self._is_counted:
            self._is_counted = True
            self._entry.count_applied()
        if description:
            log_fault(f"{self._entry.id}: {description}", method=self.request.method, path=self.request.path)
