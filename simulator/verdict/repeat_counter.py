"""How often one program got the same kind of answer to the same request, one after the other."""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from simulator.verdict.exchange import Exchange
from simulator.verdict.lru_map import Recent

Key = TypeVar("Key", bound=Hashable)

_ROWS: Final = 1_024
_LANES: Final = 16  # of one request


@dataclass(slots=True, kw_only=True)
class Row:
    """The first and the last exchange of a row, how many it is long, and on which lane."""

    lane: str
    first: Exchange
    last: Exchange
    count: int = 0


class Rows(Generic[Key]):
    """Rows by what was asked and, as several programs may ask the same, by the lane on which they did.

    An answer of another kind breaks the rows of all lanes: a program may have several connections.
    """

    def __init__(self) -> None:
        self._rows: Recent[Key, Recent[str, Row]] = Recent(_ROWS)
        self._too_long: Recent[tuple[Key, str], Row] = Recent(_ROWS)

    def lengthened(self, key: Key, exchange: Exchange) -> Iterator[Row]:
        """Yield the rows that the exchange continues or begins."""
        lanes = self._rows.made(key, lambda: Recent(_LANES))
        for lane in exchange.lanes:
            row = lanes.get(lane)
            if row is None:
                row = lanes[lane] = Row(lane=lane, first=exchange, last=exchange)
            row.last, row.count = exchange, row.count + 1
            yield row

    def broken(self, key: Key) -> None:
        """Forget what would be continued."""
        self._rows.pop(key)

    def __len__(self) -> int:
        return len(self._rows)

    def keep(self, key: Key, row: Row) -> None:
        """Remember a row as one that was too long."""
        self._too_long[key, row.lane] = row

    def too_long(self) -> Iterator[Row]:
        """Yield those that were."""
        return self._too_long.values()
