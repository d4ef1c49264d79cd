"""Recorded responses for tests: the simulated base model takes the place of a real one."""

from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.recorded_response import RecordedResponse
from simulator.training.training_run import (
    TrainingRun,
    evaluate_held_out,
    initial_state,
    prepare_run,
    sample_held_out,
    sample_step,
    train_step,
)
from simulator.training.weights import BASE_WEIGHTS
from tests.training.reward_functions import RewardFunction
from tests.training.training_runs import GPT, FinishedRun, score_groups


def record_responses(records: tuple[Record, ...], *, count: int = 16) -> dict[int, tuple[RecordedResponse, ...]]:
    """Return `count` responses of the untrained model to each record, by line."""
    run = prepare_run(
        records, model=GPT, hyperparameters=Hyperparameters(batch_size=1), seed=99, validation=records[:1]
    )
    return {
        line: tuple(
            RecordedResponse(
                text=rollout.text,
                reasoning=rollout.reasoning,
                tokens=rollout.response_length,
                reasoning_tokens=rollout.reasoning_length,
                finish_reason="length" if rollout.truncated else "stop",
            )
            for rollout in source.sample_group(BASE_WEIGHTS, rollouts=count, random_key=("recorded",)).rollouts
        )
        for line, source in run.train_sources.items()
    }


def run_to_end(run: TrainingRun, reward: RewardFunction) -> FinishedRun:
    """Train to the end, with an evaluation before and after."""
    state, outcomes, evaluations = initial_state(), [], []
    for step in range(run.plan.total_steps + 1):
        if step:
            groups = sample_step(run, state)
            outcomes.append(train_step(run, state, groups, score_groups(groups, reward)))
            state = outcomes[-1].state
        if step in (0, run.plan.total_steps):
            held_out = sample_held_out(run, state)
            evaluations.append(evaluate_held_out(state, held_out, score_groups(held_out, reward)))
    return FinishedRun(run=run, outcomes=tuple(outcomes), evaluations=tuple(evaluations))
