"""The only writer of job logs. It creates, cancels and resumes jobs and applies their events."""

import logging
from collections.abc import Callable, Collection, Iterator
from itertools import islice
from threading import RLock
from typing import Final

from simulator.ids import Ids
from simulator.jobs.codec import decode_event, decode_job, encode_event, encode_job, event_kind
from simulator.jobs.interfaces import Graders, JobHooks
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
from simulator.jobs.job_run import JobRun
from simulator.jobs.lifecycle import Grade, Lifecycle
from simulator.jobs.pace import PaceRegistry
from simulator.jobs.replay import changed_arithmetic, replay_rollouts
from simulator.jobs.scheduler import Scheduler
from simulator.settings import Pace
from simulator.store.job_logs import JobLogStore, StoredLogEntry
from simulator.store.models import StoredModel

_log: Final = logging.getLogger(__name__)

_MAX_FINISH_WAIT: Final = 60.0  # real seconds that a request waits for the end of a job at the pace `finished`
_INTERNAL_ERROR: Final = Failure(
    code="internal_server_error",
    message="The simulator itself failed on this job; its log on standard error says how.",
)
_CHANGED_ARITHMETIC_MESSAGE: Final = (
    "The job cannot continue: {change}. Further steps would not fit those that it has, which stay as they are. Create "
    "the job again to train it from the start."
)


class Engine:
    """Creates jobs and writes their logs.

    At most `slots` jobs train at once. The files of a further job are validated, and then it waits in the queue. The
    oldest job in the queue gets the next slot, and starts no earlier than the simulated time at which the slot became
    free.
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
        """Connect the parts; `resume` continues the unfinished jobs.

        Args:
            logs: stores the job logs.
            ids: makes the ids of jobs, events and checkpoints.
            paces: has the clock and the paces.
            slots: how many jobs train at once.
            graders: invokes the reward functions.
            hooks: interventions from outside, such as scripted faults.
            create_lifecycle: returns the lifecycle of a new job.
            is_public: returns whether the API shows an event.
        """
        self._logs = logs
        self._clock = paces.clock
        self._ids = ids
        self._paces = paces
        self._slots = slots
        self._graders = graders
        self._hooks = hooks
        self._create_lifecycle = create_lifecycle
        self._is_public = is_public
        self._lock = RLock()  # held for an append, never while a lifecycle computes or a grader runs
        self._unfinished: dict[str, tuple[Job, int]] = {}  # by id, oldest first: the job and the length of its log
        self.scheduler = Scheduler(queue=self, paces=paces, slots=slots, lock=self._lock)
        self.closing = False

    def create(self, spec: JobSpec) -> Job:
        """Create and start a job; return it in its first state."""
        with self._lock:  # so that no other job gets the same ordinal
            job_id = self._ids.job(self._logs.next_job_ordinal())
            job = self.append(job_id, JobCreated(at=self._clock.now(), job_id=job_id, spec=spec))
        self._start(job, recorded=())
        return job

    def refusal_reason(self, spec: JobSpec) -> str | None:
        """Return why the simulator cannot run a job that Bedrock would accept, or None."""
        return self._graders.refusal_reason(spec)

    def find_job(self, job_id: str) -> Job | None:
        """Return a job's current state, or None if it does not exist."""
        with self._lock:
            if unfinished := self._unfinished.get(job_id):
                return unfinished[0]
            text = self._logs.get_projection(job_id)
        return decode_job(text) if text else None

    @property
    def unfinished_jobs(self) -> list[Job]:
        """The jobs that have not ended, oldest first."""
        with self._lock:
            return [job for job, _ in self._unfinished.values()]

    def replay_rollouts(self, job_id: str) -> Iterator[tuple[Grade, RolloutsGraded]]:
        """Yield each grading request of a job with its rewards, up to now; see `replay.replay_rollouts`.

        Raises:
            ReplayError: the log cannot be replayed.
        """
        first_event, *recorded = [decode_event(entry.kind, entry.body) for entry in self._logs.entries(job_id)]
        return replay_rollouts(self._create_lifecycle(apply(None, first_event)), recorded)

    def cancel(self, job: Job) -> Job:
        """Cancel a job. Its checkpoints stay usable; the step that is running is discarded.

        Raises:
            JobEndedError: the job has ended.
        """
        with self._lock:
            current = self.find_job(job.id) or job
            if current.status.is_terminal:
                raise JobEndedError(job.id, current.status)
            cancelled = self.append(job.id, JobCancelled(at=max(self._clock.now(), current.changed_at)))
        self._graders.release(job.id)  # if the job grades right now, its run does this once more
        return cancelled

    def is_advanced_by_polling(self, job_id: str) -> bool:
        """Return whether each retrieve advances the job: its pace is `poll`."""
        return self._paces.pace_of(job_id) is Pace.POLL

    def is_finished_at_creation(self, job_id: str) -> bool:
        """Return whether the creation of the job waits for its end: its pace is `finished`."""
        return self._paces.pace_of(job_id) is Pace.FINISHED

    def wait_until_finished(self, job_ids: Collection[str]) -> None:
        """Wait for the end of those jobs whose pace is `finished`.

        Returns after a minute of real time, or when the jobs cannot advance by themselves: the clock is frozen, the
        jobs before them in the queue wait, or the disk is full.
        """
        ids_at_pace = [job_id for job_id in job_ids if self.is_finished_at_creation(job_id)]
        self.scheduler.wait_until_ended(ids_at_pace, timeout=_MAX_FINISH_WAIT)

    def resume(self) -> None:
        """Continue the unfinished jobs of the data folder."""
        unfinished = self._logs.unfinished_job_ids()
        self._paces.retain_jobs(unfinished)
        for job_id in unfinished:
            entries = self._logs.entries(job_id)
            current = decode_job(self._logs.get_projection(job_id) or "")
            with self._lock:
                self._unfinished[job_id] = (current, len(entries))
            try:
                first_event, *recorded = [decode_event(entry.kind, entry.body) for entry in entries]
            except (KeyError, ValueError):  # another version wrote the log
                _log.exception("job %s: its log cannot be read", job_id)
                self.fail_job(job_id)
                continue
            if change := changed_arithmetic(recorded):
                message = _CHANGED_ARITHMETIC_MESSAGE.format(change=change)
                _log.warning("job %s: %s", job_id, message)
                self.fail_job(job_id, Failure(code="simulator_changed", message=message))
            else:
                self._start(apply(None, first_event), recorded=recorded)

    def fail_job(self, job_id: str, failure: Failure = _INTERNAL_ERROR) -> None:
        """End a job because of an error of the simulator, and not of the user's. Never raises."""
        try:
            with self._lock:
                current = self.find_job(job_id)
                if current and not current.status.is_terminal:
                    self.append(job_id, JobFailed(at=current.changed_at, failure=failure))
        except Exception:  # noqa: BLE001  the store itself may be broken; then the job stays unfinished
            _log.exception("job %s: its failure cannot be written", job_id)

    def close(self) -> None:
        """Stop every job between two events and wait for that. The logs stay complete."""
        with self._lock:
            self.closing = True
        self.scheduler.close()

    def append(self, job_id: str, event: Event) -> Job:
        """Apply an event to a job and write it to the log; return the job's new state.

        Raises:
            IllegalTransitionError: the job's status does not allow the event; nothing was written.
            StoreFullError: the disk is full; nothing was written.
        """
        with self._lock:
            current, length = self._unfinished.get(job_id) or (self.find_job(job_id), 0)
            job = apply(current, event)
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
                # Input from outside must survive a power failure. What the job computes from it is computed again.
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
        """Return the simulated time beyond which the job may not advance now, or None if there is no limit."""
        return self.scheduler.time_limit(job_id)

    def slot_free_at(self, job_id: str) -> int | None:
        """Return the simulated time from which the job has a slot, or None while it must wait.

        The oldest unfinished jobs have the slots. The result does not depend on which thread is faster: the job waits
        while an older job could still end before the simulated time at which the slot became free. It does not wait
        for older jobs that only a user can advance, because their end is unknown.
        """
        with self._lock:
            if job_id not in self._unfinished:
                return 0  # cancelled meanwhile: its run continues to the next append, which aborts it
            older: list[Job] = []
            for other_id, (job, _) in islice(self._unfinished.items(), self._slots):
                if other_id == job_id:
                    break
                older.append(job)
            else:
                return None
            free_at = self._logs.nth_latest_finish_before(job_id, n=self._slots - len(older)) or 0
            if self.is_advanced_by_polling(job_id):
                return free_at
            is_final = all(job.changed_at >= free_at or self.scheduler.is_blocked(job.id) for job in older)
            return free_at if is_final else None

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
    spec = event.spec
    return tuple(sha256 for sha256 in (spec.training_sha256, spec.validation_sha256) if sha256)
