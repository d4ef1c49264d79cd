"""Stores the models of jobs: checkpoints and tuned models, with their weights."""

import sqlite3
from dataclasses import dataclass
from typing import Any, Final

from simulator.store.database import Database

_NO_LIMIT: Final = -1  # SQLite's LIMIT -1


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredModel:
    """A model of a job, with its weights as JSON text. `checkpoint_id` is None for the tuned model."""

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
        return _parse_row(row) if row else None

    def created_models(self, account: str, *, limit: int = _NO_LIMIT) -> list[tuple[str, int]]:
        """Return id and creation time of the latest `limit` tuned models and checkpoints of an account, oldest first.

        Without `limit`, return all.
        """
        sql = "SELECT id, created_at FROM models WHERE account = ? ORDER BY created_at DESC, id DESC LIMIT ?"
        rows = self._database.rows(sql, account, limit)
        return [(str(model_id), int(created_at)) for model_id, created_at in reversed(rows)]


def insert(connection: sqlite3.Connection, model: StoredModel, *, ordinal: int) -> None:
    """Store a model in the transaction that writes the log entry `ordinal`, which created it."""
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


def _parse_row(row: tuple[Any, ...]) -> StoredModel:
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
