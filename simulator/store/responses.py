"""Stores responses by project, with the turn that each adds to its conversation."""

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from simulator.store.database import Database, record_simulated_time

# The turns of a conversation, oldest first. The last one is that of the given response.
_CONVERSATION: Final = """
WITH RECURSIVE chain (ordinal, previous) AS (
    SELECT turns.ordinal, turns.previous FROM responses JOIN turns USING (ordinal)
    WHERE id = ? AND project = ? AND created_at >= ?
    UNION ALL
    SELECT turns.ordinal, turns.previous FROM chain JOIN turns ON turns.ordinal = chain.previous
)
SELECT items, state FROM chain JOIN turns USING (ordinal) LEFT JOIN responses USING (ordinal) ORDER BY ordinal
"""

_DELETE_ONE: Final = "DELETE FROM responses WHERE id = ? AND project = ? AND created_at >= ? RETURNING id, ordinal"
_DELETE_OLDER: Final = "DELETE FROM responses WHERE created_at < ? RETURNING id, ordinal"
_DELETE_UNUSED_TURN: Final = """
DELETE FROM turns WHERE ordinal = :ordinal
AND NOT EXISTS (SELECT 1 FROM responses WHERE ordinal = :ordinal)
AND NOT EXISTS (SELECT 1 FROM turns AS later WHERE later.previous = :ordinal)
RETURNING previous
"""


class ResponseState(StrEnum):
    """The state of a response."""

    RUNNING = "running"  # in the background, until a retrieve or a stream ends it, or it is cancelled
    ENDED = "ended"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResponse:
    """A stored response. `created_at` is in seconds since the Unix epoch; `project` is the ARN of its project.

    `body` is the final response object, as JSON text.
    """

    id: str
    project: str
    created_at: int
    state: ResponseState
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredConversation:
    """The conversation that ends with a response in `state`. Each turn is the JSON text of a list of items."""

    state: ResponseState
    turns: tuple[str, ...]


class ResponseStore:
    """The responses of all projects. Reads ignore responses that are older than `min_created_at`."""

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
        """Store a response and delete those before `min_created_at`; return False if `previous` does not exist.

        `previous` is the id of the response that this one continues. `turn` is what it adds to the conversation: the
        JSON text of a list of items. `items` are the ids of its output items. `remaining_polls` is the
        number of retrieves that still find the response running.
        """
        with self._database.transaction() as connection:
            previous_row = connection.execute("SELECT ordinal FROM responses WHERE id = ?", (previous,)).fetchone()
            if previous is not None and previous_row is None:
                return False
            (ordinal,) = connection.execute(
                "INSERT INTO turns (previous, items) VALUES (?, ?) RETURNING ordinal",
                (previous_row and previous_row[0], turn),
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
            _delete(connection, _DELETE_OLDER, min_created_at)
            record_simulated_time(connection, response.created_at)
        return True

    def get(self, project: str, response_id: str, *, min_created_at: int) -> StoredResponse | None:
        """Return a response, or None when the project has no response with that id."""
        row = self._database.row(
            "SELECT id, project, created_at, state, body FROM responses"
            " WHERE id = ? AND project = ? AND created_at >= ?",
            response_id,
            project,
            min_created_at,
        )
        return _parse_row(row) if row else None

    def get_state(self, project: str, response_id: str, *, min_created_at: int) -> ResponseState | None:
        """Return the state of a response, or None when there is none."""
        row = self._database.row(
            "SELECT state FROM responses WHERE id = ? AND project = ? AND created_at >= ?",
            response_id,
            project,
            min_created_at,
        )
        return ResponseState(row[0]) if row else None

    def get_conversation(self, project: str, response_id: str, *, min_created_at: int) -> StoredConversation | None:
        """Return the conversation that ends with a response, or None when there is none."""
        rows = self._database.rows(_CONVERSATION, response_id, project, min_created_at)
        if not rows:
            return None
        return StoredConversation(state=ResponseState(rows[-1][1]), turns=tuple(items for items, _ in rows))

    def find_by_item(self, project: str, item_id: str, *, min_created_at: int) -> StoredResponse | None:
        """Return the response with an output item, or None."""
        row = self._database.row("SELECT response FROM response_items WHERE id = ?", item_id)
        return self.get(project, row[0], min_created_at=min_created_at) if row else None

    def retrieve(self, project: str, response_id: str, *, min_created_at: int) -> StoredResponse | None:
        """Return a response, or None. Each call counts as a poll; a running response ends with its last poll."""
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
        """End or cancel a running response; return the response in its new state, or None when there is none."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE responses SET state = ? WHERE id = ? AND project = ? AND state = 'running'",
                (state, response_id, project),
            )
            return self.get(project, response_id, min_created_at=min_created_at)

    def delete(self, project: str, response_id: str, *, min_created_at: int) -> bool:
        """Delete a response; return whether it existed. Turns that later responses continue stay."""
        with self._database.transaction() as connection:
            return _delete(connection, _DELETE_ONE, response_id, project, min_created_at) == 1


def _delete(connection: sqlite3.Connection, statement: str, *values: object) -> int:
    """Delete responses with their items and unused turns; return the number of deleted responses."""
    deleted = connection.execute(statement, values).fetchall()
    for response_id, ordinal in deleted:
        connection.execute("DELETE FROM response_items WHERE response = ?", (response_id,))
        unused_ordinal: int | None = ordinal
        while unused_ordinal is not None:
            row = connection.execute(_DELETE_UNUSED_TURN, {"ordinal": unused_ordinal}).fetchone()
            unused_ordinal = row and row[0]
    return len(deleted)


def _parse_row(row: tuple[Any, ...]) -> StoredResponse:
    response_id, project, created_at, state, body = row
    return StoredResponse(id=response_id, project=project, created_at=created_at, state=ResponseState(state), body=body)
