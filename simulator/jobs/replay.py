"""Replay a job from its log: the lifecycle computes the same rollouts again, and the log supplies the rewards."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import fields
from itertools import takewhile
from typing import Final

from simulator.grading.grader import GradingResult
from simulator.jobs.codec import event_kind
from simulator.jobs.job import (
    Event,
    JobCancelled,
    JobFailed,
    RolloutsGraded,
    StartDelayed,
    TrainingStarted,
    WarningIssued,
)
from simulator.jobs.lifecycle import AcquireSlot, CheckGrader, EffectResult, Grade, Lifecycle
from simulator.training.arithmetic import describe_change

_MAX_VALUE_LENGTH: Final = 60  # characters of a value in a message


class ReplayError(Exception):
    """The lifecycle differs from the log: the settings have changed, or a file of the job no longer exists."""


class ChangedArithmeticError(ReplayError):
    """Another version of the simulator began the job, with another arithmetic of training (see `arithmetic`)."""


def replay_rollouts(lifecycle: Lifecycle, recorded: Iterable[Event]) -> Iterator[tuple[Grade, RolloutsGraded]]:
    """Yield each grading request with its recorded rewards, up to the end of the log.

    `recorded` is the log without its first event. For a job that failed or was cancelled, the replay ends there.

    Raises:
        ChangedArithmeticError: the job began with another arithmetic.
        ReplayError: the lifecycle differs from the log.
    """
    recorded = tuple(recorded)
    if change := changed_arithmetic(recorded):
        raise ChangedArithmeticError(change)
    remaining, result = deque(recorded), None
    while remaining:
        try:
            effect = lifecycle.send(result)
        except StopIteration:
            return
        event = remaining[0]
        result = _recorded_result(effect, event, remaining)
        match effect:
            case Grade() if isinstance(event, RolloutsGraded):
                yield effect, event
            case AcquireSlot() if isinstance(event, StartDelayed):
                remaining.popleft()
            case AcquireSlot() | CheckGrader():
                pass
            case _ if event == effect:
                remaining.popleft()
            case _ if isinstance(event, JobCancelled | JobFailed):
                return
            case _:
                raise ReplayError(f"the log has {event_kind(event)} next, and the replay computes another event")


def changed_arithmetic(recorded: Iterable[Event]) -> str | None:
    """Return how the arithmetic of training has changed since a job began, as one sentence; None if it has not.

    A job that has not begun to train has no numbers yet, so it begins with the arithmetic of this version.
    """
    begun_with = next((event.arithmetic for event in recorded if isinstance(event, TrainingStarted)), None)
    return None if begun_with is None else describe_change(begun_with)


def recorded_slot_time(event: Event) -> int:
    """Return the time at which a replayed job acquired its slot; `event` is the next event in its log."""
    return event.until if isinstance(event, StartDelayed) else event.at


def recorded_warnings(events: Iterable[Event]) -> tuple[str, ...]:
    """Return the warnings with which a replayed job's grader passed its check; `events` are the next in its log."""
    warnings = takewhile(lambda event: isinstance(event, WarningIssued), events)
    return tuple(event.message for event in warnings if isinstance(event, WarningIssued))


def recorded_grading(event: RolloutsGraded) -> GradingResult:
    """Return the grading result that an event has recorded."""
    rewards = tuple(reward for group in event.rewards for reward in group)
    return GradingResult(
        rewards=rewards,
        invocations=event.invocations,
        warnings=event.warnings,
        retry_seconds=event.retry_seconds,
        service_calls=event.service_calls,
    )


def describe_difference(recorded: Event, computed: Event) -> str:
    """Return one short sentence that says how two events differ."""
    if type(recorded) is not type(computed):
        return (
            f"it has {event_kind(recorded)} at {recorded.at}, and the replay computes "
            f"{event_kind(computed)} at {computed.at}"
        )
    field = next(part.name for part in fields(recorded) if getattr(recorded, part.name) != getattr(computed, part.name))
    before, now = (_truncate(repr(getattr(event, field))) for event in (recorded, computed))
    return f"it has {event_kind(recorded)} with {field} {before}, and the replay computes {now}"


def _truncate(value: str) -> str:
    return f"{value[:_MAX_VALUE_LENGTH]}..." if len(value) > _MAX_VALUE_LENGTH else value


def _recorded_result(effect: object, event: Event, remaining: Iterable[Event]) -> EffectResult:
    match effect, event:
        case AcquireSlot(), _:
            return recorded_slot_time(event)
        case CheckGrader(), _:
            return recorded_warnings(remaining)
        case Grade(), RolloutsGraded():
            return recorded_grading(event)
        case _:
            return None
