"""C8: the client repeats a request that was refused."""

from typing import Final

from simulator.verdict.case import Case, CaseList, Severity
from simulator.verdict.checker import VerdictContext
from simulator.verdict.exchange import Exchange
from simulator.verdict.lru_map import LruMap
from simulator.verdict.repeat_counter import RepeatCounter
from simulator.verdict.rule import Rule

# It takes time until all servers know a new role or job, and a client that waits for this repeats its request.
MAX_PERMANENT_REFUSALS, MAX_TRANSIENT_REFUSALS = 10, 50
_TRANSIENT_STATUSES: Final = frozenset({403, 404, 409})
_REFUSAL_STATUSES: Final = range(400, 500)
_UNAUTHORIZED: Final = 401
_MAX_REQUESTS: Final = 1_024

_STOP: Final = "Stop at a 4xx and print its message, which says what is wrong with the request."
_NEW_KEY: Final = (
    "After a 401, use a new key or stop. Give the SDK a function that returns a key, which it calls for each request: "
    "`OpenAI(api_key=lambda: provide_token(region=...))`."
)
_WAIT: Final = (
    "A new resource or permission can need some time until every part of the service knows it. Limit the time that "
    "you wait for this, and then stop."
)

REPEATED_REFUSAL: Final = Rule(
    id="C8",
    name="repeated what was refused",
    question="Does the client stop when its request is wrong, or when its key is no longer valid?",
    detection="Warning: one program sent the same request, with the same key, and it was refused with the same status "
    f"{MAX_PERMANENT_REFUSALS} times in a row, or {MAX_TRANSIENT_REFUSALS} times if the status is 403, 404 or 409. 408 "
    "and 429 do not count as refusals. This is never a fail, because a refused request has no effect and no cost.",
    impact="A 400 means that the request is wrong. A 401 means that the key is not valid. The same request fails again "
    "each time. A short-term key expires after 12 hours at most, and a job can run longer. A loop that continues with "
    "an expired key receives no further state of the job.",
    remedy=f"{_STOP} {_NEW_KEY} {_WAIT}",
    exceptions="A client that waits for a limited time until a new resource or permission has an effect. Another "
    "key, or another body.",
)


class RepeatedRefusalChecker:
    """Counts the refusals of each request in a row."""

    rule = REPEATED_REFUSAL

    def __init__(self) -> None:
        self._refusals: RepeatCounter[tuple[str, bytes, bytes, int]] = RepeatCounter()
        self._latest_status: LruMap[tuple[str, bytes, bytes], int] = LruMap(_MAX_REQUESTS)  # of a refused request

    def observe(self, exchange: Exchange) -> None:
        """Check whether a request was refused again."""
        if exchange.request.fingerprint is None:
            return
        if exchange.is_successful and not self._latest_status:
            return
        key = exchange.client, exchange.key_digest, exchange.request.fingerprint
        status = exchange.status if exchange.is_answered and not exchange.is_retryable else None
        previous = self._latest_status.pop(key)
        if previous is not None and previous != status:
            self._refusals.reset((*key, previous))
        if status is None or status not in _REFUSAL_STATUSES:
            return
        self._latest_status[key] = status
        maximum = MAX_TRANSIENT_REFUSALS if status in _TRANSIENT_STATUSES else MAX_PERMANENT_REFUSALS
        for series in self._refusals.count((*key, status), exchange):
            if series.count >= maximum:
                self._refusals.flag((*key, status), series)

    def cases(self, _context: VerdictContext) -> CaseList:
        """Return the requests that were repeated too often."""
        repeated_requests = list(self._refusals.flagged_series())
        remedies = {_remedy(series.first.status) for series in repeated_requests}
        return CaseList(
            (
                Case(
                    severity=Severity.WARN,
                    client=series.first.client,
                    what=f"sent the same request {series.count:,} times in a row, and each was refused with "
                    f"{series.first.status}",
                    requests=(series.first.evidence(), series.last.evidence()),
                )
                for series in repeated_requests
            ),
            remedy=remedies.pop() if len(remedies) == 1 else None,
        )


def _remedy(status: int | None) -> str:
    if status == _UNAUTHORIZED:
        return _NEW_KEY
    return _WAIT if status in _TRANSIENT_STATUSES else _STOP
