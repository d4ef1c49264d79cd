"""How a course began and how it ended: the means of its first ten steps and of its last."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Final

from simulator.doctor.finding import Example
from simulator.doctor.training_trace import AS_CONFIGURED, ScoredRollout, TrainingTrace, TrainingTraces, find_trace
from simulator.training.convergence import WINDOW_STEPS
from simulator.training.metrics import GroundTruthMetrics, StepMetrics
from simulator.training.reference_answer import AnswerKind

MIN_STEPS: Final = 2 * WINDOW_STEPS
"""With fewer steps some of the first ten are among the last ten."""

WINDOWS_TEXT: Final = f"{WINDOW_STEPS} steps at the beginning and {WINDOW_STEPS} at the end of the rehearsed run"
NO_TRAINING: Final = "No run was rehearsed."
_UNCERTAIN_KINDS: Final[Mapping[AnswerKind, str]] = {
    "code": "code (another program than the reference is read as wrong)",
    "text": "free text (right answers in other words are read as wrong)",
}
UNKNOWN_TRUTH: Final = "No record's right answer was found, so nobody knows which rollouts are right."

ANSWER_CHECK_NOTE: Final = (
    "Of recorded responses it is our own reading which are right; of code and free text that is no sure one, and a "
    "failure becomes a warning."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowMeans:
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


def window_means(values: Sequence[float]) -> WindowMeans:
    """Return the means of the first and last ten values."""
    first, last = values[:WINDOW_STEPS], values[-WINDOW_STEPS:]
    return WindowMeans(first=fsum(first) / len(first), last=fsum(last) / len(last))


def metric_means(trace: TrainingTrace, metric: Callable[[StepMetrics], float]) -> WindowMeans:
    """Return both ends of a published number."""
    return window_means([metric(metrics) for metrics in trace.metrics])


def truth_means(trace: TrainingTrace, measurement: Callable[[GroundTruthMetrics], float]) -> WindowMeans:
    """Return both ends of a measurement that no service shows."""
    return window_means([measurement(truth) for truth in trace.truths])


def reward_means(trace: TrainingTrace) -> WindowMeans:
    """Return both ends of the mean reward, on the course's scale from 0 to 1."""
    return metric_means(trace, lambda metrics: trace.scale.normalize(metrics.critic_rewards_mean))


def scaled_rewards(trace: TrainingTrace, rollouts: Sequence[ScoredRollout], *, right: bool) -> list[float]:
    """Return the rewards of those that are really right or wrong, on the course's scale from 0 to 1."""
    return [trace.scale.normalize(one.reward) for one in rollouts if one.correct is right]


def first_rollouts(trace: TrainingTrace) -> list[ScoredRollout]:
    """Return the rollouts of the first window."""
    return [scored for scored in trace.rollouts if scored.step <= WINDOW_STEPS]


def last_rollouts(trace: TrainingTrace) -> list[ScoredRollout]:
    """Return the rollouts of the last window."""
    return [scored for scored in trace.rollouts if scored.step > trace.steps - WINDOW_STEPS]


def comparable_trace(traces: TrainingTraces) -> TrainingTrace | str:
    """Return the course as it is, or in a sentence why windows of it cannot be compared."""
    course = find_trace(traces, AS_CONFIGURED)
    if course is None:
        return NO_TRAINING
    if course.steps >= MIN_STEPS:
        return course
    if course.error:
        return f"The rehearsed run ended after {course.steps} steps: {course.error}"
    return f"The rehearsed run has {course.steps} steps; it takes {MIN_STEPS} to hold its end against its beginning."


def has_known_truth(trace: TrainingTrace) -> bool:
    """Whether it is known of any rollout whether it is right."""
    return any(scored.correct is not None for scored in trace.rollouts)


def truth_source_note(trace: TrainingTrace) -> str:
    """Say who has judged which rollouts are right, where it is not the simulator that wrote them; to be appended."""
    if not trace.recorded_kinds:
        return ""
    doubts = [words for kind, words in _UNCERTAIN_KINDS.items() if kind in trace.recorded_kinds]
    how = f", and of {' and '.join(doubts)} no sure one" if doubts else ""
    return f"; which responses are right is our own reading of them{how}"


def is_truth_uncertain(trace: TrainingTrace) -> bool:
    """Whether our reading may take right responses for wrong ones, so that no failure can rest on it."""
    return any(kind in trace.recorded_kinds for kind in _UNCERTAIN_KINDS)


def highest_reward_example(rollouts: Sequence[ScoredRollout], *, right: bool) -> tuple[Example, ...]:
    """Show the rollout of the highest reward among the right or the wrong ones; nothing where there is none."""
    some = [one for one in rollouts if one.correct is right]
    return (max(some, key=lambda one: one.reward).example(_truth_note(right=right)),) if some else ()


def lowest_reward_right_example(rollouts: Sequence[ScoredRollout]) -> tuple[Example, ...]:
    """Show the rollout of the lowest reward among the right ones; nothing where there is none."""
    some = [one for one in rollouts if one.correct]
    return (min(some, key=lambda one: one.reward).example(_truth_note(right=True)),) if some else ()


def _truth_note(*, right: bool) -> str:
    return "it is really right" if right else "it is really wrong"
