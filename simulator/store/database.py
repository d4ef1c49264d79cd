"""The SQLite database of a data folder: the connection, transactions and pages. Each table family has its own module.

A family is a class that is given the `Database`: `Files`, `JobLogs`, `Models`, `Projects`, in the modules of those
names. Its tables stand in `schema.sql`, its SQL in its module.
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

SCHEMA_VERSION: Final = 3  # of the tables and of what is written into them

# Up to so many bytes a database is read through before it is used; that takes some 0.1 s (measured).
_READ_THROUGH: Final = 64 * 1024 * 1024

# What SQLite says where a disk is full or a file may not grow, where a file is no (longer a) database, and where it may
# not be read or written.
_FULL: Final = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC)
_DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_BARRED: Final = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY)
_PRIMARY: Final = 0xFF  # an extended code's lowest byte is the code that it extends

# A listing's order: how to ask for what lies past a position, SQL's word for the order, and the position before all.
_ORDERS: Final = {"desc": ("<", "DESC", 1 << 62), "asc": (">", "ASC", -1)}

_NOT_UTF_8: Final = "the data folder is damaged: a text in it is not UTF-8"

_COMMENT: Final = re.compile("--.*")

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
        DataFolderError: the file is damaged, another version's, or not there though it is `expected`. It is as it was.
        StoreDamagedError: it may not be written.
        StoreFullError: the disk is full.
    """

    def __init__(self, path: Path | None, *, must_exist: bool = False) -> None:
        self._lock = RLock()
        there = path is not None and (must_exist or path.exists())
        if path and there:
            _look_through(path)
        self._connection = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")
            if not there:
                self._connection.executescript(_schema())
                self._connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise _in_words(error) from error
        self._safe = True  # what SQLite begins with

    def close(self) -> None:
        """Close the connection; the database is whole on disk."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """Write through the connection that is given: all of it is kept, or (when anything is raised) nothing.

        Once the block is left, neither a kill nor the end of the machine's power can undo it. Without `durable` a power
        cut may: that is for what would be made again from what came before.

        Raises:
            StoreFullError: the disk is full.
        """
        with self._lock:
            self._set_safe(durable)
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException as error:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.DatabaseError):
                    raise _in_words(error) from error
                raise

    def _fetched(self, sql: str, values: Sequence[object] | Mapping[str, object]) -> list[Any]:
        with self._lock:
            try:
                return self._connection.execute(sql, values).fetchall()
            except sqlite3.DatabaseError as error:
                raise _in_words(error) from error

    def _set_safe(self, safe: bool) -> None:
        # FULL waits for the disk at each commit, NORMAL at none; a wait makes safe what was written before it, too.
        if safe is not self._safe:
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if safe else 'NORMAL'}")
            self._safe = safe

    def rows(self, sql: str, *values: object) -> list[Any]:
        """Return all rows of a query."""
        return self._fetched(sql, values)

    def row(self, sql: str, *values: object) -> Any:
        """Return the first row of a query, or None."""
        found = self._fetched(sql, values)
        return found[0] if found else None

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
        """Return what follows the element `after`, by `column`; in descending order, of what stands before `before`.

        `select` ends in a WHERE clause, which an index must begin with and `column` must follow: a page then costs
        the same however much is kept. `cursor` selects the position of `:after` in the very same listing.

        Raises:
            UnknownCursorError: the listing has no element `after`.
        """
        past, direction, start = _ORDERS[order]
        with self._lock:
            if after is not None:
                found = self._fetched(cursor, {"after": after, **values})
                if not found:
                    raise UnknownCursorError(after)
                ((start,),) = found
            start = start if before is None else min(start, before)
            rows = self._fetched(
                f"{select} AND {column} {past} :start ORDER BY {column} {direction} LIMIT :limit",
                {"start": start, "limit": limit + 1, **values},
            )
        return Page(rows=tuple(parse_row(row) for row in rows[:limit]), has_more=len(rows) > limit)

    def next_ordinal(self, name: str) -> int:
        """Return 0, 1, 2, … for each `name`, never one twice, across restarts too."""
        with self.transaction() as connection:
            (value,) = connection.execute(
                "INSERT INTO counters VALUES (?, 0) ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value",
                (name,),
            ).fetchone()
        return int(value)

    def latest_simulated_time(self) -> int:
        """Return the latest simulated time that anything here happened at; 0 when nothing did."""
        row = self.row("SELECT value FROM counters WHERE name = ?", _LATEST)
        return int(row[0]) if row else 0


def _in_words(error: sqlite3.DatabaseError) -> Exception:
    """Return what an error of SQLite's means here; one that means nothing is a fault of ours, and stays what it is."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # Python's own, which quotes what it read
        return StoreDamagedError(_NOT_UTF_8) if str(error).startswith("Could not decode to UTF-8") else error
    if code in _FULL:
        return StoreFullError(f"the data folder cannot be written: {error}")
    if code & _PRIMARY in _DAMAGED:
        return StoreDamagedError(f"the data folder is damaged: {error}")
    return StoreDamagedError(f"the data folder cannot be used: {error}") if code & _PRIMARY in _BARRED else error


def _look_through(path: Path) -> None:
    """See that a database can be used, without writing to it.

    Raises:
        DataFolderError: it cannot.
    """
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version != SCHEMA_VERSION:
                raise unusable_folder_error(
                    path.parent, f"{path.name} is of format {version}, and this version reads {SCHEMA_VERSION}"
                )
            if _tables(connection) != _tables_of_this_version():
                raise unusable_folder_error(
                    path.parent, f"{path.name} is damaged (its tables are not those of format {SCHEMA_VERSION})"
                )
            small = path.stat().st_size <= _READ_THROUGH
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone() if small else ("ok",)
    except UnicodeDecodeError as error:  # of a message that quotes what it read
        raise unusable_folder_error(path.parent, f"{path.name} is damaged ({error})") from None
    except sqlite3.DatabaseError as error:
        barred = getattr(error, "sqlite_errorcode", 0) & _PRIMARY in _BARRED and path.exists()
        what = "cannot be read" if barred else "is damaged"
        raise unusable_folder_error(path.parent, f"{path.name} {what} ({error})") from None
    if found != "ok":
        raise unusable_folder_error(path.parent, f"{path.name} is damaged ({' '.join(found.split())})")


def _tables(connection: sqlite3.Connection) -> list[Any]:
    rows = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type, name")
    return [(kind, name, " ".join(_COMMENT.sub("", sql or "").split())) for kind, name, sql in rows]


def _tables_of_this_version() -> list[Any]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(_schema())
        return _tables(connection)


def _schema() -> str:
    return files("simulator.store").joinpath("schema.sql").read_text()


def record_simulated_time(connection: sqlite3.Connection, at: int) -> None:
    """Note within a transaction the simulated time of what it writes, so that no clock starts before it."""
    connection.execute(
        "INSERT INTO counters VALUES (?, ?) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)",
        (_LATEST, at),
    )
