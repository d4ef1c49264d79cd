"""How a user left the clock: frozen or not, at which pace, and the time that was made to pass."""

from typing import Final

from simulator.store.database import Database, record_simulated_time

_ONLY: Final = 0  # there is one clock


class ClockStateStore:
    """The state of the clock as text; what it says is its writer's business."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self) -> str | None:
        """Return what was put last, or None."""
        row = self._database.row("SELECT state FROM clock WHERE id = ?", _ONLY)
        return str(row[0]) if row else None

    def put(self, state: str, *, at: int) -> None:
        """Keep a state, as of the simulated time `at`."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO clock VALUES (?, ?) ON CONFLICT DO UPDATE SET state = excluded.state", (_ONLY, state)
            )
            record_simulated_time(connection, at)
