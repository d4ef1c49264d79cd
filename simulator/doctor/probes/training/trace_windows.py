"""How a course began and how it ended: the means of its first ten steps and of its last."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Final

from simulator.doctor.finding import Exhibit
from simulator.doctor.training_trace import USUAL, Course, Courses, Scored, named
from simulator.training.convergence import WINDOW
from simulator.training.metrics import StepMetrics, StepTruth
from simulator.training.reference_answer import Kind

FEWEST_STEPS: Final = 2 * WINDOW
"""With fewer steps some of the first ten are among the last ten."""

BOTH_ENDS: Final = f"{WINDOW} steps at the beginning and {WINDOW} at the end of the rehearsed run"
NOT_REHEARSED: Final = "No run was rehearsed."
_UNSURE: Final[Mapping[Kind, str]] = {
    "code": "code (another program than the reference is read as wrong)",
    "text": "free text (right answers in other words are read as wrong)",
}
UNKNOWN_TRUTH: Final = "No record's right answer was found, so nobody knows which rollouts are right."


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """A number at the beginning of a course and at its end."""

    first: float
    last: float

    @property
    def gain(self) -> float:
        """By how much it rose."""
        return self.last - self.first

    @property
    def ratio(self) -> float:
        """The last as a multiple of the first; 1.0 of nothing at both ends."""
        return self.last / self.first if self.first else 1.0 if not self.last else float("inf")


def ends(values: Sequence[float]) -> Ends:
    """Return the means of the first and last ten values."""
    first, last = values[:WINDOW], values[-WINDOW:]
    return Ends(first=fsum(first) / len(first), last=fsum(last) / len(last))


def ends_of(course: Course, metric: Callable[[StepMetrics], float]) -> Ends:
    """Return both ends of a published number."""
    return ends([metric(metrics) for metrics in course.metrics])


def true_ends(course: Course, measurement: Callable[[StepTruth], float]) -> Ends:
    """Return both ends of a measurement that no service shows."""
    return ends([measurement(truth) for truth in course.truths])


def rewards_of(course: Course) -> Ends:
    """Return both ends of the mean reward, on the course's scale from 0 to 1."""
    return ends_of(course, lambda metrics: course.scale.part(metrics.critic_rewards_mean))


def parts(course: Course, scored: Sequence[Scored], *, right: bool) -> list[float]:
    """Return the rewards of those that are really right or wrong, on the course's scale from 0 to 1."""
    return [course.scale.part(one.reward) for one in scored if one.correct is right]


def begun(course: Course) -> list[Scored]:
    """Return the rollouts of the first window."""
    return [scored for scored in course.scored if scored.step <= WINDOW]


def ended(course: Course) -> list[Scored]:
    """Return the rollouts of the last window."""
    return [scored for scored in course.scored if scored.step > course.steps - WINDOW]


def judged(courses: Courses) -> Course | str:
    """Return the course as it is, or in a sentence why windows of it cannot be compared."""
    course = named(courses, USUAL)
    if course is None:
        return NOT_REHEARSED
    if course.steps >= FEWEST_STEPS:
        return course
    if course.fault:
        return f"The rehearsed run ended after {course.steps} steps: {course.fault}"
    return f"The rehearsed run has {course.steps} steps; it takes {FEWEST_STEPS} to hold its end against its beginning."


def knows_truth(course: Course) -> bool:
    """Whether it is known of any rollout whether it is right."""
    return any(scored.correct is not None for scored in course.scored)


def reader_of(course: Course) -> str:
    """Say who has judged which rollouts are right, where it is not the simulator that wrote them; to be appended."""
    if not course.recorded:
        return ""
    doubts = [words for kind, words in _UNSURE.items() if kind in course.recorded]
    how = f", and of {' and '.join(doubts)} no sure one" if doubts else ""
    return f"; which responses are right is our own reading of them{how}"


def unsure(course: Course) -> bool:
    """Whether our reading may take right responses for wrong ones, so that no failure can rest on it."""
    return any(kind in course.recorded for kind in _UNSURE)


def dearest(scored: Sequence[Scored], *, right: bool) -> tuple[Exhibit, ...]:
    """Show the rollout of the highest reward among the right or the wrong ones; nothing where there is none."""
    some = [one for one in scored if one.correct is right]
    return (max(some, key=lambda one: one.reward).exhibit(_said(right=right)),) if some else ()


def cheapest_right(scored: Sequence[Scored]) -> tuple[Exhibit, ...]:
    """Show the rollout of the lowest reward among the right ones; nothing where there is none."""
    some = [one for one in scored if one.correct]
    return (min(some, key=lambda one: one.reward).exhibit(_said(right=True)),) if some else ()


def _said(*, right: bool) -> str:
    return "it is really right" if right else "it is really wrong"
