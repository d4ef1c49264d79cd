"""C8: the very request that was refused, again and again."""

from typing import Final

from simulator.verdict.exchange import Exchange
from simulator.verdict.lru_map import LruMap
from simulator.verdict.repeat_counter import RepeatCounter
from simulator.verdict.rule import Case, CaseList, Rule, Severity, VerdictContext

# A role or a job that is new is not known everywhere at once, and whoever waits for it asks again.
MAX_PERMANENT_REFUSALS, MAX_TRANSIENT_REFUSALS = 10, 50
_MAY_COME: Final = frozenset({403, 404, 409})
_REFUSALS: Final = range(400, 500)
_LATEST: Final = 1_024

_KEY_REFUSED: Final = 401
_STOP: Final = "Stop at a 4xx and show its message, which says what is wrong with the request."
_NEW_KEY: Final = (
    "After a 401 ask with a new key, or stop: give the SDK a function for a key, which it asks for each request, "
    "`OpenAI(api_key=lambda: provide_token(region=...))`."
)
_WAIT: Final = "Wait for what is not known everywhere yet for a time that you have chosen, and then stop."

REPEATED_REFUSAL: Final = Rule(
    id="C8",
    name="repeated what was refused",
    question="Does the client stop when it is told that its request is wrong, or that its key is no good any more?",
    detection=f"One program made the same request, with the same key, and it was refused with the same status {MAX_PERMANENT_REFUSALS} "
    f"times in a row; {MAX_TRANSIENT_REFUSALS} times where the status is 403, 404 or 409. 408 and 429 are no refusals. It is a "
    "warning and never a fail: nothing is made, lost or billed by what is refused.",
    impact="A 400 says that the request is wrong, and a 401 that the key is: asked again they are so again. A "
    "short-term key ends after 12 hours at most, in the middle of many a job, and a loop that goes on with it learns "
    "nothing more of the job.",
    remedy=f"{_STOP} {_NEW_KEY} {_WAIT}",
    exceptions="Waiting for what has just been made to be known everywhere; another key, or another body.",
)


class RepeatedRefusalChecker:
    """Counts the refusals of each request."""

    rule = REPEATED_REFUSAL

    def __init__(self) -> None:
        self._refusals: RepeatCounter[tuple[str, bytes, bytes, int]] = RepeatCounter()
        self._latest: LruMap[tuple[str, bytes, bytes], int] = LruMap(_LATEST)  # the status of a refusal

    def observe(self, exchange: Exchange) -> None:
        """Take in whether it was refused again."""
        if exchange.request.fingerprint is None:
            return
        if exchange.is_successful and not self._latest:
            return
        what = exchange.client, exchange.key_digest, exchange.request.fingerprint
        status = exchange.status if exchange.is_answered and not exchange.is_retryable else None
        before = self._latest.pop(what)
        if before is not None and before != status:
            self._refusals.reset((*what, before))
        if status is None or status not in _REFUSALS:
            return
        self._latest[what] = status
        for row in self._refusals.count((*what, status), exchange):
            if row.count >= (MAX_TRANSIENT_REFUSALS if status in _MAY_COME else MAX_PERMANENT_REFUSALS):
                self._refusals.flag((*what, status), row)

    def cases(self, _context: VerdictContext) -> CaseList:
        """Return the requests that were repeated for nothing."""
        rows = list(self._refusals.flagged())
        remedies = {_remedy(row.first.status) for row in rows}
        return CaseList(
            (
                Case(
                    severity=Severity.WARN,
                    client=row.first.client,
                    what=f"was refused the same {row.count:,} times in a row, with {row.first.status}",
                    requests=(row.first.evidence(), row.last.evidence()),
                )
                for row in rows
            ),
            remedy=remedies.pop() if len(remedies) == 1 else None,
        )


def _remedy(status: int | None) -> str:
    if status == _KEY_REFUSED:
        return _NEW_KEY
    return _WAIT if status in _MAY_COME else _STOP
