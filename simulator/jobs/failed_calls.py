"""Adds up the failed calls of a job's reward function to AWS services, and says when they are reported."""

from collections.abc import Callable, Iterable

from simulator.http.service_calls import ServiceCalls, merge_service_calls


class FailedCalls:
    """The calls of one job to each service of which a call has failed, from the first grading with a failure on."""

    def __init__(self) -> None:
        self._totals: dict[str, ServiceCalls] = {}
        self._reported: dict[str, ServiceCalls] = {}

    def add(self, service_calls: Iterable[ServiceCalls]) -> tuple[ServiceCalls, ...]:
        """Add the calls of a grading; return those to services of which a call has failed, now or before."""
        relevant = tuple(calls for calls in service_calls if calls.failed or calls.service in self._totals)
        self._totals = {calls.service: calls for calls in merge_service_calls(([*self._totals.values()], relevant))}
        return relevant

    def take_new(self) -> tuple[ServiceCalls, ...]:
        """Return the totals of the services that were not reported yet. They count as reported."""
        return self._take(lambda service: service not in self._reported)

    def take_changed(self) -> tuple[ServiceCalls, ...]:
        """Return the totals that have changed since they were reported. They count as reported."""
        return self._take(lambda service: self._reported.get(service) != self._totals[service])

    def _take(self, is_due: Callable[[str], bool]) -> tuple[ServiceCalls, ...]:
        due = {service: calls for service, calls in self._totals.items() if is_due(service)}
        self._reported |= due
        return tuple(due.values())
