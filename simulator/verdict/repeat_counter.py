"""Counts how often in a row a program got the same kind of answer to the same request."""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from simulator.verdict.exchange import Exchange
from simulator.verdict.lru_map import LruMap

Key = TypeVar("Key", bound=Hashable)

_MAX_REQUESTS: Final = 1_024
_MAX_PROGRAMS: Final = 16  # for each request


@dataclass(slots=True, kw_only=True)
class RepeatedRequest:
    """A series of equal requests of one program: its first and last exchange, and its length."""

    program_key: str
    first: Exchange
    last: Exchange
    count: int = 0


class RepeatCounter(Generic[Key]):
    """Keeps one series for each request and program, because several programs may send the same request.

    A different answer ends the series of all programs, because a program may use several connections.
    """

    def __init__(self) -> None:
        self._series: LruMap[Key, LruMap[str, RepeatedRequest]] = LruMap(_MAX_REQUESTS)
        self._too_long: LruMap[tuple[Key, str], RepeatedRequest] = LruMap(_MAX_REQUESTS)

    def count(self, key: Key, exchange: Exchange) -> Iterator[RepeatedRequest]:
        """Yield each series that the exchange continues or starts."""
        by_program = self._series.get_or_create(key, lambda: LruMap(_MAX_PROGRAMS))
        for program_key in exchange.program_keys:
            series = by_program.get(program_key)
            if series is None:
                series = RepeatedRequest(program_key=program_key, first=exchange, last=exchange)
                by_program[program_key] = series
            series.last, series.count = exchange, series.count + 1
            yield series

    def reset(self, key: Key) -> None:
        """End all series of a request."""
        self._series.pop(key)

    def __len__(self) -> int:
        return len(self._series)

    def flag(self, key: Key, series: RepeatedRequest) -> None:
        """Remember a series as too long."""
        self._too_long[key, series.program_key] = series

    def flagged_series(self) -> Iterator[RepeatedRequest]:
        """Yield the series that were too long."""
        return self._too_long.values()
