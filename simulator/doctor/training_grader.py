"""Scores the rollouts of a simulated training run with the reward function under test."""

from collections.abc import Callable, Sequence

from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.simulated_training import _TrainingSetup
from simulator.doctor.timeout_budget import TimeoutBudgetError
from simulator.grading.grader import Grader, Sample, ThrottledError
from simulator.grading.lambda_response import GraderError
from simulator.lambdas.errors import InvocationRejected, Throttled
from simulator.lambdas.function import Invocation
from simulator.training.sampling import Group


class GroupGrader:
    """Scores groups as a job does, as many calls at once as the visit makes."""

    def __init__(self, rehearsal: _TrainingSetup) -> None:
        self._exam = rehearsal.exam
        self._grader = Grader(
            function=rehearsal.exam.reward_function.name,
            invoke=create_invoke(rehearsal.exam),
            executor=rehearsal.exam.invoker.executor,
            max_concurrency=rehearsal.exam.invoker.concurrency,
            settings=rehearsal.exam.settings.grading,
        )

    def __call__(self, groups: Sequence[Group], *, split: str, step: int) -> tuple[tuple[float, ...], ...]:
        """Return the rewards, one tuple per group."""
        samples = [
            Sample(record=group.prompt.record, rollout=rollout) for group in groups for rollout in group.rollouts
        ]
        graded = self._grader.grade(samples, split=split, step=step)
        self._exam.invoker.call_count += graded.invocations
        flat = iter(graded.rewards)
        return tuple(tuple(next(flat) for _ in group.rollouts) for group in groups)


def create_invoke(exam: ProbeContext) -> Callable[[bytes], Invocation]:
    """Return a function that invokes the reward function, within the doctor's time budget."""
    patient, patience = exam.reward_function, exam.invoker.timeout_budget

    def invoke(event: bytes) -> Invocation:
        try:
            return patience.invoke(patient, event)
        except TimeoutBudgetError as hung:
            raise GraderError(function=patient.name, reason=str(hung), advice="") from None
        except Throttled as throttled:
            raise ThrottledError(throttled.reason) from throttled
        except InvocationRejected as refused:
            raise GraderError(function=patient.name, reason=refused.message, advice="") from None

    return invoke
