"""The SQLite database of a data folder: the connection, transactions and pages. Each table family has its own module.

A family is a class that is given the `Database`: `Files`, `JobLogs`, `Models`, `Projects`, in the modules of those
names. Its tables stand in `schema.sql`, its SQL in its module.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from threading import RLock
from typing import Any, Final, Generic, TypeVar

from simulator.store.folder import DataFolderError

Row = TypeVar("Row")

VERSION: Final = 2  # of the tables and of what is written into them

# A listing's order: how to ask for what lies past a position, SQL's word for the order, and the position before all.
_ORDERS: Final = {"desc": ("<", "DESC", 1 << 62), "asc": (">", "ASC", -1)}

_LATEST: Final = "latest"  # the counter of the simulated time


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Row]):
    """A slice of a listing, in the order asked for."""

    rows: tuple[Row, ...]
    has_more: bool


class UnknownCursorError(Exception):
    """The listing has no element under the id that `after` names."""

    def __init__(self, after: str) -> None:
        super().__init__(after)
        self.after = after


class Database:
    """One connection behind one lock; every method may be called from any thread. No path: it is kept in memory alone.

    Raises:
        DataFolderError: the file is not a simulator's, or another version's.
    """

    def __init__(self, path: Path | None) -> None:
        self._lock = RLock()
        self._connection = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        try:
            self._open()
        except (sqlite3.DatabaseError, DataFolderError) as error:
            self._connection.close()
            raise DataFolderError(f"{path} cannot be used: {error}. It is left as it is.") from None

    def _open(self) -> None:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version not in (0, VERSION):
            raise DataFolderError(f"another version wrote it (format {version}, this is {VERSION})")
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(files("simulator.store").joinpath("schema.sql").read_text())
        self._connection.execute(f"PRAGMA user_version = {VERSION}")

    def close(self) -> None:
        """Close the connection; the database is whole on disk."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write through the connection that is given: all of it is kept, or (when anything is raised) nothing."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def rows(self, sql: str, *values: object) -> list[Any]:
        """Return all rows of a query."""
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: object) -> Any:
        """Return the first row of a query, or None."""
        with self._lock:
            return self._connection.execute(sql, values).fetchone()

    def page(
        self,
        select: str,
        read: Callable[[Any], Row],
        *,
        cursor: str,
        after: str | None,
        limit: int,
        order: str = "desc",
        column: str = "ordinal",
        **values: object,
    ) -> Page[Row]:
        """Return what follows the element `after`, by `column`.

        `select` ends in a WHERE clause, which an index must begin with and `column` must follow: a page then costs
        the same however much is kept. `cursor` selects the position of `:after` in the very same listing.

        Raises:
            UnknownCursorError: the listing has no element `after`.
        """
        past, direction, start = _ORDERS[order]
        with self._lock:
            if after is not None:
                found = self._connection.execute(cursor, {"after": after, **values}).fetchone()
                if found is None:
                    raise UnknownCursorError(after)
                (start,) = found
            rows = self._connection.execute(
                f"{select} AND {column} {past} :start ORDER BY {column} {direction} LIMIT :limit",
                {"start": start, "limit": limit + 1, **values},
            ).fetchall()
        return Page(rows=tuple(read(row) for row in rows[:limit]), has_more=len(rows) > limit)

    def next_ordinal(self, name: str) -> int:
        """Return 0, 1, 2, … for each `name`, never one twice, across restarts too."""
        with self.transaction() as connection:
            (value,) = connection.execute(
                "INSERT INTO counters VALUES (?, 0) ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value",
                (name,),
            ).fetchone()
        return int(value)

    def latest(self) -> int:
        """Return the latest simulated time that anything here happened at; 0 when nothing did."""
        row = self.row("SELECT value FROM counters WHERE name = ?", _LATEST)
        return int(row[0]) if row else 0


def happened(connection: sqlite3.Connection, at: int) -> None:
    """Note within a transaction the simulated time of what it writes, so that no clock starts before it."""
    connection.execute(
        "INSERT INTO counters VALUES (?, ?) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)",
        (_LATEST, at),
    )
