"""What is really so of the jobs and their files, for the rules that ask what a client missed."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from simulator.ids import Ids
from simulator.jobs.codec import decode_event
from simulator.jobs.engine import Engine
from simulator.jobs.job import CheckpointSaved
from simulator.store.errors import StoreDamagedError
from simulator.store.files import FileStore
from simulator.store.job_logs import JobLogStore

_ALL: Final = 1_000_000  # entries: more than any job has


class SimulatorState:
    """Reads the rooms that hold the jobs and their files."""

    def __init__(self, *, engine: Engine, files: FileStore, logs: JobLogStore, ids: Ids) -> None:
        self._engine = engine
        self._files = files
        self._logs = logs
        self._ids = ids

    def job_status(self, job_id: str) -> str | None:
        """Return a job's status now; None when there is no such job."""
        found = self._engine.find_job(job_id)
        return found.status.value if found else None

    def event_ids(self, job_id: str) -> Sequence[str]:
        """Return the ids of a job's events, newest first."""
        rows = self._logs.events(job_id, after=None, limit=_ALL).rows
        return [entry.event_id for entry in rows if entry.event_id]

    def checkpoint_ids(self, job_id: str) -> Sequence[str]:
        """Return the ids of a job's checkpoints, newest first."""
        rows = self._logs.checkpoints(job_id, after=None, limit=_ALL).rows
        saved = (decode_event(entry.kind, entry.body) for entry in rows)
        return [self._ids.checkpoint(job_id, event.step) for event in saved if isinstance(event, CheckpointSaved)]

    def file_digest(self, file_id: str) -> str | None:
        """Return the SHA-256 of a file's bytes; None when there is no such file, or nobody can look any more."""
        try:
            return self._files.find_sha256(file_id)
        except (sqlite3.ProgrammingError, StoreDamagedError):
            return None  # an order that was under way at a reset, and ends when its store is closed, breaks nothing
