"""Recorded responses for tests: the simulated base model stands for a real one, whose outputs somebody kept."""

from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.policy import BASE
from simulator.training.recorded_policy import Response
from simulator.training.training_run import Run, evaluated, initial_state, learned, prepared, sampled, sampled_held_out
from tests.training.reward_functions import Grader
from tests.training.training_runs import GPT, Training, scored


def recordings(records: tuple[Record, ...], *, count: int = 16) -> dict[int, tuple[Response, ...]]:
    """Return `count` responses of the untrained model to each record, by line."""
    run = prepared(records, model=GPT, hyperparameters=Hyperparameters(batch_size=1), seed=99, validation=records[:1])
    return {
        line: tuple(
            Response(
                text=rollout.text,
                reasoning=rollout.reasoning,
                tokens=rollout.response_length,
                reasoning_tokens=rollout.reasoning_length,
                finish_reason="length" if rollout.truncated else "stop",
            )
            for rollout in source.sampled(BASE, rollouts=count, address=("recorded",)).rollouts
        )
        for line, source in run.train.items()
    }


def finished(run: Run, grader: Grader) -> Training:
    """Drive a run to its end, with an evaluation before and after."""
    state, outcomes, evaluations = initial_state(), [], []
    for step in range(run.plan.total_steps + 1):
        if step:
            groups = sampled(run, state)
            outcomes.append(learned(run, state, groups, scored(groups, grader)))
            state = outcomes[-1].state
        if step in (0, run.plan.total_steps):
            held_out = sampled_held_out(run, state)
            evaluations.append(evaluated(state, held_out, scored(held_out, grader)))
    return Training(run=run, outcomes=tuple(outcomes), evaluations=tuple(evaluations))
