"""The reward functions of jobs: deployed Lambda functions, looked up, allowed and really run."""

from concurrent.futures import Executor

from simulator.aws.simulated_aws import SimulatedAws
from simulator.grading.grader import Grader, GradingResult, Sample, ThrottledError
from simulator.grading.lambda_response import GraderError
from simulator.jobs.job import JobSpec
from simulator.lambdas.errors import InvocationRejected, Throttled
from simulator.lambdas.function import Invocation
from simulator.lambdas.limits import check_configuration
from simulator.lambdas.pool import EnvironmentPool
from simulator.settings import GradingSettings


class DeployedGraders:
    """Grades with the function that an order names, as its caller, in the same workers that serve `lambda.invoke`."""

    def __init__(
        self, *, aws: SimulatedAws, pool: EnvironmentPool, executor: Executor, settings: GradingSettings
    ) -> None:
        self._cloud = aws
        self._pool = pool
        self._executor = executor
        self._settings = settings

    def denial_reason(self, order: JobSpec) -> str | None:
        """Return why the function cannot be invoked for this caller, or None.

        There is no service role in this flow (DOCUMENTED): the caller's own identity must carry lambda:InvokeFunction.
        """
        try:
            spec = self._cloud.find_function_by_name(order.grader_function)
            return self._cloud.invoke_denial_reason(order.caller, order.grader_function) or check_configuration(spec)
        except InvocationRejected as refused:
            return f"The reward function cannot be invoked: {refused.message}"

    def grade(self, order: JobSpec, samples: tuple[Sample, ...], *, split: str, step: int) -> GradingResult:
        """Return the samples' rewards. The function is looked up anew each time: its code may have been updated.

        Raises:
            GraderError: see `Grader.grade`; or the function is gone, or no longer the caller's to invoke.
        """
        arn = order.grader_function
        try:
            spec = self._cloud.find_function_by_name(arn)
        except InvocationRejected as refused:
            raise GraderError(
                function=arn, reason=refused.message, advice="Deploy it again and make another job."
            ) from None
        if denied := self._cloud.invoke_denial_reason(order.caller, arn):
            raise GraderError(function=arn, reason=denied, advice="Grant the permission and make another job.")

        def invoke(event: bytes) -> Invocation:
            try:
                return self._pool.invoke(spec, event, invoked_arn=arn)
            except Throttled as throttled:
                raise ThrottledError(throttled.reason) from throttled
            except InvocationRejected as refused:
                raise GraderError(
                    function=arn, reason=refused.message, advice="See the function's configuration."
                ) from None

        # More calls side by side than the function has concurrency would throttle some of them, and which depends on
        # chance.
        grader = Grader(
            function=arn,
            invoke=invoke,
            executor=self._executor,
            max_concurrency=spec.reserved_concurrency,
            settings=self._settings,
        )
        return grader.grade(samples, split=split, step=step)
