"""One rehearsed training run: what it published, and what only a simulator knows of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from simulator.doctor.finding import Example
from simulator.doctor.probes.static.score_scale import UNIT_SCALE, ScoreScale
from simulator.training.metrics import GroundTruthMetrics, HeldOutMetrics, StepMetrics
from simulator.training.reference_answer import AnswerKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredRollout:
    """One rollout of a rehearsal: its reward beside the hidden truth.

    Attributes:
        line: the record's line in the data file.
        prompt: the last message of the prompt.
        response: the text that was scored.
        correct: whether its answer is really right; None where the record's right answer is not known.
        exploit: which exploit it is, if any; of a recorded response nobody knows.
        response_length: in tokens, thinking included.
    """

    step: int
    line: int
    prompt: str
    response: str
    reward: float
    correct: bool | None
    exploit: str | None
    response_length: int

    def example(self, note: str = "") -> Example:
        """Return it as a thing to look at."""
        return Example(line=self.line, prompt=self.prompt, response=self.response, score=self.reward, note=note)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyQuality:
    """The hidden truth of a policy: one rollout for each training record, always with the same draws.

    Two of them differ by the policy alone, where two windows of steps differ by their prompts as well.

    Attributes:
        quality: share of rollouts whose answer is really right, where that is known; 0.0 where it never is.
        exploit_share: share of rollouts that game the reward.
    """

    quality: float
    exploit_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingTrace:
    """A rehearsed run.

    Attributes:
        name: what was different about it, such as "as it is", "red team" or "learning rate x3".
        recorded_kinds: the kinds of task whose rollouts are a real model's recorded responses, of which it is our own reading
            whether they are right; empty when the rollouts were simulated.
        total_steps: how many steps it would have had; 0 when the run could not start.
        metrics: one for each step that was taken, in order. There may be fewer than `total_steps`: a long run is
            rehearsed in part.
        truths: likewise.
        held_out: the evaluations, the first before any training; empty where none was made.
        rollouts: every rollout that was trained on, in order.
        sampled_records: how many records it draws its batches from.
        available_records: how many there are in the file; more than `sampled_records` when a sample was taken.
        held_out_records: how many records an evaluation scores.
        batch_size: prompts per step.
        n_epochs: passes over the records.
        before: the truth before the first step; None when none was taken.
        after: the truth after the last one that was taken.
        error: why it ended early, in words; empty when it did not.
        scale: what its rewards are read on: the one of the static probes.
    """

    name: str
    total_steps: int
    metrics: tuple[StepMetrics, ...]
    truths: tuple[GroundTruthMetrics, ...]
    held_out: tuple[HeldOutMetrics, ...]
    rollouts: tuple[ScoredRollout, ...]
    sampled_records: int = 0
    available_records: int = 0
    held_out_records: int = 0
    batch_size: int = 0
    n_epochs: int = 1
    before: PolicyQuality | None = None
    after: PolicyQuality | None = None
    error: str = ""
    recorded_kinds: tuple[AnswerKind, ...] = ()
    scale: ScoreScale = UNIT_SCALE

    @property
    def steps(self) -> int:
        """How many steps were taken."""
        return len(self.metrics)


TrainingTraces: TypeAlias = Sequence[TrainingTrace]

AS_CONFIGURED = "as it is"
RED_TEAM = "red team"
SIMULATED_RED_TEAM = "red team, simulated"
LOWER_RATE = "learning rate x0.3"
HIGHER_RATE = "learning rate x3"

LOWER_RATE_FACTOR = 0.3
HIGHER_RATE_FACTOR = 3.0

StepCallback: TypeAlias = Callable[[str, int, int], None]
"""Is called with the name of the run, the step that is complete, and the number of steps."""


def find_trace(traces: TrainingTraces, name: str) -> TrainingTrace | None:
    """Return the course of this name, where it was run."""
    return next((course for course in traces if course.name == name), None)


def find_red_team_trace(traces: TrainingTraces) -> TrainingTrace | None:
    """Return the red team's course, where it was run: among recorded courses it is the one that is simulated."""
    return find_trace(traces, RED_TEAM) or find_trace(traces, SIMULATED_RED_TEAM)
