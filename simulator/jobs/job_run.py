"""One job's story under way: asked for its next move, answered, and its events handed to the writer.

A job that was cut off is driven again from its beginning with the answers that its log holds; each regenerated event is
held against the recorded one, and then it goes on.
"""

import logging
from collections import deque
from collections.abc import Collection
from dataclasses import fields
from typing import Final, Protocol

from simulator.grading.grader import Graded, Sample
from simulator.grading.lambda_response import GraderError
from simulator.jobs.codec import kind_of
from simulator.jobs.job import (
    Event,
    HeldOutEvaluated,
    IllegalMoveError,
    Job,
    JobCancelled,
    JobFailed,
    JobSucceeded,
    Order,
    RolloutsGraded,
    StartDelayed,
)
from simulator.jobs.lifecycle import Answer, CheckGrader, Effect, Grade, Story, TakePlace
from simulator.jobs.replay import placed_at
from simulator.store.errors import StoreFullError

_log: Final = logging.getLogger(__name__)

# A turn goes on over these: they are half of a step, and nobody outside sees them.
_HALVES: Final = (RolloutsGraded, HeldOutEvaluated)
_SHOWN: Final = 60  # characters of a value in a message
_ENDS: Final = (JobSucceeded, JobFailed, JobCancelled)

_LOST: Final = (
    "job %s stands where it is, for its log cannot be told again: %s. Start the simulator as it was when the job was "
    "created (the same version and --rollouts) and it goes on, or cancel it."
)


class Graders(Protocol):
    """The world's side of a job: its reward function."""

    def denial_reason(self, order: Order, /) -> str | None:
        """Return why the order's caller cannot have the order's function invoked, or None when all is well."""

    def grade(self, order: Order, samples: tuple[Sample, ...], /, *, split: str, step: int) -> Graded:
        """Return the samples' rewards; raise GraderError when there are none."""


class Writer(Protocol):
    """The keeper of the logs, as a run needs it."""

    closing: bool

    def append(self, job_id: str, event: Event) -> Job:
        """Write an event to a job's log."""

    def place(self, job_id: str) -> int | None:
        """Return since when the job has a place among those that train, or None while it must wait in line."""

    def limit(self, job_id: str) -> int | None:
        """Return the simulated time that the job may not go beyond for now, or None."""

    def give_up(self, job_id: str) -> None:
        """End a job that the simulator itself cannot carry on with."""


class Interventions(Protocol):
    """What may come in between from outside, as somebody has scripted it. A job knows of nobody's script."""

    def before(self, job_id: str, effect: Effect, /) -> Event | None:
        """Do what is due before a job's next move; return the event that ends the job in its place, or None."""

    def wait(self, job_id: str, /) -> int:
        """Return how many simulated seconds a job is queued at least."""


class _EndedElsewhereError(Exception):
    """The job was cancelled while its story was busy, or the simulator is closing: the story is dropped."""


class Run:
    """One job's story under way; `recorded` is the part of its log that it has still to tell again.

    Attributes:
        full: the last event could not be written, because the disk is full; it is written at a later turn.
        lost: what its log holds cannot be told again, so that it cannot go on; it stands where its log ends.
    """

    def __init__(
        self,
        *,
        writer: Writer,
        graders: Graders,
        interventions: Interventions,
        job: Job,
        story: Story,
        recorded: Collection[Event],
    ) -> None:
        self._writer = writer
        self._graders = graders
        self._interventions = interventions
        self._job = job
        self._story = story
        self._recorded = deque(recorded)
        self._kept: Effect | None = None  # asked by the story, and not yet to be answered
        self._answer: Answer = None
        self._error: GraderError | None = None
        self.full = False
        self.lost = False

    @property
    def job_id(self) -> str:
        """Whose story it is."""
        return self._job.id

    @property
    def created_at(self) -> int:
        """The simulated time at which it begins."""
        return self._job.created_at

    @property
    def in_line(self) -> bool:
        """Whether the job waits for its place."""
        return isinstance(self._kept, TakePlace)

    @property
    def next_at(self) -> int | None:
        """The simulated time of the next move, while the job waits before it; None while it is under way."""
        return self._kept.at if self._kept else None

    def turn(self) -> bool:
        """Go on to the next event that matters; return whether there may be more. One turn at a time."""
        try:
            return self._turn()
        except _EndedElsewhereError:
            self._story.close()
            return False
        except Exception as error:  # noqa: BLE001  a fault of ours must end the job, not only its thread
            if self._writer.closing:  # the workers were stopped under the story's feet
                return False
            if self._recorded:  # started as it was before, it goes on
                self.lost = True
                _log.error(_LOST, self._job.id, error)
                return True
            _log.exception("job %s: the simulator failed", self._job.id)
            self._writer.give_up(self._job.id)
            return False

    def _turn(self) -> bool:
        while True:
            try:
                effect = self._kept or self._next()
            except StopIteration:
                return False
            if self._is_early(effect):
                self._kept = effect
                return True
            self._kept, self._answer, self._error = None, None, None
            if not self._recorded:
                effect = self._interventions.before(self._job.id, effect) or effect
            match effect:
                case TakePlace():
                    self._take_place(effect)
                    if self._answer is None:
                        self._kept = effect
                        return True
                case CheckGrader():
                    self._answer = None if self._recorded else self._graders.denial_reason(self._job.order)
                case Grade():
                    self._grade(effect)
                case event if (more := self._after(event)) is not None:
                    return more

    def _after(self, event: Event) -> bool | None:
        """Write an event; return whether the turn ends with it in that there may be more, or None: it goes on."""
        try:
            new = self._append(event)
        except StoreFullError:
            self._kept, self.full = event, True
            return True
        self.full = False
        if isinstance(event, _ENDS):
            self._story.close()
            return False
        return True if new and not isinstance(event, _HALVES) else None

    def _next(self) -> Effect:
        return self._story.throw(self._error) if self._error else self._story.send(self._answer)

    def _take_place(self, effect: TakePlace) -> None:
        """Answer with the time from which the job has its place, or leave the answer None: it must wait."""
        if self._recorded:
            known = self._recorded[0]
            if isinstance(known, StartDelayed):
                self._recorded.popleft()
            self._answer = placed_at(known)
            return
        free_at = self._writer.place(self._job.id)
        if free_at is None:
            return
        if wait := self._interventions.wait(self._job.id):
            delayed = StartDelayed(at=max(effect.at, free_at), until=max(free_at, effect.at + wait))
            try:
                self._append(delayed)
            except StoreFullError:
                self.full = True
                return
            free_at = delayed.until
        self.full = False
        self._answer = free_at

    def _is_early(self, effect: Effect) -> bool:
        """Whether the clock must come to the effect's time first.

        What was recorded has happened. Rewards that came back are written however the clock was stopped meanwhile:
        nobody is asked for them again.
        """
        if self._recorded or isinstance(effect, RolloutsGraded):
            return False
        limit = self._writer.limit(self._job.id)
        return limit is not None and effect.at > limit

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
            if self._recorded[0] != event:
                raise ValueError(_differing(self._recorded[0], event))
            self._recorded.popleft()
            return False
        if self._writer.closing:
            raise _EndedElsewhereError
        try:
            self._writer.append(self._job.id, event)
        except IllegalMoveError as illegal:
            if illegal.status and illegal.status.ended:
                raise _EndedElsewhereError from None
            raise
        return True


def _differing(known: Event, told: Event) -> str:
    """Return, shortly, where two events differ."""
    if type(known) is not type(told):
        return f"it says {kind_of(known)} at {known.at}, and now it is {kind_of(told)} at {told.at}"
    names = (part.name for part in fields(known) if getattr(known, part.name) != getattr(told, part.name))
    name = next(names)
    values = (repr(getattr(event, name)) for event in (known, told))
    was, now = (f"{value[:_SHOWN]}..." if len(value) > _SHOWN else value for value in values)
    return f"it says {kind_of(known)} with {name} {was}, and now that is {now}"
