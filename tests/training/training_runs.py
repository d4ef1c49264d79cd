"""Whole training runs in one call, with a reward function instead of a Lambda function."""

from collections.abc import Sequence
from dataclasses import dataclass

from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.metrics import HeldOutMetrics
from simulator.training.sampling import Group
from simulator.training.training_run import (
    StepOutcome,
    TrainingRun,
    TrainingState,
    evaluate_held_out,
    initial_state,
    prepare_run,
    sample_held_out,
    sample_step,
    train_step,
)
from tests.training.reward_functions import RewardFunction

GPT = "openai.gpt-oss-20b"
QWEN = "qwen.qwen3-32b"


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun:
    """A finished run."""

    run: TrainingRun
    outcomes: tuple[StepOutcome, ...]
    evaluations: tuple[HeldOutMetrics, ...]

    @property
    def state(self) -> TrainingState:
        """The last state."""
        return self.outcomes[-1].state

    def rewards(self) -> list[float]:
        """Mean reward of each step."""
        return [outcome.metrics.critic_rewards_mean for outcome in self.outcomes]

    def quality(self) -> list[float]:
        """True quality of each step."""
        return [outcome.ground_truth.quality_mean for outcome in self.outcomes]


def score_groups(groups: Sequence[Group], reward: RewardFunction) -> tuple[tuple[float, ...], ...]:
    """Return the reward of each rollout of each group."""
    return tuple(tuple(reward(group.prompt.record, rollout.text) for rollout in group.rollouts) for group in groups)


def train(
    records: tuple[Record, ...],
    reward: RewardFunction,
    *,
    model: str = GPT,
    hyperparameters: Hyperparameters | None = None,
    seed: int = 1,
    evaluate: bool = False,
    steps: int | None = None,
) -> FinishedRun:
    """Train on the records, to the end or for some steps."""
    run = prepare_run(records, model=model, hyperparameters=hyperparameters or Hyperparameters(), seed=seed)
    state = initial_state()
    outcomes: list[StepOutcome] = []
    evaluations: list[HeldOutMetrics] = []
    for step in range((steps or run.plan.total_steps) + 1):
        if step:
            groups = sample_step(run, state)
            outcomes.append(train_step(run, state, groups, score_groups(groups, reward)))
            state = outcomes[-1].state
        if evaluate and step in run.plan.evaluation_steps:
            held_out = sample_held_out(run, state)
            evaluations.append(evaluate_held_out(state, held_out, score_groups(held_out, reward)))
    return FinishedRun(run=run, outcomes=tuple(outcomes), evaluations=tuple(evaluations))


def mean(values: Sequence[float]) -> float:
    """Return the mean."""
    return sum(values) / len(values)
