"""Grades with deployed Lambda functions: finds the function, checks the caller's permission and invokes it."""

from collections.abc import Callable
from concurrent.futures import Executor
from typing import Final

from simulator.aws.simulated_aws import SimulatedAws
from simulator.grading.grader import Grader, GradingResult, Sample, ThrottledError
from simulator.grading.grader_error import GraderError
from simulator.grading.lambda_failure import LambdaFailure
from simulator.jobs.job import JobSpec
from simulator.lambdas.compiled_modules import describe_differences, find_modules_behind_error
from simulator.lambdas.configuration import check_configuration
from simulator.lambdas.environments import Affinity
from simulator.lambdas.errors import InvocationRejected, Throttled, UnsupportedPackage
from simulator.lambdas.file_modes import explain_permission_error
from simulator.lambdas.function import FunctionSpec, Invocation
from simulator.lambdas.interpreters import (
    Interpreter,
    describe_missing_python,
    describe_other_python,
    is_python_runtime,
)
from simulator.lambdas.pool import EnvironmentPool
from simulator.settings import LambdaPython, Settings

_NEAREST: Final = f"lambda_python={LambdaPython.NEAREST}"


class DeployedGraders:
    """Grades with the function of a job, as the job's caller, in the same workers that serve `lambda.invoke`."""

    def __init__(
        self,
        *,
        aws: SimulatedAws,
        pool: EnvironmentPool,
        executor: Executor,
        settings: Settings,
        interpreter_for: Callable[[str], Interpreter],
    ) -> None:
        self._aws = aws
        self._pool = pool
        self._executor = executor
        self._settings = settings
        self._interpreter_for = interpreter_for

    def refusal_reason(self, spec: JobSpec) -> str | None:
        """Return why the simulator, unlike AWS, cannot run the job's function: its language or its Python.

        A function that does not exist is no reason: the job fails after the check of its files, as at AWS.
        """
        try:
            function_spec = self._aws.find_function_by_name(spec.grader_function)
        except UnsupportedPackage as rejection:
            return rejection.message.removesuffix(".")
        except InvocationRejected:
            return None
        if not is_python_runtime(function_spec.runtime):
            return (
                f"the simulator runs functions in Python only, and {spec.grader_function} has Runtime "
                f"{function_spec.runtime}. Bedrock accepts it, but its rewards cannot be computed here"
            )
        if self._settings.lambda_python is LambdaPython.EXACT and self._other_python(function_spec):
            reason, advice = describe_missing_python(function_spec.runtime)
            return f"{reason}. {advice}, or run it on another Python with the setting {_NEAREST}"
        return None

    def warnings(self, spec: JobSpec) -> tuple[str, ...]:
        """Return whether the function runs on another Python, and which of its compiled modules cannot be loaded."""
        try:
            function_spec = self._aws.find_function_by_name(spec.grader_function)
        except InvocationRejected:  # it was deleted after its check, which `grade` reports
            return ()
        return describe_differences(function_spec, self._interpreter_for(function_spec.runtime))

    def denial_reason(self, spec: JobSpec) -> str | None:
        """Return why the function cannot be invoked for this caller, or None.

        Fine-tuning uses no service role (DOCUMENTED): the caller needs lambda:InvokeFunction itself.
        """
        try:
            function_spec = self._aws.find_function_by_name(spec.grader_function)
            return self._aws.invoke_denial_reason(spec.caller, spec.grader_function) or check_configuration(
                function_spec
            )
        except InvocationRejected as rejection:
            return f"The reward function cannot be invoked: {rejection.message}"

    def release(self, job_id: str) -> None:
        """End the environments of a job."""
        self._pool.release(job_id)

    def grade(self, job_id: str, spec: JobSpec, samples: tuple[Sample, ...], *, split: str, step: int) -> GradingResult:
        """Return the rewards of the samples. Each call looks the function up, because its code may have been updated.

        The job has environments of its own, so no other caller changes the state that its function keeps.

        Raises:
            GraderError: see `Grader.grade`; or the function was deleted, or the caller may no longer invoke it.
        """
        arn = spec.grader_function
        try:
            function_spec = self._aws.find_function_by_name(arn)
        except InvocationRejected as rejection:
            raise GraderError(
                function=arn, reason=rejection.message, advice="Deploy it again and create another job."
            ) from None
        if reason := self._aws.invoke_denial_reason(spec.caller, arn):
            raise GraderError(function=arn, reason=reason, advice="Grant the permission and create another job.")

        def invoke(event: bytes, environment: int) -> Invocation:
            affinity = Affinity(owner=job_id, number=environment)
            try:
                return self._pool.invoke(function_spec, event, invoked_arn=arn, affinity=affinity)
            except Throttled as throttling:
                raise ThrottledError(throttling.reason) from throttling
            except InvocationRejected as rejection:
                raise GraderError(
                    function=arn, reason=rejection.message, advice="Check the function's configuration."
                ) from None

        def explain(failure: LambdaFailure) -> str:
            modules = find_modules_behind_error(
                function_spec,
                self._interpreter_for(function_spec.runtime),
                error_type=failure.type,
                message=failure.message,
            )
            return str(modules) if modules else explain_permission_error(function_spec, failure.message)

        settings, reserved = self._settings.grading, function_spec.reserved_concurrency
        # Beyond its reserved concurrency, Lambda would throttle some of the calls, which differ in every run.
        grader = Grader(
            function=arn,
            invoke=invoke,
            executor=self._executor,
            max_concurrency=settings.concurrency if reserved is None else min(settings.concurrency, reserved),
            settings=settings,
            explain=explain,
            log_group=function_spec.log_group,
        )
        return grader.grade(samples, split=split, step=step)

    def _other_python(self, function_spec: FunctionSpec) -> str | None:
        runtime = function_spec.runtime
        return describe_other_python(runtime, self._interpreter_for(runtime))
