"""One rehearsed training run: what it published, and what only a simulator knows of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from simulator.doctor.finding import Exhibit
from simulator.doctor.probes.static.score_scale import ZERO_TO_ONE, Scale
from simulator.training.metrics import HeldOut, StepMetrics, StepTruth
from simulator.training.reference_answer import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
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

    def exhibit(self, note: str = "") -> Exhibit:
        """Return it as a thing to look at."""
        return Exhibit(line=self.line, prompt=self.prompt, response=self.response, score=self.reward, note=note)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The hidden truth of a policy: one rollout for each training record, always with the same draws.

    Two of them differ by the policy alone, where two windows of steps differ by their prompts as well.

    Attributes:
        quality: share of rollouts whose answer is really right, where that is known; 0.0 where it never is.
        exploits: share of rollouts that game the reward.
    """

    quality: float
    exploits: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A rehearsed run.

    Attributes:
        name: what was different about it, such as "as it is", "red team" or "learning rate x3".
        recorded: the kinds of task whose rollouts are a real model's recorded responses, of which it is our own reading
            whether they are right; empty when the rollouts were simulated.
        total_steps: how many steps it would have had; 0 when the run could not start.
        metrics: one for each step that was taken, in order. There may be fewer than `total_steps`: a long run is
            rehearsed in part.
        truths: likewise.
        held_out: the evaluations, the first before any training; empty where none was made.
        scored: every rollout that was trained on, in order.
        trained_on: how many records it draws its batches from.
        trainable: how many there are in the file; more than `trained_on` when a sample was taken.
        held_out_records: how many records an evaluation scores.
        batch_size: prompts per step.
        n_epochs: passes over the records.
        before: the truth before the first step; None when none was taken.
        after: the truth after the last one that was taken.
        fault: why it ended early, in words; empty when it did not.
        scale: what its rewards are read on: the one of the static probes.
    """

    name: str
    total_steps: int
    metrics: tuple[StepMetrics, ...]
    truths: tuple[StepTruth, ...]
    held_out: tuple[HeldOut, ...]
    scored: tuple[Scored, ...]
    trained_on: int = 0
    trainable: int = 0
    held_out_records: int = 0
    batch_size: int = 0
    n_epochs: int = 1
    before: Standing | None = None
    after: Standing | None = None
    fault: str = ""
    recorded: tuple[Kind, ...] = ()
    scale: Scale = ZERO_TO_ONE

    @property
    def steps(self) -> int:
        """How many steps were taken."""
        return len(self.metrics)


Courses: TypeAlias = Sequence[Course]

USUAL = "as it is"
REDTEAM = "red team"
SIMULATED_REDTEAM = "red team, simulated"
SLOWER = "learning rate x0.3"
FASTER = "learning rate x3"


def named(courses: Courses, name: str) -> Course | None:
    """Return the course of this name, where it was run."""
    return next((course for course in courses if course.name == name), None)


def hunt(courses: Courses) -> Course | None:
    """Return the red team's course, where it was run: among recorded courses it is the one that is simulated."""
    return named(courses, REDTEAM) or named(courses, SIMULATED_REDTEAM)
