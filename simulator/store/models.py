"""The models that jobs made: checkpoints and tuned models, with their weights."""

import sqlite3
from dataclasses import dataclass
from typing import Any, Final

from simulator.store.database import Database

_ALL: Final = -1  # as SQLite has it


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredModel:
    """A model that a job made, with its weights as JSON text: a checkpoint, or (no `checkpoint_id`) the tuned model."""

    id: str
    job: str
    account: str
    base_model: str
    created_at: int
    weights: str
    checkpoint_id: str | None


class ModelStore:
    """Tuned models and checkpoints of all accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, model_id: str) -> StoredModel | None:
        """Return a tuned model or checkpoint, or None."""
        row = self._database.row("SELECT * FROM models WHERE id = ?", model_id)
        return _model(row) if row else None

    def created_models(self, account: str, *, limit: int = _ALL) -> list[tuple[str, int]]:
        """Return the id and the creation time of an account's tuned models and checkpoints, oldest first.

        Of more than `limit`, the newest ones.
        """
        sql = "SELECT id, created_at FROM models WHERE account = ? ORDER BY created_at DESC, id DESC LIMIT ?"
        rows = self._database.rows(sql, account, limit)
        return [(str(model_id), int(created_at)) for model_id, created_at in reversed(rows)]


def insert(connection: sqlite3.Connection, model: StoredModel, *, ordinal: int) -> None:
    """Keep a model within the transaction that writes the log entry `ordinal`, which made it."""
    connection.execute(
        "INSERT INTO models VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            model.id,
            model.job,
            ordinal,
            model.account,
            model.base_model,
            model.created_at,
            model.weights,
            model.checkpoint_id,
        ),
    )


def _model(row: tuple[Any, ...]) -> StoredModel:
    model_id, job, _, account, base_model, created_at, weights, checkpoint_id = row
    return StoredModel(
        id=model_id,
        job=job,
        account=account,
        base_model=base_model,
        created_at=created_at,
        weights=weights,
        checkpoint_id=checkpoint_id,
    )
