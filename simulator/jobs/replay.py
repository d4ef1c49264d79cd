"""A job's rollouts, told again from its log: the log keeps the rewards, and the story makes the same texts anew."""

from collections import deque
from collections.abc import Iterable, Iterator

from simulator.grading.grader import GradingResult
from simulator.jobs.codec import event_kind
from simulator.jobs.job import Event, JobCancelled, JobFailed, RolloutsGraded, StartDelayed
from simulator.jobs.lifecycle import AcquireSlot, CheckGrader, EffectResult, Grade, Lifecycle


class ReplayError(Exception):
    """The story goes otherwise than the log: it was written under other settings, or a file of it is gone."""


def replay_rollouts(lifecycle: Lifecycle, recorded: Iterable[Event]) -> Iterator[tuple[Grade, RolloutsGraded]]:
    """Yield what was graded, with the rewards that came back, as far as the log goes.

    `recorded` is the log after the job's creation. A job that failed or was cancelled is told up to there.

    Raises:
        RetellingError: the story goes otherwise.
    """
    left, answer = deque(recorded), None
    while left:
        try:
            effect = lifecycle.send(answer)
        except StopIteration:
            return
        known, answer = left[0], _recorded_result(effect, left[0])
        match effect:
            case Grade() if isinstance(known, RolloutsGraded):
                yield effect, known
            case AcquireSlot() if isinstance(known, StartDelayed):
                left.popleft()
            case AcquireSlot() | CheckGrader():
                pass
            case _ if known == effect:
                left.popleft()
            case _ if isinstance(known, JobCancelled | JobFailed):
                return
            case _:
                raise ReplayError(f"the log goes on with {event_kind(known)} and the story otherwise")


def slot_acquired_at(known: Event) -> int:
    """Return what a story that was told before was answered for its place; `known` is what its log goes on with."""
    return known.until if isinstance(known, StartDelayed) else known.at


def _recorded_result(effect: object, known: Event) -> EffectResult:
    match effect, known:
        case AcquireSlot(), _:
            return slot_acquired_at(known)
        case Grade(), RolloutsGraded():
            rewards = tuple(reward for group in known.rewards for reward in group)
            return GradingResult(rewards=rewards, invocations=known.invocations, warnings=known.warnings)
        case _:
            return None
