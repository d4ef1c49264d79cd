"""A fault that hits a request."""

from simulator.faults.connection import Hold
from simulator.faults.registry import Entry
from simulator.faults.request import Asked
from simulator.faults.request_fault import RequestFault
from simulator.faults.token_quota import Quota
from simulator.http.request_log import log_fault


class Hit:
    """One fault and one request: a layer says here what it did."""

    def __init__(self, entry: Entry, asked: Asked) -> None:
        self.asked = asked
        self._entry = entry
        self._counted = False

    @property
    def fault(self) -> RequestFault:
        """The fault."""
        return self._entry.fault

    @property
    def hold(self) -> Hold:
        """Where a request waits that the fault holds up."""
        return self._entry.hold

    @property
    def quota(self) -> Quota:
        """The fault's quota; without limits unless it is about one."""
        return self._entry.quota

    @property
    def hint(self) -> str:
        """What an answer says of the fault."""
        return f"scripted by {self._entry.id}; GET /_simulator/faults shows it, DELETE takes it back"

    def applied(self, what: str | None = None) -> None:
        """Count that the fault took effect, once a request; log `what` it did, unless a refusal tells of it."""
        if not self._counted:
            self._counted = True
            self._entry.applied()
        if what:
            log_fault(f"{self._entry.id}: {what}", method=self.asked.method, path=self.asked.path)
