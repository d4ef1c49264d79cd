"""The only writer of job logs: creates jobs, runs their stories at the chosen pace, cancels them, resumes them.

Durable execution: what came from outside is in the log, so a job that was cut off is driven again from its beginning
with the answers it had; each regenerated event is held against the recorded one, and then it goes on.
"""

import logging
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from threading import Lock, RLock
from typing import Final, Protocol

from simulator.clock import Clock
from simulator.grading.answer import GraderError
from simulator.grading.grader import Graded, Sample
from simulator.ids import Ids
from simulator.jobs.codec import decode_event, decode_job, encode_event, encode_job, kind_of
from simulator.jobs.job import (
    CheckpointSaved,
    Event,
    Failure,
    HeldOutEvaluated,
    IllegalMoveError,
    Job,
    JobCancelled,
    JobCreated,
    JobFailed,
    ModelCreated,
    Order,
    RolloutsGraded,
    apply,
)
from simulator.jobs.life import Answer, CheckGrader, Grade, Story
from simulator.settings import Pace
from simulator.store.database import Database, StoredEntry, StoredModel

_log: Final = logging.getLogger(__name__)

# A turn goes on over these: they are half of a step, and nobody outside sees them.
_HALVES: Final = (RolloutsGraded, HeldOutEvaluated)

_JOBS_AT_ONCE: Final = 8


class Graders(Protocol):
    """The world's side of a job: its reward function."""

    def refusal(self, order: Order, /) -> str | None:
        """Return why the order's caller cannot have the order's function invoked, or None when all is well."""

    def grade(self, order: Order, samples: tuple[Sample, ...], /, *, split: str, step: int) -> Graded:
        """Return the samples' rewards; raise GraderError when there are none."""


class _EndedElsewhereError(Exception):
    """The job was cancelled while its story was busy, or the simulator is closing: the story is dropped."""


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
        self._runs: dict[str, _Run] = {}
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
            IllegalMoveError: the job has ended.
        """
        with self._lock:
            current = self.job(job.id) or job
            return self.append(job.id, JobCancelled(at=max(self._clock.now(), current.changed_at)))

    def turn(self, job_id: str) -> None:
        """Give the job one turn: at `poll` pace, each retrieve does. At other paces nothing happens."""
        run = self._runs.get(job_id)
        if run and not run.turn():
            self._runs.pop(job_id, None)

    def resume(self) -> None:
        """Go on with the jobs that a former simulator on this data folder left unfinished."""
        for job_id in self._database.unfinished_jobs():
            log = [decode_event(entry.kind, entry.body) for entry in self._database.log(job_id)]
            job = apply(None, log[0])
            with self._lock:
                current = self._database.job(job_id)
                self._live[job_id] = (decode_job(current) if current else job, len(log))
            self._start(job, recorded=log[1:])

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
        if not isinstance(event, CheckpointSaved | ModelCreated):
            return None
        checkpoint = self._ids.checkpoint(job.id, event.step) if isinstance(event, CheckpointSaved) else None
        return StoredModel(
            id=event.model,
            job=job.id,
            base_model=job.order.model,
            created_at=event.at,
            weights=event.weights,
            checkpoint_id=checkpoint,
        )

    def _start(self, job: Job, *, recorded: Collection[Event]) -> None:
        run = _Run(engine=self, graders=self._graders, job=job, story=self._tell(job), recorded=recorded)
        if self.moves_when_polled:
            self._runs[job.id] = run
        else:
            self._threads.submit(run.to_the_end)


class _Run:
    """One job's story under way; `recorded` is the part of its log that it has still to tell again."""

    def __init__(
        self, *, engine: Engine, graders: Graders, job: Job, story: Story, recorded: Collection[Event]
    ) -> None:
        self._engine = engine
        self._graders = graders
        self._job = job
        self._story = story
        self._recorded = deque(recorded)
        self._answer: Answer = None
        self._error: GraderError | None = None
        self._turning = Lock()

    def to_the_end(self) -> None:
        while self.turn():
            pass

    def turn(self) -> bool:
        """Go on to the next event that matters; return whether there may be more. One turn at a time: others skip."""
        if not self._turning.acquire(blocking=False):
            return True
        try:
            return self._turn()
        except _EndedElsewhereError:
            self._story.close()
            return False
        except Exception:  # noqa: BLE001  a fault of ours must end the job, not only its thread
            if self._engine.closing:  # the workers were stopped under the story's feet
                return False
            _log.exception("job %s: the simulator failed", self._job.id)
            return self._give_up()
        finally:
            self._turning.release()

    def _turn(self) -> bool:
        while True:
            try:
                effect = self._story.throw(self._error) if self._error else self._story.send(self._answer)
            except StopIteration:
                return False
            self._answer, self._error = None, None
            match effect:
                case CheckGrader():
                    self._answer = None if self._recorded else self._graders.refusal(self._job.order)
                case Grade():
                    self._grade(effect)
                case event:
                    new = self._append(event)
                    if new and not isinstance(event, _HALVES):
                        return True

    def _grade(self, request: Grade) -> None:
        if self._recorded:
            known = self._recorded[0]
            if not isinstance(known, RolloutsGraded):
                raise TypeError(f"the log goes on with {kind_of(known)} where rewards should stand")
            rewards = tuple(reward for group in known.rewards for reward in group)
            self._answer = Graded(rewards=rewards, invocations=known.invocations, warnings=known.warnings)
            return
        try:
            self._answer = self._graders.grade(self._job.order, request.samples, split=request.split, step=request.step)
        except GraderError as error:
            self._error = error

    def _append(self, event: Event) -> bool:
        """Write the event, or hold it against the recorded one; return whether it was written."""
        if self._recorded:
            known = self._recorded.popleft()
            if known != event:
                raise ValueError(f"the log says {known}, telling it again gave {event}")
            return False
        if self._engine.closing:
            raise _EndedElsewhereError
        try:
            self._engine.append(self._job.id, event)
        except IllegalMoveError as illegal:
            if illegal.status and illegal.status.ended:
                raise _EndedElsewhereError from None
            raise
        return True

    def _give_up(self) -> bool:
        current = self._engine.job(self._job.id)
        if current and not current.status.ended:
            failure = Failure(
                code="internal_server_error",
                message="The simulator itself failed on this job; its log on standard error says how.",
            )
            self._engine.append(self._job.id, JobFailed(at=current.changed_at, failure=failure))
        return False


def _used(event: Event) -> tuple[str, ...]:
    if not isinstance(event, JobCreated):
        return ()
    order = event.order
    return tuple(sha256 for sha256 in (order.training_sha256, order.validation_sha256) if sha256)
