"""C3: the client repeats a request before the time in `Retry-After` is over."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from simulator.verdict.case import Case, CaseList, Severity
from simulator.verdict.checker import VerdictContext
from simulator.verdict.exchange import FIRST_REQUESTS, Exchange
from simulator.verdict.lru_map import LruMap
from simulator.verdict.rule import Rule

# This many concurrent waits for the same request count as one program that ignores each of them.
_MAX_CONCURRENT_PROGRAMS: Final = 5

IGNORED_RETRY_AFTER: Final = Rule(
    id="C3",
    name="ignored Retry-After",
    question="When an answer says how long to wait, does the client wait that long before it repeats the request?",
    detection="Fail: the same request (method, path, query and body; for an upload, its size instead of its body) "
    "starts on the same connection before the seconds of a `Retry-After` are over. If each request has a connection of "
    "its own, it may come from another program with the same key. This is a note. It is a warning if "
    f"{_MAX_CONCURRENT_PROGRAMS} such waits overlap.",
    impact="The header says when the service can accept the request. A request that comes earlier is refused again, "
    "and may count against the quota, so the client and others of its account are refused for longer. The SDKs' own "
    "retries do not always wait. The OpenAI SDK for Python 2.54 and 3.54 waits up to 120 s, but raises an error "
    "immediately if the header gives more. Python 2.21.0 and Node 7.57 wait up to 60 s, but retry in under 1 s if the "
    "header gives more. Node 6.49 waits without a limit.",
    remedy="Read the header (seconds, or a date) and sleep that long, or stop with a message if that is too long. Do "
    "not rely on an SDK for a long wait.",
    exceptions="Requests that were in progress when the answer came. Other requests during the wait. Other programs, "
    "if they have their own connections or their own `x-simulator-client` names.",
)

_MAX_WAITS: Final = 1_024
_TOLERANCE_SECONDS: Final = 0.05  # two clocks, one of which counts in milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wait:
    """An answer with `Retry-After`, its seconds, and when they are over."""

    answer: Exchange
    seconds: float
    until: float


class IgnoredRetryAfterChecker:
    """Compares each request with the latest answers to the same request."""

    rule = IGNORED_RETRY_AFTER

    def __init__(self) -> None:
        # By client, program key and fingerprint. Several programs may share the key `FIRST_REQUESTS`.
        self._waits: LruMap[tuple[str, str, bytes], deque[_Wait]] = LruMap(_MAX_WAITS)
        self._cases = CaseList()

    def observe(self, exchange: Exchange) -> None:
        """Check a request, and note how long its answer says to wait."""
        fingerprint, seconds = exchange.request.fingerprint, exchange.retry_after
        if fingerprint is None or (seconds is None and not self._waits):
            return
        program_key = exchange.program_keys[-1]
        if (waits := self._waits.get((exchange.client, program_key, fingerprint))) is not None:
            self._add_case(exchange, waits, is_certain=program_key != FIRST_REQUESTS)
        if seconds and exchange.is_answered:
            wait = _Wait(answer=exchange, seconds=seconds, until=exchange.ended_at + seconds)
            for program_key in exchange.program_keys:
                key = exchange.client, program_key, fingerprint
                self._waits.get_or_create(key, lambda: deque(maxlen=_MAX_CONCURRENT_PROGRAMS)).append(wait)

    def _add_case(self, exchange: Exchange, waits: Iterable[_Wait], *, is_certain: bool) -> None:
        started_at = exchange.started_at
        pending = [wait for wait in waits if wait.answer.ended_at <= started_at < wait.until - _TOLERANCE_SECONDS]
        if not pending:
            return
        latest = pending[-1]
        if is_certain:
            severity = Severity.FAIL
        else:
            severity = Severity.WARN if len(pending) >= _MAX_CONCURRENT_PROGRAMS else Severity.NOTE
        self._cases.add(
            Case(
                severity=severity,
                client=exchange.client,
                what=f"repeated the request after {started_at - latest.answer.ended_at:.2g} s, although the answer "
                f"said to wait {latest.seconds:g} s",
                requests=(latest.answer.evidence(), exchange.evidence()),
            )
        )

    def cases(self, _context: VerdictContext) -> CaseList:
        """Return the requests that came too early."""
        return self._cases
