"""The lists of jobs, events and checkpoints. They can lag behind the job by a number of reads (`consistency.*`).

A read is a request for the first page of a list; its further pages continue the same read. What a caller gets depends
on how often it has read, and not on a clock. A retrieve always returns the current state.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from threading import Lock
from typing import Final, Generic, TypeVar

from simulator.jobs.codec import decode_job
from simulator.jobs.job import Job
from simulator.settings import ConsistencySettings
from simulator.store.database import Page
from simulator.store.job_logs import JobLogStore, StoredLogEntry

_ALL_JOBS: Final = 1 << 62  # a page limit that no project reaches

Snapshot = TypeVar("Snapshot")


class JobListings:
    """The lists of jobs, of their events and of their checkpoints."""

    def __init__(self, logs: JobLogStore, settings: ConsistencySettings) -> None:
        self._logs = logs
        self._settings = settings
        self._jobs = _LaggedReads[Sequence[str]](settings.jobs_lag)
        self._events = _LaggedReads[int](settings.events_lag)
        self._checkpoints = _LaggedReads[int](settings.checkpoints_lag)

    def list_jobs(self, project: str, *, after: str | None, limit: int) -> Page[Job]:
        """Return a project's jobs, newest first. With a lag this is the whole list as it was some reads ago.

        Raises:
            UnknownCursorError: the project has no job `after`.
        """
        if not self._jobs.lag:
            page = self._logs.projections_page(project, after=after, limit=limit)
            return Page(rows=tuple(map(decode_job, page.rows)), has_more=page.has_more)
        if after is None:
            rows = self._jobs.read(project, self._logs.projections_page(project, after=None, limit=_ALL_JOBS).rows)
        else:
            self._logs.projections_page(project, after=after, limit=1)  # raises UnknownCursorError
            rows = self._jobs.last_read(project)
        remaining = iter(rows or ())
        if after is not None and after in map(_job_id, rows or ()):  # else the job is newer than this list
            next(text for text in remaining if _job_id(text) == after)
        return Page(rows=tuple(map(decode_job, islice(remaining, limit))), has_more=next(remaining, None) is not None)

    def list_events(self, job: Job, *, after: str | None, limit: int) -> Page[StoredLogEntry]:
        """Return the log entries that the API shows as a job's events, newest first.

        Raises:
            UnknownCursorError: the job has no event `after`.
        """
        settings = self._settings
        until = self._visible_length(self._events, job, is_first_page=after is None)
        if settings.events_batch > 1:
            until = self._round_down_to_batch(job, until)
        distinct = -(-limit // 2) if settings.events_twice else limit
        page = self._logs.events(job.id, after=after, limit=distinct, until=until)
        return replace(page, rows=_repeat_each(page.rows, limit)) if settings.events_twice else page

    def list_checkpoints(self, job: Job, *, after: str | None, limit: int) -> Page[StoredLogEntry]:
        """Return the log entries of a job's checkpoints, newest first; `after` is a checkpoint's id.

        Raises:
            UnknownCursorError: the job has no checkpoint `after`.
        """
        until = self._visible_length(self._checkpoints, job, is_first_page=after is None)
        return self._logs.checkpoints(job.id, after=after, limit=limit, until=until)

    def _visible_length(self, reads: "_LaggedReads[int]", job: Job, *, is_first_page: bool) -> int | None:
        """Return how many entries of a job's log are visible; None means all."""
        if not reads.lag:
            return None
        length = reads.read(job.id, self._logs.entry_count(job.id)) if is_first_page else reads.last_read(job.id)
        return length or 0

    def _round_down_to_batch(self, job: Job, until: int | None) -> int | None:
        length = self._logs.entry_count(job.id)
        if job.status.is_terminal and (until is None or until == length):
            return until  # the last batch may be incomplete
        return self._logs.length_in_event_batches(job.id, batch=self._settings.events_batch, until=until)


class _LaggedReads(Generic[Snapshot]):
    """For each list, the snapshots of the last reads. A read returns the snapshot that was taken `lag` reads ago."""

    def __init__(self, lag: int) -> None:
        self.lag = lag
        self._snapshots: dict[str, deque[Snapshot]] = {}
        self._lock = Lock()

    def read(self, name: str, current: Snapshot) -> Snapshot | None:
        """Record a read of the snapshot `current`; return the snapshot to show, or None if there is none yet."""
        if not self.lag:
            return current
        with self._lock:
            self._snapshots.setdefault(name, deque(maxlen=self.lag + 1)).append(current)
            return self._oldest(name)

    def last_read(self, name: str) -> Snapshot | None:
        """Return the snapshot that the last read returned."""
        with self._lock:
            return self._oldest(name)

    def _oldest(self, name: str) -> Snapshot | None:
        snapshots = self._snapshots.get(name)
        return snapshots[0] if snapshots and len(snapshots) > self.lag else None


def _job_id(job: str) -> str:
    return decode_job(job).id


def _repeat_each(rows: Sequence[StoredLogEntry], limit: int) -> tuple[StoredLogEntry, ...]:
    return tuple(row for row in rows for _ in range(2))[:limit]
