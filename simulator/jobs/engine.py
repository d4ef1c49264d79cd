"""The only writer of job logs: creates jobs, has their stories driven, cancels them, resumes them."""

import logging
from collections.abc import Callable, Collection, Iterator
from itertools import islice
from threading import RLock
from typing import Final

from simulator.ids import Ids
from simulator.jobs.codec import decode_event, decode_job, encode_event, encode_job, event_kind
from simulator.jobs.job import (
    CheckpointSaved,
    Event,
    Failure,
    Job,
    JobCancelled,
    JobCreated,
    JobEndedError,
    JobFailed,
    JobSpec,
    JobSucceeded,
    RolloutsGraded,
    StartDelayed,
    apply,
)
from simulator.jobs.job_run import Graders, JobHooks, JobRun
from simulator.jobs.lifecycle import Grade, Lifecycle
from simulator.jobs.pace import PaceRegistry
from simulator.jobs.replay import replay_rollouts
from simulator.jobs.scheduler import Scheduler
from simulator.settings import Pace
from simulator.store.job_logs import JobLogStore, StoredLogEntry
from simulator.store.models import StoredModel

_log: Final = logging.getLogger(__name__)

_INTERNAL_ERROR: Final = Failure(
    code="internal_server_error",
    message="The simulator itself failed on this job; its log on standard error says how.",
)


class Engine:
    """Writes the logs. `announced` says whether the API shows an event; `tell` makes a job's story.

    At most `places` jobs are between their creation and their end at once. A further one has its files validated and
    then waits in line: the oldest goes first, and starts no earlier than the end that made room for it.
    """

    def __init__(
        self,
        *,
        logs: JobLogStore,
        ids: Ids,
        paces: PaceRegistry,
        slots: int,
        graders: Graders,
        hooks: JobHooks,
        create_lifecycle: Callable[[Job], Lifecycle],
        is_public: Callable[[Event], bool],
    ) -> None:
        self._logs = logs
        self._clock = paces.clock
        self._ids = ids
        self._paces = paces
        self._slots = slots
        self._graders = graders
        self._hooks = hooks
        self._create_lifecycle = create_lifecycle
        self._is_public = is_public
        self._lock = RLock()  # held for an append, never while a story computes or a grader runs
        self._unfinished: dict[str, tuple[Job, int]] = {}  # unfinished jobs, oldest first; their log's length
        self.scheduler = Scheduler(queue=self, paces=paces, slots=slots, lock=self._lock)
        self.closing = False

    def create(self, spec: JobSpec) -> Job:
        """Start a job; return it as it is before anything has happened to it."""
        with self._lock:  # nobody else may be given the same number
            job_id = self._ids.job(self._logs.next_job_ordinal())
            job = self.append(job_id, JobCreated(at=self._clock.now(), job_id=job_id, spec=spec))
        self._start(job, recorded=())
        return job

    def find_job(self, job_id: str) -> Job | None:
        """Return the job as it is now, or None."""
        with self._lock:
            if live := self._unfinished.get(job_id):
                return live[0]
            text = self._logs.get_projection(job_id)
        return decode_job(text) if text else None

    @property
    def unfinished_jobs(self) -> list[Job]:
        """The jobs that have not ended, oldest first."""
        with self._lock:
            return [job for job, _ in self._unfinished.values()]

    def replay_rollouts(self, job_id: str) -> Iterator[tuple[Grade, RolloutsGraded]]:
        """Yield what a job has had graded so far, with its rewards; see `retelling.retold`.

        Raises:
            RetellingError: it cannot be told again.
        """
        created, *recorded = [decode_event(entry.kind, entry.body) for entry in self._logs.entries(job_id)]
        return replay_rollouts(self._create_lifecycle(apply(None, created)), recorded)

    def cancel(self, job: Job) -> Job:
        """Cancel the job; its checkpoints stay usable. A step that is under way is dropped whole.

        Raises:
            JobEndedError: there is nothing to cancel any more.
        """
        with self._lock:
            current = self.find_job(job.id) or job
            if current.status.is_terminal:
                raise JobEndedError(job.id, current.status)
            return self.append(job.id, JobCancelled(at=max(self._clock.now(), current.changed_at)))

    def is_advanced_by_polling(self, job_id: str) -> bool:
        """Whether a retrieve gives the job a turn."""
        return self._paces.pace_of(job_id) is Pace.POLL

    def resume(self) -> None:
        """Go on with the jobs that a former simulator on this data folder left unfinished."""
        unfinished = self._logs.unfinished_job_ids()
        self._paces.retain_jobs(unfinished)
        for job_id in unfinished:
            entries = self._logs.entries(job_id)
            current = decode_job(self._logs.get_projection(job_id) or "")
            with self._lock:
                self._unfinished[job_id] = (current, len(entries))
            try:
                created, *recorded = [decode_event(entry.kind, entry.body) for entry in entries]
            except (KeyError, ValueError):  # a log of another version
                _log.exception("job %s: its log cannot be read", job_id)
                self.fail_job(job_id)
            else:
                self._start(apply(None, created), recorded=recorded)

    def fail_job(self, job_id: str) -> None:
        """End a job that the simulator itself cannot carry on with. Never raises: it is the last resort."""
        try:
            with self._lock:
                current = self.find_job(job_id)
                if current and not current.status.is_terminal:
                    self.append(job_id, JobFailed(at=current.changed_at, failure=_INTERNAL_ERROR))
        except Exception:  # noqa: BLE001  the store itself may be what fails; the job stays as it is
            _log.exception("job %s: its failure cannot be written either", job_id)

    def close(self) -> None:
        """Stop all stories between two events and wait for them; the logs are whole."""
        with self._lock:
            self.closing = True
        self.scheduler.close()

    def append(self, job_id: str, event: Event) -> Job:
        """Apply an event to its job and write it to the log; return the job after it.

        Raises:
            IllegalMoveError: the job's status does not allow it; nothing was written.
            StoreFullError: the disk is full; nothing was written.
        """
        with self._lock:
            before, length = self._unfinished.get(job_id) or (self.find_job(job_id), 0)
            job = apply(before, event)
            self._logs.append(
                job=job_id,
                project=job.spec.project,
                at=event.at,
                finished_at=job.finished_at,
                projection=encode_job(job),
                entry=StoredLogEntry(
                    ordinal=length,
                    kind=event_kind(event),
                    body=encode_event(event),
                    event_id=self._ids.event(job_id, length) if self._is_public(event) else None,
                ),
                model=self._model_created_by(job, event),
                used_sha256s=_files_used_by(event),
                # What came from outside must outlive a power cut; what the job made of it is made again.
                durable=isinstance(event, JobCreated | JobCancelled | StartDelayed),
            )
            if job.status.is_terminal:
                del self._unfinished[job_id]
                self._paces.remove_job(job_id)
            else:
                self._unfinished[job_id] = (job, length + 1)
            self._clock.move_to(event.at)
            self.scheduler.handle_update(job)
        return job

    def time_limit(self, job_id: str) -> int | None:
        """Return the simulated time that the job may not go beyond for now, or None."""
        return self.scheduler.time_limit(job_id)

    def slot_free_at(self, job_id: str) -> int | None:
        """Return since when there is a place for the job, or None while it must wait.

        The unfinished jobs that are the oldest have the places. Which end made room does not hang on which thread was
        faster: while an older job could still end before that end, the job waits. (Of those that only somebody outside
        can move on, nobody knows when they end: they hold up nobody who has a place.)
        """
        with self._lock:
            if job_id not in self._unfinished:
                return 0  # cancelled meanwhile: its story goes on to where that shows, and ends
            older: list[Job] = []
            for other, (job, _) in islice(self._unfinished.items(), self._slots):
                if other == job_id:
                    break
                older.append(job)
            else:
                return None
            free_at = self._logs.nth_latest_finish_before(job_id, n=self._slots - len(older)) or 0
            if self.is_advanced_by_polling(job_id):
                return free_at
            certain = all(job.changed_at >= free_at or self.scheduler.is_blocked(job.id) for job in older)
            return free_at if certain else None

    def _model_created_by(self, job: Job, event: Event) -> StoredModel | None:
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
            account=job.spec.account,
            base_model=job.spec.model,
            created_at=event.at,
            weights=event.weights,
            checkpoint_id=checkpoint_id,
        )

    def _start(self, job: Job, *, recorded: Collection[Event]) -> None:
        run = JobRun(
            writer=self,
            graders=self._graders,
            hooks=self._hooks,
            job=job,
            lifecycle=self._create_lifecycle(job),
            recorded=recorded,
        )
        self.scheduler.start(run)


def _files_used_by(event: Event) -> tuple[str, ...]:
    if not isinstance(event, JobCreated):
        return ()
    order = event.spec
    return tuple(sha256 for sha256 in (order.training_sha256, order.validation_sha256) if sha256)
