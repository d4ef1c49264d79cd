"""How often one program got the same kind of answer to the same request, one after the other."""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from simulator.verdict.exchange import Exchange
from simulator.verdict.lru_map import LruMap

Key = TypeVar("Key", bound=Hashable)

_ROWS: Final = 1_024
_LANES: Final = 16  # of one request


@dataclass(slots=True, kw_only=True)
class RepeatedRequest:
    """The first and the last exchange of a row, how many it is long, and on which lane."""

    program_key: str
    first: Exchange
    last: Exchange
    count: int = 0


class RepeatCounter(Generic[Key]):
    """Rows by what was asked and, as several programs may ask the same, by the lane on which they did.

    An answer of another kind breaks the rows of all lanes: a program may have several connections.
    """

    def __init__(self) -> None:
        self._rows: LruMap[Key, LruMap[str, RepeatedRequest]] = LruMap(_ROWS)
        self._too_long: LruMap[tuple[Key, str], RepeatedRequest] = LruMap(_ROWS)

    def count(self, key: Key, exchange: Exchange) -> Iterator[RepeatedRequest]:
        """Yield the rows that the exchange continues or begins."""
        lanes = self._rows.get_or_create(key, lambda: LruMap(_LANES))
        for lane in exchange.program_keys:
            row = lanes.get(lane)
            if row is None:
                row = lanes[lane] = RepeatedRequest(program_key=lane, first=exchange, last=exchange)
            row.last, row.count = exchange, row.count + 1
            yield row

    def reset(self, key: Key) -> None:
        """Forget what would be continued."""
        self._rows.pop(key)

    def __len__(self) -> int:
        return len(self._rows)

    def flag(self, key: Key, repeated: RepeatedRequest) -> None:
        """Remember a row as one that was too long."""
        self._too_long[key, repeated.program_key] = repeated

    def flagged(self) -> Iterator[RepeatedRequest]:
        """Yield those that were."""
        return self._too_long.values()
