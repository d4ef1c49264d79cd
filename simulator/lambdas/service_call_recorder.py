"""Counts the calls to AWS services of each invocation of a function, by the trace id that botocore sends with them.

Lambda gives each invocation a trace id, and botocore copies it from the function's environment into the header
X-Amzn-Trace-Id ("Lambda recursive loop detection", DOCUMENTED). Calls before the first invocation have no trace id and
are not counted: how many environments start differs from run to run.
"""

import re
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from simulator.http.service_calls import ServiceCalls

_MAX_INVOCATIONS: Final = 4_096  # of those whose calls nobody takes, such as calls after the end of an invocation
_MAX_CALLS: Final = 100_000  # to one service in one invocation; more are not counted
_ROOT: Final = re.compile(r"Root=1-([0-9a-f]{8})-([0-9a-f]{24})", re.ASCII)


def make_trace_header(request_id: str) -> str:
    """Return the trace header of an invocation. Its trace id is the request id in another form (INFERRED)."""
    digits = _trace_digits(request_id)
    return f"Root=1-{digits[:8]}-{digits[8:]};Sampled=0"


def _trace_digits(request_id: str) -> str:
    return request_id.replace("-", "").ljust(32, "0")[:32]


@dataclass(slots=True)
class _Service:
    """The calls to one service: the error of the last attempt by the call's id, None for a success."""

    errors: dict[str, str | None] = field(default_factory=dict)

    def summarize(self, name: str) -> ServiceCalls:
        failures = Counter(error for error in self.errors.values() if error is not None)
        # The most frequent error, because the order of concurrent calls differs from run to run.
        error = min(failures, key=lambda text: (-failures[text], text), default="")
        return ServiceCalls(service=name, calls=len(self.errors), failed=failures.total(), error=error)


class ServiceCallRecorder:
    """Holds the calls of each invocation until they are taken."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._invocations: OrderedDict[str, dict[str, _Service]] = OrderedDict()

    def record(self, trace_header: str, *, service: str, call: str, error: str | None) -> None:
        """Record an attempt of a call.

        Args:
            trace_header: the header of the call. Without an invocation's trace id, nothing is recorded.
            service: the name of the service in boto3.
            call: the id of the call, which is the same for all its attempts. Empty counts as a call of its own.
            error: the code and the message if the service is not served or refuses permission. Else None.
        """
        root = _ROOT.search(trace_header)
        if root is None:
            return
        digits = root[1] + root[2]
        with self._lock:
            services = self._invocations.setdefault(digits, {})
            errors = services.setdefault(service, _Service()).errors
            if call in errors or len(errors) < _MAX_CALLS:
                errors[call or f"#{len(errors)}"] = error
            while len(self._invocations) > _MAX_INVOCATIONS:
                self._invocations.popitem(last=False)

    def take(self, request_id: str) -> tuple[ServiceCalls, ...]:
        """Return the calls of an invocation by service, in alphabetical order, and forget them."""
        with self._lock:
            services = self._invocations.pop(_trace_digits(request_id), {})
        return tuple(services[name].summarize(name) for name in sorted(services))
