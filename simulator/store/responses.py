"""Stored responses, each in its project, with what each added to its conversation."""

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from simulator.store.database import Database, record_simulated_time

# The turns of a conversation, the first one first; the last one's response is the one that was named.
_CONVERSATION: Final = """
WITH RECURSIVE chain (ordinal, previous) AS (
    SELECT turns.ordinal, turns.previous FROM responses JOIN turns USING (ordinal)
    WHERE id = ? AND project = ? AND created_at >= ?
    UNION ALL
    SELECT turns.ordinal, turns.previous FROM chain JOIN turns ON turns.ordinal = chain.previous
)
SELECT items, state FROM chain JOIN turns USING (ordinal) LEFT JOIN responses USING (ordinal) ORDER BY ordinal
"""

_ONE: Final = "DELETE FROM responses WHERE id = ? AND project = ? AND created_at >= ? RETURNING id, ordinal"
_TOO_OLD: Final = "DELETE FROM responses WHERE created_at < ? RETURNING id, ordinal"
_REMOVE_UNNEEDED_TURN: Final = """
DELETE FROM turns WHERE ordinal = :ordinal
AND NOT EXISTS (SELECT 1 FROM responses WHERE ordinal = :ordinal)
AND NOT EXISTS (SELECT 1 FROM turns AS later WHERE later.previous = :ordinal)
RETURNING previous
"""


class ResponseState(StrEnum):
    """Where a response stands, as its callers have been told."""

    RUNNING = "running"  # background: in progress until a retrieve or a stream finds its end, or it is cancelled
    ENDED = "ended"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResponse:
    """A stored response. `created_at` in seconds since the Unix epoch; `project` is the ARN of its project.

    `body` is the response object at its end, as JSON text.
    """

    id: str
    project: str
    created_at: int
    state: ResponseState
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredConversation:
    """The conversation up to and with a response in `state`; each turn is the JSON text of a list of items."""

    state: ResponseState
    turns: tuple[str, ...]


class ResponseStore:
    """The responses of all projects; whoever asks says which project's, and since when (`oldest`) they are kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        response: StoredResponse,
        *,
        previous: str | None,
        turn: str,
        items: Collection[str],
        remaining_polls: int,
        min_created_at: int,
    ) -> bool:
        """Store a response and delete older ones than `min_created_at`; return False if `previous` does not exist.

        `previous` is the id of the response that this one continues. `turn` is what it adds to the conversation: the
        JSON text of a list of items. `items` are the ids of its output items. `remaining_polls` says how many
        retrieves still find a running response running.
        """
        with self._database.transaction() as connection:
            found = connection.execute("SELECT ordinal FROM responses WHERE id = ?", (previous,)).fetchone()
            if previous is not None and found is None:
                return False
            (ordinal,) = connection.execute(
                "INSERT INTO turns (previous, items) VALUES (?, ?) RETURNING ordinal", (found and found[0], turn)
            ).fetchone()
            connection.execute(
                "INSERT INTO responses (ordinal, id, project, created_at, state, waits, body)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    ordinal,
                    response.id,
                    response.project,
                    response.created_at,
                    response.state,
                    remaining_polls,
                    response.body,
                ),
            )
            connection.executemany("INSERT INTO response_items VALUES (?, ?)", [(item, response.id) for item in items])
            _delete(connection, _TOO_OLD, min_created_at)
            record_simulated_time(connection, response.created_at)
        return True

    def get(self, project: str, response_id: str, *, min_created_at: int) -> StoredResponse | None:
        """Return a response as it stands, or None when the project has none of that id (any more)."""
        row = self._database.row(
            "SELECT id, project, created_at, state, body FROM responses"
            " WHERE id = ? AND project = ? AND created_at >= ?",
            response_id,
            project,
            min_created_at,
        )
        return _response(row) if row else None

    def get_state(self, project: str, response_id: str, *, min_created_at: int) -> ResponseState | None:
        """Return where a response stands, or None when there is none."""
        row = self._database.row(
            "SELECT state FROM responses WHERE id = ? AND project = ? AND created_at >= ?",
            response_id,
            project,
            min_created_at,
        )
        return ResponseState(row[0]) if row else None

    def get_conversation(self, project: str, response_id: str, *, min_created_at: int) -> StoredConversation | None:
        """Return all that was said up to and with a response, or None when there is none."""
        rows = self._database.rows(_CONVERSATION, response_id, project, min_created_at)
        if not rows:
            return None
        return StoredConversation(state=ResponseState(rows[-1][1]), turns=tuple(items for items, _ in rows))

    def find_by_item(self, project: str, item_id: str, *, min_created_at: int) -> StoredResponse | None:
        """Return the response whose output holds an item, or None."""
        row = self._database.row("SELECT response FROM response_items WHERE id = ?", item_id)
        return self.get(project, row[0], min_created_at=min_created_at) if row else None

    def retrieve(self, project: str, response_id: str, *, min_created_at: int) -> StoredResponse | None:
        """Return a response, or None; a running one has one wait less, and with none left it is at its end."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE responses SET state = CASE waits WHEN 0 THEN 'ended' ELSE state END, waits = max(waits - 1, 0)"
                " WHERE id = ? AND project = ? AND state = 'running'",
                (response_id, project),
            )
            return self.get(project, response_id, min_created_at=min_created_at)

    def change_state(
        self, project: str, response_id: str, state: ResponseState, *, min_created_at: int
    ) -> StoredResponse | None:
        """End or cancel a response if it is running; return it as it stands then, or None when there is none."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE responses SET state = ? WHERE id = ? AND project = ? AND state = 'running'",
                (state, response_id, project),
            )
            return self.get(project, response_id, min_created_at=min_created_at)

    def delete(self, project: str, response_id: str, *, min_created_at: int) -> bool:
        """Forget a response; return whether there was one. What later responses go on from stays with them."""
        with self._database.transaction() as connection:
            return _delete(connection, _ONE, response_id, project, min_created_at) == 1


def _delete(connection: sqlite3.Connection, statement: str, *values: object) -> int:
    """Delete responses with their items and the turns that nothing goes on from; return how many there were."""
    gone = connection.execute(statement, values).fetchall()
    for response_id, ordinal in gone:
        connection.execute("DELETE FROM response_items WHERE response = ?", (response_id,))
        unneeded: int | None = ordinal
        while unneeded is not None:
            row = connection.execute(_REMOVE_UNNEEDED_TURN, {"ordinal": unneeded}).fetchone()
            unneeded = row and row[0]
    return len(gone)


def _response(row: tuple[Any, ...]) -> StoredResponse:
    response_id, project, created_at, state, body = row
    return StoredResponse(id=response_id, project=project, created_at=created_at, state=ResponseState(state), body=body)
