"""The SQLite database of a data folder: the connection, transactions and pages.

Each group of tables has a class that takes the `Database`, with its SQL, in its own module: `FileStore`, `JobLogStore`,
`ModelStore`, `ProjectStore`, `ResponseStore`, `AwsRequestStore`, `ClockStateStore`. The tables are in `schema.sql`.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from threading import RLock
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote

from simulator.store.data_folder import unusable_folder_error
from simulator.store.errors import StoreDamagedError, StoreFullError

Row = TypeVar("Row")

SCHEMA_VERSION: Final = 3  # of the tables and their contents

# The largest database that is checked completely before it is used, which takes about 0.1 s (measured).
_MAX_CHECKED_BYTES: Final = 64 * 1024 * 1024

# SQLite's error codes for a full disk or a file that may not grow, for a file that is not a database, and for one that
# may not be read or written.
_FULL: Final = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC)
_DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_INACCESSIBLE: Final = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY)
_PRIMARY_CODE_MASK: Final = 0xFF  # the lowest byte of an extended error code is its primary code

# By the order of a listing: the comparison for later positions, SQL's keyword, and the position before the first one.
_ORDERS: Final = {"desc": ("<", "DESC", 1 << 62), "asc": (">", "ASC", -1)}

_NOT_UTF_8: Final = "the data folder is damaged: a text in it is not UTF-8"

_COMMENT: Final = re.compile("--.*")

_LATEST_TIME: Final = "latest"  # the counter of the simulated time


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Row]):
    """A page of a listing, in the requested order."""

    rows: tuple[Row, ...]
    has_more: bool


class UnknownCursorError(Exception):
    """The listing has no element with the id `after`."""

    def __init__(self, after: str) -> None:
        super().__init__(after)
        self.after = after


class Database:
    """One connection behind one lock. Every method may be called from any thread. Without a path it is in memory.

    Raises:
        DataFolderError: the file is damaged, of another version, or missing although it `must_exist`. It is unchanged.
        StoreDamagedError: it may not be written.
        StoreFullError: the disk is full.
    """

    def __init__(self, path: Path | None, *, must_exist: bool = False) -> None:
        self._lock = RLock()
        exists = path is not None and (must_exist or path.exists())
        if path and exists:
            _check_database(path)
        self._connection = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")
            if not exists:
                self._connection.executescript(_schema_sql())
                self._connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise _translate_error(error) from error
        self._durable = True  # SQLite's default

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """Write through the connection in one transaction, which an exception rolls back.

        After the block, neither a kill nor a power failure can undo the writes. Without `durable` a power failure can:
        use that for data that can be derived again from earlier data.

        Raises:
            StoreFullError: the disk is full.
        """
        with self._lock:
            self._set_durable(durable)
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException as error:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.DatabaseError):
                    raise _translate_error(error) from error
                raise

    def _fetch(self, sql: str, values: Sequence[object] | Mapping[str, object]) -> list[Any]:
        with self._lock:
            try:
                return self._connection.execute(sql, values).fetchall()
            except sqlite3.DatabaseError as error:
                raise _translate_error(error) from error

    def _set_durable(self, durable: bool) -> None:
        # FULL syncs to disk at each commit, NORMAL at none; a sync also covers all earlier writes.
        if durable is not self._durable:
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._durable = durable

    def rows(self, sql: str, *values: object) -> list[Any]:
        """Return all rows of a query."""
        return self._fetch(sql, values)

    def row(self, sql: str, *values: object) -> Any:
        """Return the first row of a query, or None."""
        rows = self._fetch(sql, values)
        return rows[0] if rows else None

    def page(
        self,
        select: str,
        parse_row: Callable[[Any], Row],
        *,
        cursor: str,
        after: str | None,
        limit: int,
        order: str = "desc",
        column: str = "ordinal",
        before: int | None = None,
        **values: object,
    ) -> Page[Row]:
        """Return the page after the element `after`, in the order of `column`. `before` limits descending positions.

        `select` ends in a WHERE clause. An index must start with its columns, followed by `column`: then a page costs
        the same at any number of rows. `cursor` selects the position of `:after` in the same listing.

        Raises:
            UnknownCursorError: the listing has no element `after`.
        """
        comparison, direction, start = _ORDERS[order]
        with self._lock:
            if after is not None:
                rows = self._fetch(cursor, {"after": after, **values})
                if not rows:
                    raise UnknownCursorError(after)
                ((start,),) = rows
            start = start if before is None else min(start, before)
            rows = self._fetch(
                f"{select} AND {column} {comparison} :start ORDER BY {column} {direction} LIMIT :limit",
                {"start": start, "limit": limit + 1, **values},
            )
        return Page(rows=tuple(parse_row(row) for row in rows[:limit]), has_more=len(rows) > limit)

    def next_ordinal(self, name: str) -> int:
        """Return the next ordinal of `name`: 0, 1, 2, … Each is returned once, also across restarts."""
        with self.transaction() as connection:
            (value,) = connection.execute(
                "INSERT INTO counters VALUES (?, 0) ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value",
                (name,),
            ).fetchone()
        return int(value)

    def latest_simulated_time(self) -> int:
        """Return the latest simulated time of any write; 0 when there is none."""
        row = self.row("SELECT value FROM counters WHERE name = ?", _LATEST_TIME)
        return int(row[0]) if row else 0


def _translate_error(error: sqlite3.DatabaseError) -> Exception:
    """Return the store's error for an error of SQLite. An unexpected one is a bug, and is returned unchanged."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # Python's own error, which quotes the text
        return StoreDamagedError(_NOT_UTF_8) if str(error).startswith("Could not decode to UTF-8") else error
    if code in _FULL:
        return StoreFullError(f"the data folder cannot be written: {error}")
    if code & _PRIMARY_CODE_MASK in _DAMAGED:
        return StoreDamagedError(f"the data folder is damaged: {error}")
    if code & _PRIMARY_CODE_MASK in _INACCESSIBLE:
        return StoreDamagedError(f"the data folder cannot be used: {error}")
    return error


def _check_database(path: Path) -> None:
    """Check that a database can be used, without writing to it.

    Raises:
        DataFolderError: it cannot be used.
    """
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version != SCHEMA_VERSION:
                raise unusable_folder_error(
                    path.parent, f"{path.name} is of format {version}, and this version reads {SCHEMA_VERSION}"
                )
            if _schema_of(connection) != _current_schema():
                raise unusable_folder_error(
                    path.parent, f"{path.name} is damaged (its tables are not those of format {SCHEMA_VERSION})"
                )
            is_small = path.stat().st_size <= _MAX_CHECKED_BYTES
            (result,) = connection.execute("PRAGMA quick_check(1)").fetchone() if is_small else ("ok",)
    except UnicodeDecodeError as error:  # from an error message that quotes the data
        raise unusable_folder_error(path.parent, f"{path.name} is damaged ({error})") from None
    except sqlite3.DatabaseError as error:
        is_inaccessible = getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE_MASK in _INACCESSIBLE and path.exists()
        problem = "cannot be read" if is_inaccessible else "is damaged"
        raise unusable_folder_error(path.parent, f"{path.name} {problem} ({error})") from None
    if result != "ok":
        raise unusable_folder_error(path.parent, f"{path.name} is damaged ({' '.join(result.split())})")


def _schema_of(connection: sqlite3.Connection) -> list[Any]:
    rows = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type, name")
    return [(kind, name, " ".join(_COMMENT.sub("", sql or "").split())) for kind, name, sql in rows]


def _current_schema() -> list[Any]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(_schema_sql())
        return _schema_of(connection)


def _schema_sql() -> str:
    return files("simulator.store").joinpath("schema.sql").read_text()


def record_simulated_time(connection: sqlite3.Connection, at: int) -> None:
    """Record the simulated time of a transaction's writes: the clock of the next start must not be earlier."""
    connection.execute(
        "INSERT INTO counters VALUES (?, ?) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)",
        (_LATEST_TIME, at),
    )
