"""Stored rollouts scored again, in the calls that the job made of them."""

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
    """A rollout with its new score, or why there is none."""

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
    """Score rollouts again, in their order: each step by itself, under the ids that it had, several calls at once.

    A rollout that makes its call fail costs the others of that call nothing. `on_call` is called after each invocation,
    on any thread.

    Raises:
        NoAnswersError: of a whole step no rollout has a score, or a call ran into the function's time-out.
    """
    steps = [tuple(step) for _, step in groupby(rollouts, key=lambda rollout: (rollout.split, rollout.step))]

    def scored(step: tuple[StoredRollout, ...]) -> tuple[RegradedRollout, ...]:
        asker = Invoker(reward_function=reward_function, settings=grading, on_call=on_call)
        cases = [Case(label=one.split, record=one.record, text=_text(one, grading)) for one in step]
        answers = asker.score(cases, ids=[one.id for one in step], keep=False)
        return tuple(
            RegradedRollout(rollout=one, score=answer.score, error=answer.error)
            for one, answer in zip(step, answers, strict=True)
        )

    with create_executor(grading.concurrency) as executor:
        return tuple(one for step in executor.map(scored, steps) for one in step)


def _text(stored: StoredRollout, grading: GradingSettings) -> str:
    """Return what the function is shown, by the one rule for it; how long the thinking was is not stored."""
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
