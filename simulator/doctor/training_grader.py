"""Scores the rollouts of a simulated training run with the reward function under test."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from simulator.doctor.probe_context import SCORE_TOLERANCE, ProbeContext
from simulator.doctor.reward_function import in_environment
from simulator.doctor.timeout_budget import TimeoutBudgetError
from simulator.grading.grader import Grader, Sample, ThrottledError
from simulator.grading.grader_error import GraderError
from simulator.grading.lambda_event import response_text
from simulator.lambdas.errors import InvocationRejected, Throttled
from simulator.lambdas.function import Invocation
from simulator.training.random_draws import shuffle_lines
from simulator.training.sampling import Group

_RolloutKey: TypeAlias = tuple[str, int, str]
"""The split, the record's line and the response."""


class GroupGrader:
    """Scores groups of rollouts as a job does, with as many concurrent calls as the doctor run allows.

    It makes each call once: a function that fails now and then is a finding, which a retry would hide.

    A policy repeats itself: about two thirds of the rollouts of the simulated runs are equal to earlier ones. So the
    rollouts of the first step are scored twice, the second time under other ids, in another order and in other calls.
    If their rewards are equal, a reward depends on the rollout alone, and equal rollouts are scored only once.
    """

    def __init__(self, context: ProbeContext) -> None:
        self._context = context
        self._settings = context.settings.grading
        self._grader = Grader(
            function=context.reward_function.name,
            invoke=create_invoke(context),
            executor=context.invoker.executor,
            max_concurrency=context.invoker.concurrency,
            settings=replace(context.settings.grading, attempts=1),
        )
        self._reuses_rewards: bool | None = None
        self._rewards: dict[_RolloutKey, float] = {}

    def __call__(self, groups: Sequence[Group], *, split: str, step: int) -> tuple[tuple[float, ...], ...]:
        """Return the rewards, one tuple per group.

        Raises:
            GraderError: see `Grader.grade`.
        """
        samples = [
            Sample(record=group.prompt.record, rollout=rollout) for group in groups for rollout in group.rollouts
        ]
        rewards = self._grade_new(samples, split=split, step=step)
        if self._reuses_rewards is None and split == "train":
            self._reuses_rewards = self._gives_equal_rewards(samples, rewards, step=step)
        if self._reuses_rewards:
            self._rewards |= zip(self._keys(samples, split), rewards, strict=True)
        flat = iter(rewards)
        return tuple(tuple(next(flat) for _ in group.rollouts) for group in groups)

    def _grade_new(self, samples: Sequence[Sample], *, split: str, step: int) -> list[float]:
        """Return the rewards. Only rollouts without an earlier reward are sent, each once if rewards are reused."""
        if not self._reuses_rewards:
            return list(self._grade(samples, split=split, step=step))
        keys = self._keys(samples, split)
        new = {key: sample for key, sample in zip(keys, samples, strict=True) if key not in self._rewards}
        graded = self._grade(list(new.values()), split=split, step=step) if new else ()
        rewards = self._rewards | dict(zip(new, graded, strict=True))
        return [rewards[key] for key in keys]

    def _grade(self, samples: Sequence[Sample], *, split: str, step: int) -> tuple[float, ...]:
        graded = self._grader.grade(samples, split=split, step=step)
        self._context.invoker.call_count += graded.invocations
        self._context.invoker.add_service_calls(graded.service_calls)
        return graded.rewards

    def _gives_equal_rewards(self, samples: Sequence[Sample], rewards: Sequence[float], *, step: int) -> bool:
        order = shuffle_lines(range(len(samples)), self._context.seed, "doctor", "equal rewards")
        try:
            again = self._grade([samples[index] for index in order], split="train", step=step + 1)
        except GraderError:
            return False
        pairs = zip((rewards[index] for index in order), again, strict=True)
        return all(abs(first - second) <= SCORE_TOLERANCE for first, second in pairs)

    def _keys(self, samples: Sequence[Sample], split: str) -> list[_RolloutKey]:
        """Return what the function's events of these rollouts depend on, besides their ids."""
        return [(split, sample.record.line, response_text(sample.rollout, self._settings)) for sample in samples]


def create_invoke(context: ProbeContext) -> Callable[[bytes, int], Invocation]:
    """Return a function that invokes the reward function, within the doctor's time budget."""
    reward_function, budget = context.reward_function, context.invoker.timeout_budget

    def invoke(event: bytes, environment: int) -> Invocation:
        try:
            with in_environment(environment):
                return budget.invoke(reward_function, event)
        except TimeoutBudgetError as error:
            raise GraderError(function=reward_function.name, reason=str(error), advice="") from None
        except Throttled as error:
            raise ThrottledError(error.reason) from error
        except InvocationRejected as rejected:
            raise GraderError(function=reward_function.name, reason=rejected.message, advice="") from None

    return invoke
