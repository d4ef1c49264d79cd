"""The simulator's own state of jobs and files, for the rules that compare it with what a client knows."""

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

_ALL: Final = 1_000_000  # log entries: more than any job has


class SimulatorState:
    """Reads jobs and files from the engine and the stores. Implements `simulator.verdict.checker.ServerState`."""

    def __init__(self, *, engine: Engine, files: FileStore, logs: JobLogStore, ids: Ids) -> None:
        self._engine = engine
        self._files = files
        self._logs = logs
        self._ids = ids

    def job_status(self, job_id: str) -> str | None:
        """Return a job's current status; None if there is no such job."""
        job = self._engine.find_job(job_id)
        return job.status.value if job else None

    def event_ids(self, job_id: str) -> Sequence[str]:
        """Return the ids of a job's events, newest first."""
        rows = self._logs.events(job_id, after=None, limit=_ALL).rows
        return [entry.event_id for entry in rows if entry.event_id]

    def checkpoint_ids(self, job_id: str) -> Sequence[str]:
        """Return the ids of a job's checkpoints, newest first."""
        rows = self._logs.checkpoints(job_id, after=None, limit=_ALL).rows
        events = (decode_event(entry.kind, entry.body) for entry in rows)
        return [self._ids.checkpoint(job_id, event.step) for event in events if isinstance(event, CheckpointSaved)]

    def file_digest(self, file_id: str) -> str | None:
        """Return the SHA-256 of a file's bytes; None if there is no such file or the store is closed."""
        try:
            return self._files.find_sha256(file_id)
        except (sqlite3.ProgrammingError, StoreDamagedError):
            return None  # a reset closed the store while a job creation was in progress
