"""A simulated training run: its published metrics, and the truth that only the simulator knows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from simulator.doctor.finding import Example
from simulator.doctor.probes.static.score_scale import UNIT_SCALE, ScoreScale
from simulator.training.metrics import GroundTruthMetrics, HeldOutMetrics, StepMetrics
from simulator.training.reference_answer import AnswerKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredRollout:
    """A rollout of a simulated run, with its reward and the hidden truth.

    Attributes:
        line: the record's line in the data file.
        prompt: the last message of the prompt.
        response: the text that was scored.
        correct: whether its answer is really right. None if the record's right answer is not known.
        exploit: the exploit it uses, if any. Always None for a recorded response, because it is not known.
        response_length: in tokens, with the reasoning.
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
        """Return it as an example for a finding."""
        return Example(line=self.line, prompt=self.prompt, response=self.response, score=self.reward, note=note)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyQuality:
    """The hidden truth of a policy, from one rollout per training record with the same random draws each time.

    Two values differ only by the policy. Two windows of steps differ by their prompts too.

    Attributes:
        quality: the share of rollouts whose answer is really right, among those for which it is known. 0.0 if it is
            known for none.
        exploit_share: the share of rollouts that exploit the reward.
    """

    quality: float
    exploit_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingTrace:
    """A simulated training run.

    Attributes:
        name: the variant, such as "as it is", "red team" or "learning rate x3".
        recorded_kinds: the kinds of task of recorded responses, which our answer check declares right or wrong. Empty
            when the rollouts are simulated.
        total_steps: the steps of the planned run. 0 if it could not start.
        metrics: one per simulated step, in order. Fewer than `total_steps` if a long run is simulated in part.
        truths: likewise, what only the simulator knows.
        held_out: the evaluations, the first before training. Empty without evaluations.
        rollouts: every training rollout, in order.
        sampled_records: the number of records in its batches.
        available_records: the number of training records in the file. More than `sampled_records` for a sample.
        held_out_records: the number of records of an evaluation.
        batch_size: prompts per step.
        n_epochs: passes over the records.
        before: the truth before the first step. None without steps.
        after: the truth after the last simulated step. None without steps.
        error: why the run ended early. Empty if it did not.
        scale: the scale of its rewards, which the static probes measured.
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
        """The number of simulated steps."""
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
    """Return the run with this name, or None."""
    return next((trace for trace in traces if trace.name == name), None)


def find_red_team_trace(traces: TrainingTraces) -> TrainingTrace | None:
    """Return the red team's run, or None. It is simulated even if the other runs use recorded responses."""
    return find_trace(traces, RED_TEAM) or find_trace(traces, SIMULATED_RED_TEAM)
