"""Scores stored rollouts again, in the same calls as the job."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from simulator.doctor.executors import create_executor
from simulator.doctor.invocation import Call, Case, Invoker
from simulator.doctor.regrade.stored_rollouts import StoredRollout
from simulator.doctor.reward_function import RewardFunction
from simulator.grading.lambda_event import response_text
from simulator.settings import GradingSettings
from simulator.training.sampling import Rollout


@dataclass(frozen=True, slots=True, kw_only=True)
class RegradedRollout:
    """A rollout with its new score, or the error if there is none."""

    rollout: StoredRollout
    score: float | None
    error: str = ""


def regrade_rollouts(
    rollouts: Sequence[StoredRollout],
    *,
    reward_function: RewardFunction,
    grading: GradingSettings,
    on_call: Callable[[Call], None] = lambda _call: None,
) -> tuple[RegradedRollout, ...]:
    """Score rollouts again, in order, with their old ids. Each step has its own calls, several at once.

    A rollout whose call fails does not change the scores of the others. `on_call` is called after each invocation, on
    any thread.

    Raises:
        NoScoresError: no rollout of a step has a score, or a call reached the function's time-out.
    """
    steps = [tuple(step) for _, step in groupby(rollouts, key=lambda rollout: (rollout.split, rollout.step))]

    def score_step(step: tuple[StoredRollout, ...]) -> tuple[RegradedRollout, ...]:
        invoker = Invoker(reward_function=reward_function, settings=grading, on_call=on_call)
        cases = [
            Case(label=rollout.split, record=rollout.record, text=_response_text(rollout, grading)) for rollout in step
        ]
        results = invoker.score(cases, ids=[rollout.id for rollout in step], keep=False)
        return tuple(
            RegradedRollout(rollout=rollout, score=result.score, error=result.error)
            for rollout, result in zip(step, results, strict=True)
        )

    with create_executor(grading.concurrency) as executor:
        return tuple(row for step in executor.map(score_step, steps) for row in step)


def _response_text(stored: StoredRollout, grading: GradingSettings) -> str:
    """Return the text that the function receives, as in a job. The lengths are not stored, and are not needed."""
    rollout = Rollout(
        line=stored.record.line,
        index=stored.index,
        text=stored.response,
        reasoning=stored.reasoning,
        reasoning_length=0,
        response_length=0,
        truncated=False,
        correct=stored.correct,
        exploit=stored.exploit,
        actions=(),
        entropy=0.0,
    )
    return response_text(rollout, grading)
