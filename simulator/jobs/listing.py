"""What listings show of jobs: what is so or, by the settings `consistency.*`, what was so some looks ago.

A look is a request for a listing's first page; its further pages go on from what that one saw. So what a caller sees
hangs on how often it has looked, and on no clock. A retrieve always shows what is so.
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

_ALL_JOBS: Final = 1 << 62  # more jobs than a project has

Snapshot = TypeVar("Snapshot")


class JobListings:
    """The listings of jobs, their events and their checkpoints."""

    def __init__(self, logs: JobLogStore, settings: ConsistencySettings) -> None:
        self._logs = logs
        self._settings = settings
        self._jobs = _LaggedReads[Sequence[str]](settings.jobs_lag)
        self._events = _LaggedReads[int](settings.events_lag)
        self._checkpoints = _LaggedReads[int](settings.checkpoints_lag)

    def list_jobs(self, project: str, *, after: str | None, limit: int) -> Page[Job]:
        """Return a project's jobs, newest first: with a lag the whole list as it was some looks ago.

        Raises:
            UnknownCursorError: no job `after` in this project.
        """
        if not self._jobs.lag:
            page = self._logs.projections_page(project, after=after, limit=limit)
            return Page(rows=tuple(map(decode_job, page.rows)), has_more=page.has_more)
        if after is None:
            seen = self._jobs.read(project, self._logs.projections_page(project, after=None, limit=_ALL_JOBS).rows)
        else:
            self._logs.projections_page(project, after=after, limit=1)  # which knows a cursor that is none
            seen = self._jobs.last_read(project)
        left = iter(seen or ())
        if after is not None and after in map(_job_id, seen or ()):  # else it is newer than all that is seen
            next(text for text in left if _job_id(text) == after)
        return Page(rows=tuple(map(decode_job, islice(left, limit))), has_more=next(left, None) is not None)

    def list_events(self, job: Job, *, after: str | None, limit: int) -> Page[StoredLogEntry]:
        """Return what the API shows as a job's events, newest first.

        Raises:
            UnknownCursorError: no event `after` in this job.
        """
        settings = self._settings
        until = self._visible_length(self._events, job, first=after is None)
        if settings.events_batch > 1:
            until = self._round_down_to_batch(job, until)
        distinct = -(-limit // 2) if settings.events_twice else limit
        page = self._logs.events(job.id, after=after, limit=distinct, until=until)
        return replace(page, rows=_repeat_each(page.rows, limit)) if settings.events_twice else page

    def list_checkpoints(self, job: Job, *, after: str | None, limit: int) -> Page[StoredLogEntry]:
        """Return the entries that saved a job's checkpoints, newest first; `after` is a checkpoint's id.

        Raises:
            UnknownCursorError: no checkpoint `after` in this job.
        """
        until = self._visible_length(self._checkpoints, job, first=after is None)
        return self._logs.checkpoints(job.id, after=after, limit=limit, until=until)

    def _visible_length(self, lag: "_LaggedReads[int]", job: Job, *, first: bool) -> int | None:
        """Return how many entries of a job's log are seen; None is all."""
        if not lag.lag:
            return None
        seen = lag.read(job.id, self._logs.entry_count(job.id)) if first else lag.last_read(job.id)
        return seen or 0

    def _round_down_to_batch(self, job: Job, until: int | None) -> int | None:
        length = self._logs.entry_count(job.id)
        if job.status.is_terminal and (until is None or until == length):
            return until  # the last batch need not be full
        return self._logs.length_in_event_batches(job.id, batch=self._settings.events_batch, until=until)


class _LaggedReads(Generic[Snapshot]):
    """What somebody saw of a thing `lag` looks ago; None as long as there was no look then."""

    def __init__(self, lag: int) -> None:
        self.lag = lag
        self._seen: dict[str, deque[Snapshot]] = {}
        self._lock = Lock()

    def read(self, name: str, now: Snapshot) -> Snapshot | None:
        """Look at a thing as it is now; return what is seen of it."""
        if not self.lag:
            return now
        with self._lock:
            self._seen.setdefault(name, deque(maxlen=self.lag + 1)).append(now)
            return self._oldest(name)

    def last_read(self, name: str) -> Snapshot | None:
        """Return what was seen at the last look."""
        with self._lock:
            return self._oldest(name)

    def _oldest(self, name: str) -> Snapshot | None:
        seen = self._seen.get(name)
        return seen[0] if seen and len(seen) > self.lag else None


def _job_id(job: str) -> str:
    return decode_job(job).id


def _repeat_each(rows: Sequence[StoredLogEntry], limit: int) -> tuple[StoredLogEntry, ...]:
    return tuple(row for row in rows for _ in range(2))[:limit]
