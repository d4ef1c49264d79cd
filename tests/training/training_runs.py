"""Whole runs in one call, with a grader in the place of the Lambda."""

from collections.abc import Sequence
from dataclasses import dataclass

from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.metrics import HeldOut
from simulator.training.sampling import Group
from simulator.training.training_run import (
    Run,
    State,
    StepOutcome,
    evaluated,
    initial_state,
    learned,
    prepared,
    sampled,
    sampled_held_out,
)
from tests.training.reward_functions import Grader

GPT = "openai.gpt-oss-20b"
QWEN = "qwen.qwen3-32b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """A finished run."""

    run: Run
    outcomes: tuple[StepOutcome, ...]
    evaluations: tuple[HeldOut, ...]

    @property
    def state(self) -> State:
        """The last state."""
        return self.outcomes[-1].state

    def rewards(self) -> list[float]:
        """Mean reward of each step."""
        return [outcome.metrics.critic_rewards_mean for outcome in self.outcomes]

    def quality(self) -> list[float]:
        """True quality of each step."""
        return [outcome.truth.quality_mean for outcome in self.outcomes]


def scored(groups: Sequence[Group], grader: Grader) -> tuple[tuple[float, ...], ...]:
    """Score each rollout of each group."""
    return tuple(tuple(grader(group.prompt.record, rollout.text) for rollout in group.rollouts) for group in groups)


def trained(
    records: tuple[Record, ...],
    grader: Grader,
    *,
    model: str = GPT,
    hyperparameters: Hyperparameters | None = None,
    seed: int = 1,
    evaluate: bool = False,
    steps: int | None = None,
) -> Training:
    """Train on the records, to the end or for some steps."""
    run = prepared(records, model=model, hyperparameters=hyperparameters or Hyperparameters(), seed=seed)
    state = initial_state()
    outcomes: list[StepOutcome] = []
    evaluations: list[HeldOut] = []
    for step in range((steps or run.plan.total_steps) + 1):
        if step:
            groups = sampled(run, state)
            outcomes.append(learned(run, state, groups, scored(groups, grader)))
            state = outcomes[-1].state
        if evaluate and step in run.plan.evaluation_steps:
            held_out = sampled_held_out(run, state)
            evaluations.append(evaluated(state, held_out, scored(held_out, grader)))
    return Training(run=run, outcomes=tuple(outcomes), evaluations=tuple(evaluations))


def mean(values: Sequence[float]) -> float:
    """Average."""
    return sum(values) / len(values)
