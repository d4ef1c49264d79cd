"""Execute one job's lifecycle: perform its effects, send back their results and write its events.

After a restart the lifecycle runs again from the beginning with the rewards that the log holds. Each event that it
computes must equal the recorded one. After the last recorded event the job continues.
"""

import logging
from collections import deque
from collections.abc import Collection
from typing import Final

from simulator.grading.grader_error import GraderError
from simulator.jobs.codec import event_kind
from simulator.jobs.interfaces import Graders, JobHooks, JobLogWriter
from simulator.jobs.job import (
    Event,
    HeldOutEvaluated,
    IllegalTransitionError,
    Job,
    JobCancelled,
    JobFailed,
    JobSucceeded,
    RolloutsGraded,
    StartDelayed,
)
from simulator.jobs.lifecycle import AcquireSlot, CheckGrader, EffectResult, Grade, Lifecycle, LifecycleEffect
from simulator.jobs.replay import describe_difference, recorded_grading, recorded_slot_time, recorded_warnings
from simulator.store.errors import StoreFullError

_log: Final = logging.getLogger(__name__)

# `advance` continues after these: they are parts of a step, and the API does not show them.
_INTERMEDIATE_EVENTS: Final = (RolloutsGraded, HeldOutEvaluated)
_TERMINAL_EVENTS: Final = (JobSucceeded, JobFailed, JobCancelled)

_UNREPLAYABLE_MESSAGE: Final = (
    "job %s does not continue, because its log cannot be replayed: %s. Start the simulator as it was when the job was "
    "created (the same version and --rollouts) and the job continues, or cancel it."
)


class _RunAbortedError(Exception):
    """The job was cancelled during a step, or the simulator is closing. The run ends without a further event."""


class JobRun:
    """The execution of one job's lifecycle. `recorded` is the part of its log that is still to be replayed.

    Attributes:
        is_disk_full: the disk was full when the last event was due; a later `advance` writes it.
        is_unreplayable: the log cannot be replayed, so the job cannot continue.
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
        self._pending_effect: LifecycleEffect | None = None  # not performed yet, because the job must wait first
        self._result: EffectResult = None
        self._error: GraderError | None = None
        self.is_disk_full = False
        self.is_unreplayable = False

    @property
    def job_id(self) -> str:
        """The id of the job."""
        return self._job.id

    @property
    def created_at(self) -> int:
        """The simulated time of the job's creation."""
        return self._job.created_at

    @property
    def is_waiting_for_slot(self) -> bool:
        """Whether the job waits in the queue for a slot."""
        return isinstance(self._pending_effect, AcquireSlot)

    @property
    def next_at(self) -> int | None:
        """The simulated time of the effect that the job waits for; None if it does not wait."""
        return self._pending_effect.at if self._pending_effect else None

    def advance(self) -> bool:
        """Run to the next event that the API shows; return whether more can follow. Only one call at a time."""
        can_continue = self._advance_safely()
        if not can_continue:
            self._graders.release(self._job.id)
        return can_continue

    def _advance_safely(self) -> bool:
        try:
            return self._advance()
        except _RunAbortedError:
            self._lifecycle.close()
            return False
        except Exception as error:  # noqa: BLE001  an internal error must end the job, not only its thread
            if self._writer.closing:  # the Lambda workers were stopped while the job used them
                return False
            if self._recorded:  # the job can continue if the simulator is started as before
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
            if self._must_wait_for_clock(effect):
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
                    self._check_grader()
                case Grade():
                    self._grade(effect)
                case event if (can_continue := self._write_event(event)) is not None:
                    return can_continue

    def _write_event(self, event: Event) -> bool | None:
        """Write an event; return the result of `advance`, or None if `advance` must continue."""
        try:
            is_new = self._append_or_compare(event)
        except StoreFullError:
            self._pending_effect, self.is_disk_full = event, True
            return True
        self.is_disk_full = False
        if isinstance(event, _TERMINAL_EVENTS):
            self._lifecycle.close()
            return False
        return True if is_new and not isinstance(event, _INTERMEDIATE_EVENTS) else None

    def _next_effect(self) -> LifecycleEffect:
        return self._lifecycle.throw(self._error) if self._error else self._lifecycle.send(self._result)

    def _acquire_slot(self, effect: AcquireSlot) -> None:
        """Set the result to the time from which the job has a slot, or leave it None if the job must wait."""
        if self._recorded:
            event = self._recorded[0]
            if isinstance(event, StartDelayed):
                self._recorded.popleft()
            self._result = recorded_slot_time(event)
            return
        free_at = self._writer.slot_free_at(self._job.id)
        if free_at is None:
            return
        if delay := self._hooks.queue_delay(self._job.id):
            delayed = StartDelayed(at=max(effect.at, free_at), until=max(free_at, effect.at + delay))
            try:
                self._append_or_compare(delayed)
            except StoreFullError:
                self.is_disk_full = True
                return
            free_at = delayed.until
        self.is_disk_full = False
        self._result = free_at

    def _must_wait_for_clock(self, effect: LifecycleEffect) -> bool:
        """Return whether the clock must first reach the effect's time.

        A replayed effect never waits. Rewards that have arrived are always written, even if the clock was frozen
        meanwhile; otherwise the function would have to be invoked again.
        """
        if self._recorded or isinstance(effect, RolloutsGraded):
            return False
        limit = self._writer.time_limit(self._job.id)
        return limit is not None and effect.at > limit

    def _check_grader(self) -> None:
        if self._recorded:
            self._result = recorded_warnings(self._recorded)
            return
        spec = self._job.spec
        self._result = self._graders.denial_reason(spec) or self._graders.warnings(spec)

    def _grade(self, request: Grade) -> None:
        if self._recorded:
            event = self._recorded[0]
            if not isinstance(event, RolloutsGraded):
                raise TypeError(f"it has {event_kind(event)} next, and the replay needs rewards")
            self._result = recorded_grading(event)
            return
        try:
            self._result = self._graders.grade(
                self._job.id, self._job.spec, request.samples, split=request.split, step=request.step
            )
        except GraderError as error:
            self._error = error

    def _append_or_compare(self, event: Event) -> bool:
        """Write the event, or compare it with the recorded one; return whether it was written."""
        if self._recorded:
            if self._recorded[0] != event:
                raise ValueError(describe_difference(self._recorded[0], event))
            self._recorded.popleft()
            return False
        if self._writer.closing:
            raise _RunAbortedError
        try:
            self._writer.append(self._job.id, event)
        except IllegalTransitionError as illegal:
            if illegal.status and illegal.status.is_terminal:
                raise _RunAbortedError from None
            raise
        return True
