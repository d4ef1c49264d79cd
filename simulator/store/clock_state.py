"""Stores the state of the clock: whether it is frozen, its pace, and how far a user has advanced it."""

from typing import Final

from simulator.store.database import Database, record_simulated_time

_ROW_ID: Final = 0  # the table has one row


class ClockStateStore:
    """The state of the clock as text."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self) -> str | None:
        """Return the latest state, or None."""
        row = self._database.row("SELECT state FROM clock WHERE id = ?", _ROW_ID)
        return str(row[0]) if row else None

    def put(self, state: str, *, at: int) -> None:
        """Store the state at the simulated time `at`."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO clock VALUES (?, ?) ON CONFLICT DO UPDATE SET state = excluded.state", (_ROW_ID, state)
            )
            record_simulated_time(connection, at)
