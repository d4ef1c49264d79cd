"""Scores the rollouts of a simulated training run with the reward function under test."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.reward_function import in_environment
from simulator.doctor.timeout_budget import TimeoutBudgetError
from simulator.grading.grader import Grader, Sample, ThrottledError
from simulator.grading.grader_error import GraderError
from simulator.lambdas.errors import InvocationRejected, Throttled
from simulator.lambdas.function import Invocation
from simulator.training.sampling import Group


class GroupGrader:
    """Scores groups of rollouts as a job does, with as many concurrent calls as the doctor run allows.

    It makes each call once: a function that fails now and then is a finding, which a retry would hide.
    """

    def __init__(self, context: ProbeContext) -> None:
        self._context = context
        self._grader = Grader(
            function=context.reward_function.name,
            invoke=create_invoke(context),
            executor=context.invoker.executor,
            max_concurrency=context.invoker.concurrency,
            settings=replace(context.settings.grading, attempts=1),
        )

    def __call__(self, groups: Sequence[Group], *, split: str, step: int) -> tuple[tuple[float, ...], ...]:
        """Return the rewards, one tuple per group."""
        samples = [
            Sample(record=group.prompt.record, rollout=rollout) for group in groups for rollout in group.rollouts
        ]
        graded = self._grader.grade(samples, split=split, step=step)
        self._context.invoker.call_count += graded.invocations
        self._context.invoker.add_service_calls(graded.service_calls)
        flat = iter(graded.rewards)
        return tuple(tuple(next(flat) for _ in group.rollouts) for group in groups)


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
