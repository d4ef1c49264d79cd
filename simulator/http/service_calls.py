"""The calls of a reward function to AWS services, and the sentence about those that failed. Standard library only."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Final

SERVICE_CALLS_HEADER: Final = "x-simulator-service-calls"
"""A response header of Lambda's Invoke: the function's calls to AWS services, as `dump_service_calls` writes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCalls:
    """The calls to one service.

    Attributes:
        service: the service's name in boto3, such as bedrock-runtime.
        calls: the number of calls. The retries of a call are not counted.
        failed: how many of them failed because the service is not served, or for lack of a permission.
        error: the code and the message of a failed call. Empty when none failed.
    """

    service: str
    calls: int
    failed: int
    error: str = ""

    @property
    def sentence(self) -> str:
        """What the failed calls mean for the scores, with the error."""
        return (
            f"{self.failed} of {self.calls} calls to {self.service} failed; these scores are the function's fallback: "
            f"{self.error}"
        )


def merge_service_calls(groups: Iterable[Iterable[ServiceCalls]]) -> tuple[ServiceCalls, ...]:
    """Return the sums of several groups by service, in alphabetical order. The error is the first group's that has one.

    The result depends on the order of the groups only through the error.
    """
    sums: dict[str, ServiceCalls] = {}
    for group in groups:
        for added in group:
            known = sums.get(added.service, ServiceCalls(service=added.service, calls=0, failed=0))
            sums[added.service] = ServiceCalls(
                service=added.service,
                calls=known.calls + added.calls,
                failed=known.failed + added.failed,
                error=known.error or added.error,
            )
    return tuple(sums[service] for service in sorted(sums))


def dump_service_calls(service_calls: Iterable[ServiceCalls]) -> str:
    """Return calls as JSON in ASCII."""
    return json.dumps([asdict(calls) for calls in service_calls])


def parse_service_calls(text: str) -> tuple[ServiceCalls, ...]:
    """Return the calls that `dump_service_calls` wrote; nothing for another text."""
    try:
        return tuple(ServiceCalls(**fields) for fields in json.loads(text))
    except (ValueError, TypeError, RecursionError):
        return ()
