"""The start and the end of a training trace: the means of its first ten and its last ten steps."""

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
"""With fewer steps the first ten and the last ten overlap."""

WINDOWS_TEXT: Final = f"{WINDOW_STEPS} steps at the start and {WINDOW_STEPS} at the end of the simulated run"
NO_TRAINING: Final = "No training was simulated."
_UNCERTAIN_KINDS: Final[Mapping[AnswerKind, str]] = {
    "code": "code (a program that differs from the reference counts as wrong)",
    "text": "free text (a right answer in other words counts as wrong)",
}
UNKNOWN_TRUTH: Final = (
    "No right answer is known with which the rollouts could be compared, so it is not known which of them are right."
)

ANSWER_CHECK_NOTE: Final = (
    "Our answer check decides which recorded responses are right. For code and free text this check can be wrong, so a "
    "failure becomes a warning."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowMeans:
    """A number at the start and at the end of a trace."""

    first: float
    last: float

    @property
    def gain(self) -> float:
        """The last mean minus the first."""
        return self.last - self.first

    @property
    def ratio(self) -> float:
        """The last mean divided by the first. 1.0 if both are 0."""
        return self.last / self.first if self.first else 1.0 if not self.last else float("inf")


def window_means(values: Sequence[float]) -> WindowMeans:
    """Return the means of the first and last ten values."""
    first, last = values[:WINDOW_STEPS], values[-WINDOW_STEPS:]
    return WindowMeans(first=fsum(first) / len(first), last=fsum(last) / len(last))


def metric_means(trace: TrainingTrace, metric: Callable[[StepMetrics], float]) -> WindowMeans:
    """Return the means of a published metric."""
    return window_means([metric(metrics) for metrics in trace.metrics])


def truth_means(trace: TrainingTrace, measurement: Callable[[GroundTruthMetrics], float]) -> WindowMeans:
    """Return the means of a measurement that only the simulator knows."""
    return window_means([measurement(truth) for truth in trace.truths])


def reward_means(trace: TrainingTrace) -> WindowMeans:
    """Return the means of the mean reward, scaled from 0 to 1."""
    return metric_means(trace, lambda metrics: trace.scale.normalize(metrics.critic_rewards_mean))


def scaled_rewards(trace: TrainingTrace, rollouts: Sequence[ScoredRollout], *, right: bool) -> list[float]:
    """Return the rewards of the rollouts that are really right, or really wrong, scaled from 0 to 1."""
    return [trace.scale.normalize(rollout.reward) for rollout in rollouts if rollout.correct is right]


def first_rollouts(trace: TrainingTrace) -> list[ScoredRollout]:
    """Return the rollouts of the first window."""
    return [rollout for rollout in trace.rollouts if rollout.step <= WINDOW_STEPS]


def last_rollouts(trace: TrainingTrace) -> list[ScoredRollout]:
    """Return the rollouts of the last window."""
    return [rollout for rollout in trace.rollouts if rollout.step > trace.steps - WINDOW_STEPS]


def comparable_trace(traces: TrainingTraces) -> TrainingTrace | str:
    """Return the run as configured, or a sentence that says why its start and end cannot be compared."""
    trace = find_trace(traces, AS_CONFIGURED)
    if trace is None:
        return NO_TRAINING
    if trace.steps >= MIN_STEPS:
        return trace
    if trace.error:
        return f"The simulated run ended after {trace.steps} steps: {trace.error}"
    return f"The simulated run has {trace.steps} steps. Its start and end can be compared with {MIN_STEPS} or more."


def has_known_truth(trace: TrainingTrace) -> bool:
    """Whether any rollout is known to be right or wrong."""
    return any(rollout.correct is not None for rollout in trace.rollouts)


def truth_source_note(trace: TrainingTrace) -> str:
    """Return a note that our answer check decides which recorded rollouts are right. Empty for simulated ones."""
    if not trace.recorded_kinds:
        return ""
    doubts = [words for kind, words in _UNCERTAIN_KINDS.items() if kind in trace.recorded_kinds]
    doubt_note = f" and is not certain for {' and '.join(doubts)}" if doubts else ""
    return f"; our answer check decides which responses are right{doubt_note}"


def is_truth_uncertain(trace: TrainingTrace) -> bool:
    """Whether our answer check may count right responses as wrong. Then it is not certain enough for a failure."""
    return any(kind in trace.recorded_kinds for kind in _UNCERTAIN_KINDS)


def highest_reward_example(
    trace: TrainingTrace, rollouts: Sequence[ScoredRollout], *, right: bool
) -> tuple[Example, ...]:
    """Return the right, or the wrong, rollout with the highest reward as an example. Empty if there is none."""
    candidates = [rollout for rollout in rollouts if rollout.correct is right]
    return (
        (max(candidates, key=lambda rollout: rollout.reward).example(truth_note(trace, right=right)),)
        if candidates
        else ()
    )


def lowest_reward_right_example(trace: TrainingTrace, rollouts: Sequence[ScoredRollout]) -> tuple[Example, ...]:
    """Return the right rollout with the lowest reward as an example. Empty if there is none."""
    candidates = [rollout for rollout in rollouts if rollout.correct]
    return (
        (min(candidates, key=lambda rollout: rollout.reward).example(truth_note(trace, right=True)),)
        if candidates
        else ()
    )


def truth_note(trace: TrainingTrace, *, right: bool) -> str:
    """Return what is known about a rollout: that it is right or wrong, or only how it compares with the reference."""
    if is_truth_uncertain(trace):
        return "it agrees with the reference" if right else "it differs from the reference"
    return "it is really right" if right else "it is really wrong"
