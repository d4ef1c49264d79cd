"""C3: asked again before the time that the service had asked for."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from simulator.verdict.exchange import FIRST_REQUESTS, Exchange
from simulator.verdict.lru_map import LruMap
from simulator.verdict.rule import Case, CaseList, Rule, Severity, VerdictContext

# So many programs of one key, with the same question at the same time, are taken for one.
_PROGRAMS: Final = 5

IGNORED_RETRY_AFTER: Final = Rule(
    id="C3",
    name="ignored Retry-After",
    question="When an answer says how long to wait, does the client wait as long before it asks the same again?",
    detection="The same request (method, path, query and body; an upload goes by its size) began on the same connection "
    "before the seconds of a `Retry-After` were over. Where each came on a connection of its own, it may be another "
    f"program with the same key: a note, and a warning once {_PROGRAMS} such waits are under way at once.",
    impact="The service says when there will be room again. Whoever asks before is refused again, and each refused "
    "request may count against the quota: the client keeps itself, and others of its account, locked out.",
    remedy="Read the header (seconds, or a date) and sleep for as long, or stop and say so where that is too long. The "
    "OpenAI SDK waits by itself for up to 120 s, and raises at once where it is asked for more.",
    exceptions="Requests that were under way when the answer came; other requests meanwhile; other programs, on their own "
    "connections or under their own names.",
)

_WAITS: Final = 1_024
_ROUNDING: Final = 0.05  # seconds: two clocks, one of which counts milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wait:
    """An answer that asked to wait, and when that wait is over."""

    answer: Exchange
    seconds: float
    until: float


class IgnoredRetryAfterChecker:
    """Holds each request against the latest answer to the same one."""

    rule = IGNORED_RETRY_AFTER

    def __init__(self) -> None:
        # The latest waits of one program, or of several that are known by first requests alone.
        self._waits: LruMap[tuple[str, str, bytes], deque[_Wait]] = LruMap(_WAITS)
        self._found = CaseList()

    def observe(self, exchange: Exchange) -> None:
        """Judge a request, and remember for how long its answer asked to wait."""
        same, wait = exchange.request.fingerprint, exchange.retry_after
        if same is None or (wait is None and not self._waits):
            return
        lane = exchange.program_keys[-1]
        if (waits := self._waits.get((exchange.client, lane, same))) is not None:
            self._add_case(exchange, waits, is_certain=lane != FIRST_REQUESTS)
        if wait and exchange.is_answered:
            told = _Wait(answer=exchange, seconds=wait, until=exchange.ended_at + wait)
            for lane in exchange.program_keys:
                self._waits.get_or_create((exchange.client, lane, same), lambda: deque(maxlen=_PROGRAMS)).append(told)

    def _add_case(self, exchange: Exchange, waits: Iterable[_Wait], *, is_certain: bool) -> None:
        under_way = [wait for wait in waits if wait.answer.ended_at <= exchange.started_at < wait.until - _ROUNDING]
        if not under_way:
            return
        latest = under_way[-1]
        severity = Severity.FAIL if is_certain else Severity.WARN if len(under_way) >= _PROGRAMS else Severity.NOTE
        waited = exchange.started_at - latest.answer.ended_at
        self._found.add(
            Case(
                severity=severity,
                client=exchange.client,
                what=f"asked again {waited:.2g} s after it was told to wait {latest.seconds:g} s",
                requests=(latest.answer.evidence(), exchange.evidence()),
            )
        )

    def cases(self, _context: VerdictContext) -> CaseList:
        """Return the requests that came too early."""
        return self._found
