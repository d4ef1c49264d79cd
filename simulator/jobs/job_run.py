"""One job's story under way: asked for its next move, answered, and its events handed to the writer.

A job that was cut off is driven again from its beginning with the answers that its log holds; each regenerated event is
held against the recorded one, and then it goes on.
"""

import logging
from collections import deque
from collections.abc import Collection
from dataclasses import fields
from typing import Final, Protocol

from simulator.grading.grader import GradingResult, Sample
from simulator.grading.lambda_response import GraderError
from simulator.jobs.codec import event_kind
from simulator.jobs.job import (
    Event,
    HeldOutEvaluated,
    IllegalTransitionError,
    Job,
    JobCancelled,
    JobFailed,
    JobSpec,
    JobSucceeded,
    RolloutsGraded,
    StartDelayed,
)
from simulator.jobs.lifecycle import AcquireSlot, CheckGrader, EffectResult, Grade, Lifecycle, LifecycleEffect
from simulator.jobs.replay import slot_acquired_at
from simulator.store.errors import StoreFullError

_log: Final = logging.getLogger(__name__)

# A turn goes on over these: they are half of a step, and nobody outside sees them.
_INTERMEDIATE_EVENTS: Final = (RolloutsGraded, HeldOutEvaluated)
_MAX_VALUE_LENGTH: Final = 60  # characters of a value in a message
_TERMINAL_EVENTS: Final = (JobSucceeded, JobFailed, JobCancelled)

_UNREPLAYABLE_MESSAGE: Final = (
    "job %s stands where it is, for its log cannot be told again: %s. Start the simulator as it was when the job was "
    "created (the same version and --rollouts) and it goes on, or cancel it."
)


class Graders(Protocol):
    """The world's side of a job: its reward function."""

    def denial_reason(self, order: JobSpec, /) -> str | None:
        """Return why the order's caller cannot have the order's function invoked, or None when all is well."""

    def grade(self, spec: JobSpec, samples: tuple[Sample, ...], /, *, split: str, step: int) -> GradingResult:
        """Return the samples' rewards; raise GraderError when there are none."""


class JobLogWriter(Protocol):
    """The keeper of the logs, as a run needs it."""

    closing: bool

    def append(self, job_id: str, event: Event) -> Job:
        """Write an event to a job's log."""

    def slot_free_at(self, job_id: str) -> int | None:
        """Return since when the job has a place among those that train, or None while it must wait in line."""

    def time_limit(self, job_id: str) -> int | None:
        """Return the simulated time that the job may not go beyond for now, or None."""

    def fail_job(self, job_id: str) -> None:
        """End a job that the simulator itself cannot carry on with."""


class JobHooks(Protocol):
    """What may come in between from outside, as somebody has scripted it. A job knows of nobody's script."""

    def before_effect(self, job_id: str, effect: LifecycleEffect, /) -> Event | None:
        """Do what is due before a job's next move; return the event that ends the job in its place, or None."""

    def queue_delay(self, job_id: str, /) -> int:
        """Return how many simulated seconds a job is queued at least."""


class _EndedElsewhereError(Exception):
    """The job was cancelled while its story was busy, or the simulator is closing: the story is dropped."""


class JobRun:
    """One job's story under way; `recorded` is the part of its log that it has still to tell again.

    Attributes:
        is_disk_full: the last event could not be written, because the disk is full; it is written at a later turn.
        is_unreplayable: what its log holds cannot be told again, so that it cannot go on; it stands where its log ends.
    """

    def __init__(
        self,
        *,
        writer: JobLogWriter,
        graders: Graders,
        hooks: JobHooks,
        job: Job,
        lifecycle: Lifecycle,
        recorded: Collection[Event],
    ) -> None:
        self._writer = writer
        self._graders = graders
        self._hooks = hooks
        self._job = job
        self._lifecycle = lifecycle
        self._recorded = deque(recorded)
        self._pending_effect: LifecycleEffect | None = None  # asked by the story, and not yet to be answered
        self._result: EffectResult = None
        self._error: GraderError | None = None
        self.is_disk_full = False
        self.is_unreplayable = False

    @property
    def job_id(self) -> str:
        """Whose story it is."""
        return self._job.id

    @property
    def created_at(self) -> int:
        """The simulated time at which it begins."""
        return self._job.created_at

    @property
    def is_waiting_for_slot(self) -> bool:
        """Whether the job waits for its place."""
        return isinstance(self._pending_effect, AcquireSlot)

    @property
    def next_at(self) -> int | None:
        """The simulated time of the next move, while the job waits before it; None while it is under way."""
        return self._pending_effect.at if self._pending_effect else None

    def advance(self) -> bool:
        """Go on to the next event that matters; return whether there may be more. One turn at a time."""
        try:
            return self._advance()
        except _EndedElsewhereError:
            self._lifecycle.close()
            return False
        except Exception as error:  # noqa: BLE001  a fault of ours must end the job, not only its thread
            if self._writer.closing:  # the workers were stopped under the story's feet
                return False
            if self._recorded:  # started as it was before, it goes on
                self.is_unreplayable = True
                _log.error(_UNREPLAYABLE_MESSAGE, self._job.id, error)
                return True
            _log.exception("job %s: the simulator failed", self._job.id)
            self._writer.fail_job(self._job.id)
            return False

    def _advance(self) -> bool:
        while True:
            try:
                effect = self._pending_effect or self._next_effect()
            except StopIteration:
                return False
            if self._is_early(effect):
                self._pending_effect = effect
                return True
            self._pending_effect, self._result, self._error = None, None, None
            if not self._recorded:
                effect = self._hooks.before_effect(self._job.id, effect) or effect
            match effect:
                case AcquireSlot():
                    self._acquire_slot(effect)
                    if self._result is None:
                        self._pending_effect = effect
                        return True
                case CheckGrader():
                    self._result = None if self._recorded else self._graders.denial_reason(self._job.spec)
                case Grade():
                    self._grade(effect)
                case event if (more := self._write_event(event)) is not None:
                    return more

    def _write_event(self, event: Event) -> bool | None:
        """Write an event; return whether the turn ends with it in that there may be more, or None: it goes on."""
        try:
            new = self._append(event)
        except StoreFullError:
            self._pending_effect, self.is_disk_full = event, True
            return True
        self.is_disk_full = False
        if isinstance(event, _TERMINAL_EVENTS):
            self._lifecycle.close()
            return False
        return True if new and not isinstance(event, _INTERMEDIATE_EVENTS) else None

    def _next_effect(self) -> LifecycleEffect:
        return self._lifecycle.throw(self._error) if self._error else self._lifecycle.send(self._result)

    def _acquire_slot(self, effect: AcquireSlot) -> None:
        """Answer with the time from which the job has its place, or leave the answer None: it must wait."""
        if self._recorded:
            known = self._recorded[0]
            if isinstance(known, StartDelayed):
                self._recorded.popleft()
            self._result = slot_acquired_at(known)
            return
        free_at = self._writer.slot_free_at(self._job.id)
        if free_at is None:
            return
        if wait := self._hooks.queue_delay(self._job.id):
            delayed = StartDelayed(at=max(effect.at, free_at), until=max(free_at, effect.at + wait))
            try:
                self._append(delayed)
            except StoreFullError:
                self.is_disk_full = True
                return
            free_at = delayed.until
        self.is_disk_full = False
        self._result = free_at

    def _is_early(self, effect: LifecycleEffect) -> bool:
        """Whether the clock must come to the effect's time first.

        What was recorded has happened. Rewards that came back are written however the clock was stopped meanwhile:
        nobody is asked for them again.
        """
        if self._recorded or isinstance(effect, RolloutsGraded):
            return False
        limit = self._writer.time_limit(self._job.id)
        return limit is not None and effect.at > limit

    def _grade(self, request: Grade) -> None:
        if self._recorded:
            known = self._recorded[0]
            if not isinstance(known, RolloutsGraded):
                raise TypeError(f"the log goes on with {event_kind(known)} where rewards should stand")
            rewards = tuple(reward for group in known.rewards for reward in group)
            self._result = GradingResult(rewards=rewards, invocations=known.invocations, warnings=known.warnings)
            return
        try:
            self._result = self._graders.grade(self._job.spec, request.samples, split=request.split, step=request.step)
        except GraderError as error:
            self._error = error

    def _append(self, event: Event) -> bool:
        """Write the event, or hold it against the recorded one; return whether it was written."""
        if self._recorded:
            if self._recorded[0] != event:
                raise ValueError(_describe_difference(self._recorded[0], event))
            self._recorded.popleft()
            return False
        if self._writer.closing:
            raise _EndedElsewhereError
        try:
            self._writer.append(self._job.id, event)
        except IllegalTransitionError as illegal:
            if illegal.status and illegal.status.is_terminal:
                raise _EndedElsewhereError from None
            raise
        return True


def _describe_difference(known: Event, regenerated: Event) -> str:
    """Return, shortly, where two events differ."""
    if type(known) is not type(regenerated):
        return f"it says {event_kind(known)} at {known.at}, and now it is {event_kind(regenerated)} at {regenerated.at}"
    names = (part.name for part in fields(known) if getattr(known, part.name) != getattr(regenerated, part.name))
    name = next(names)
    values = (repr(getattr(event, name)) for event in (known, regenerated))
    was, now = (f"{value[:_MAX_VALUE_LENGTH]}..." if len(value) > _MAX_VALUE_LENGTH else value for value in values)
    return f"it says {event_kind(known)} with {name} {was}, and now that is {now}"
