"""The only writer of job logs: creates jobs, runs their stories at the chosen pace, cancels them, resumes them."""

import logging
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from threading import RLock
from typing import Final

from simulator.clock import Clock
from simulator.ids import Ids
from simulator.jobs.codec import decode_event, decode_job, encode_event, encode_job, kind_of
from simulator.jobs.job import (
    CheckpointSaved,
    Event,
    Failure,
    Job,
    JobCancelled,
    JobCreated,
    JobEndedError,
    JobFailed,
    JobSucceeded,
    Order,
    apply,
)
from simulator.jobs.life import Story
from simulator.jobs.run import Graders, Run
from simulator.settings import Pace
from simulator.store.database import Database, StoredEntry, StoredModel

_log: Final = logging.getLogger(__name__)

_JOBS_AT_ONCE: Final = 8

_OUR_FAULT: Final = Failure(
    code="internal_server_error",
    message="The simulator itself failed on this job; its log on standard error says how.",
)


class Engine:
    """Runs jobs. `announced` says whether the API shows an event; `tell` makes a job's story."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        ids: Ids,
        pace: Pace,
        graders: Graders,
        tell: Callable[[Job], Story],
        announced: Callable[[Event], bool],
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._pace = pace
        self._graders = graders
        self._tell = tell
        self._announced = announced
        self._lock = RLock()  # held for an append, never while a story computes or a grader runs
        self._live: dict[str, tuple[Job, int]] = {}  # unfinished jobs: as they are, and their log's length
        self._runs: dict[str, Run] = {}
        self._threads = ThreadPoolExecutor(_JOBS_AT_ONCE, thread_name_prefix="job")
        self.closing = False

    @property
    def moves_when_polled(self) -> bool:
        """Whether a retrieve gives its job a turn."""
        return self._pace is Pace.POLL

    def create(self, order: Order) -> Job:
        """Start a job; return it as it is before anything has happened to it."""
        job_id = self._ids.job(self._database.next_ordinal("jobs"))
        job = self.append(job_id, JobCreated(at=self._clock.now(), job_id=job_id, order=order))
        self._start(job, recorded=())
        return job

    def job(self, job_id: str) -> Job | None:
        """Return the job as it is now, or None."""
        with self._lock:
            if live := self._live.get(job_id):
                return live[0]
            text = self._database.job(job_id)
        return decode_job(text) if text else None

    def cancel(self, job: Job) -> Job:
        """Cancel the job; its checkpoints stay usable. A step that is under way is dropped whole.

        Raises:
            JobEndedError: there is nothing to cancel any more.
        """
        with self._lock:
            current = self.job(job.id) or job
            if current.status.ended:
                raise JobEndedError(job.id, current.status)
            self._runs.pop(job.id, None)
            return self.append(job.id, JobCancelled(at=max(self._clock.now(), current.changed_at)))

    def turn(self, job_id: str) -> None:
        """Give the job one turn: at `poll` pace, each retrieve does. At other paces nothing happens."""
        run = self._runs.get(job_id)
        if run and not run.turn():
            self._runs.pop(job_id, None)

    def resume(self) -> None:
        """Go on with the jobs that a former simulator on this data folder left unfinished.

        Deployed functions do not survive a simulator yet, so a job that needs one waits until it is deployed again.
        """
        for job_id in self._database.unfinished_jobs():
            entries = self._database.log(job_id)
            current = decode_job(self._database.job(job_id) or "")
            with self._lock:
                self._live[job_id] = (current, len(entries))
            try:
                created, *recorded = [decode_event(entry.kind, entry.body) for entry in entries]
            except (KeyError, ValueError):  # a log of another version
                _log.exception("job %s: its log cannot be read", job_id)
                self.give_up(job_id)
            else:
                self._start(apply(None, created), recorded=recorded)

    def give_up(self, job_id: str) -> None:
        """End a job that the simulator itself cannot carry on with. Never raises: it is the last resort."""
        try:
            with self._lock:
                current = self.job(job_id)
                if current and not current.status.ended:
                    self.append(job_id, JobFailed(at=current.changed_at, failure=_OUR_FAULT))
        except Exception:  # noqa: BLE001  the store itself may be what fails; the job stays as it is
            _log.exception("job %s: its failure cannot be written either", job_id)

    def close(self) -> None:
        """Stop all stories between two events and wait for them; the logs are whole."""
        self.closing = True
        self._threads.shutdown(wait=True, cancel_futures=True)

    def append(self, job_id: str, event: Event) -> Job:
        """Apply an event to its job and write it to the log; return the job after it.

        Raises:
            IllegalMoveError: the job's status does not allow it; nothing was written.
        """
        with self._lock:
            before, length = self._live.get(job_id) or (self.job(job_id), 0)
            job = apply(before, event)
            self._database.append(
                job=job_id,
                ended=job.status.ended,
                projection=encode_job(job),
                entry=StoredEntry(
                    ordinal=length,
                    kind=kind_of(event),
                    body=encode_event(event),
                    event_id=self._ids.event(job_id, length) if self._announced(event) else None,
                ),
                model=self._made(job, event),
                uses=_used(event),
            )
            if job.status.ended:
                del self._live[job_id]
            else:
                self._live[job_id] = (job, length + 1)
        self._clock.move_to(event.at)
        return job

    def _made(self, job: Job, event: Event) -> StoredModel | None:
        match event:
            case CheckpointSaved(model=str(model), step=step):
                checkpoint_id: str | None = self._ids.checkpoint(job.id, step)
            case JobSucceeded():
                model, checkpoint_id = job.fine_tuned_model or "", None
            case _:
                return None
        return StoredModel(
            id=model,
            job=job.id,
            base_model=job.order.model,
            created_at=event.at,
            weights=event.weights,
            checkpoint_id=checkpoint_id,
        )

    def _start(self, job: Job, *, recorded: Collection[Event]) -> None:
        run = Run(writer=self, graders=self._graders, job=job, story=self._tell(job), recorded=recorded)
        if self.moves_when_polled:
            self._runs[job.id] = run
        else:
            self._threads.submit(run.to_the_end)


def _used(event: Event) -> tuple[str, ...]:
    if not isinstance(event, JobCreated):
        return ()
    order = event.order
    return tuple(sha256 for sha256 in (order.training_sha256, order.validation_sha256) if sha256)
