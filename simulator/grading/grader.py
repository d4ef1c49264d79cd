"""Score rollouts with one job's reward function by invoking the deployed Lambda function."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final, Protocol

from simulator.grading.grader_error import GraderError, excerpt
from simulator.grading.grading_call import GradingCall
from simulator.grading.lambda_event import encode_element, event_element, response_text, rollout_id, split_into_batches
from simulator.grading.lambda_failure import TIMEOUT_ERROR_TYPE, LambdaFailure, describe_cause, parse_failure
from simulator.grading.lambda_response import parse_rewards
from simulator.http.sanitize import sanitize
from simulator.http.service_calls import ServiceCalls, merge_service_calls
from simulator.settings import GradingSettings
from simulator.training.dataset import Record
from simulator.training.sampling import Rollout

# Lambda's limit is 6 MB for a synchronous request and for its response. A response may repeat the event and add to it.
MAX_PAYLOAD_BYTES: Final = 5_500_000

# In simulated seconds. INFERRED: AWS says only "exponential backoff". The waits begin with 1 and double each time.
_LONGEST_RETRY_WAIT: Final = 60


class Invocation(Protocol):
    """The result of an invocation (see `simulator.lambdas`)."""

    @property
    def payload(self) -> bytes:
        """The function's response, or Lambda's error object."""

    @property
    def function_error(self) -> str | None:
        """`Unhandled` if the function failed, else None."""

    @property
    def service_calls(self) -> tuple[ServiceCalls, ...]:
        """The calls to AWS services that the function made."""


class ThrottledError(Exception):
    """The function was not invoked because it had no concurrency left. The call can be retried."""


Invoke = Callable[[bytes, int], Invocation]
"""Invokes the function once with an event, in the environment of a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A rollout with its record."""

    record: Record
    rollout: Rollout


@dataclass(frozen=True, slots=True, kw_only=True)
class GradingResult:
    """One reward per sample in order, the number of invocations, and one sentence per retry.

    `retry_seconds` is how long the rewards came later because of retries, in simulated time. `service_calls` are the
    calls to AWS services that the function made for these rewards.
    """

    rewards: tuple[float, ...]
    invocations: int
    warnings: tuple[str, ...]
    retry_seconds: int = 0
    service_calls: tuple[ServiceCalls, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scores:
    """The usable response of a call."""

    rewards: list[float]
    service_calls: tuple[ServiceCalls, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    """A failure after which the same call can be retried. `error` is Lambda's error object if the function raised."""

    reason: str
    advice: str = ""
    error: LambdaFailure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Retried:
    """A call that succeeded in the end, with one sentence per retry and the simulated seconds between its attempts."""

    scores: _Scores
    warnings: tuple[str, ...]
    waited: int


class Grader:
    """Scores samples with one deployed function.

    No lock is held while the function runs, because it may send requests to the simulator.
    """

    def __init__(
        self,
        *,
        function: str,
        invoke: Invoke,
        executor: Executor,
        max_concurrency: int,
        settings: GradingSettings,
        explain: Callable[[LambdaFailure], str] = lambda _failure: "",
        log_group: str = "",
    ) -> None:
        """Connect the parts.

        Args:
            function: the function's ARN.
            invoke: invokes the function once; raises ThrottledError if it has no concurrency left.
            executor: makes concurrent calls.
            max_concurrency: the most calls at once, each in an environment of its own.
            settings: the event's layout, the batch size and the retries.
            log_group: the function's log group, if it is not that of its name.
            explain: returns what is known about the cause of a failure, as whole sentences; empty for most failures.
        """
        self._function = function
        self._invoke = invoke
        self._executor = executor
        self._max_concurrency = max_concurrency
        self._settings = settings
        self._explain = explain
        self._log_group = log_group or f"/aws/lambda/{_function_name(function)}"

    def grade(self, samples: Sequence[Sample], *, split: str, step: int) -> GradingResult:
        """Return the rewards of `samples`.

        The calls run concurrently, each environment on every n-th of them in order, so that a function that keeps state
        gives the same scores in every run. Calls that were throttled, timed out or failed are then retried one at a
        time, so that they do not compete with each other. In simulated time the calls wait side by side, so the longest
        wait counts. A function that fails never gets a substitute score, and an unusable response is never retried.

        Raises:
            GraderError: the function raised an exception, was throttled or timed out in every attempt, or returned no
                usable score for a rollout.
        """
        calls = self._build_calls(samples, split=split, step=step)
        environments = max(1, self._max_concurrency)
        outcomes = self._invoke_all(calls, environments=environments)
        finished: list[_Retried] = []
        for index, (call, outcome) in enumerate(zip(calls, outcomes, strict=True)):
            try:
                finished.append(self._retry(call, outcome, index % environments))
            except GraderError as error:
                error.retry_seconds = max([error.retry_seconds, *(earlier.waited for earlier in finished)])
                raise
        warnings = tuple(warning for each in finished for warning in each.warnings)
        return GradingResult(
            rewards=tuple(reward for each in finished for reward in each.scores.rewards),
            invocations=len(calls) + len(warnings),
            warnings=warnings,
            retry_seconds=max((each.waited for each in finished), default=0),
            service_calls=merge_service_calls(each.scores.service_calls for each in finished),
        )

    def _retry(self, call: GradingCall, outcome: _Scores | _Failure, environment: int) -> _Retried:
        """Make a call again until it succeeds.

        Raises:
            GraderError: it failed as often as `attempts` says, or its response was unusable.
        """
        warnings: list[str] = []
        waited = 0
        try:
            while isinstance(outcome, _Failure):
                attempts = len(warnings) + 1
                if not self._may_retry(outcome, attempts=attempts):
                    raise self._final_error(call, outcome, environment, attempts=attempts)
                wait = min(2 ** len(warnings), _LONGEST_RETRY_WAIT)
                sentence = f"{outcome.reason} (rollout {call.name}); trying again in {wait} s"
                warnings.append(sanitize(sentence, keep_newlines=True))
                waited += wait
                outcome = self._invoke_once(call, environment)
        except GraderError as error:
            error.retry_seconds = waited
            raise
        return _Retried(scores=outcome, warnings=tuple(warnings), waited=waited)

    def _invoke_all(self, calls: Sequence[GradingCall], *, environments: int) -> list[_Scores | _Failure]:
        """Make all calls and return their outcomes in order.

        Raises:
            GraderError: the error of the first call that failed; its environment made no more calls.
        """

        def invoke_in(environment: int) -> list[_Scores | _Failure | GraderError]:
            outcomes: list[_Scores | _Failure | GraderError] = []
            for call in calls[environment::environments]:
                try:
                    outcome = self._invoke_once(call, environment)
                    if isinstance(outcome, _Failure) and outcome.error and not self._may_retry(outcome, attempts=1):
                        raise self._final_error(call, outcome, environment, attempts=1)
                    outcomes.append(outcome)
                except GraderError as error:
                    outcomes.append(error)
                    break
            return outcomes

        by_environment = list(self._executor.map(invoke_in, range(min(environments, len(calls)))))
        ordered: list[_Scores | _Failure] = []
        for index in range(len(calls)):
            # An environment's outcomes end with its error, so an earlier index always has the error.
            outcome = by_environment[index % environments][index // environments]
            if isinstance(outcome, GraderError):
                raise outcome
            ordered.append(outcome)
        return ordered

    def _build_calls(self, samples: Sequence[Sample], *, split: str, step: int) -> list[GradingCall]:
        ids = [
            rollout_id(split=split, step=step, line=sample.record.line, index=sample.rollout.index)
            for sample in samples
        ]
        elements = [
            encode_element(
                event_element(
                    rollout_id=sample_id,
                    record=sample.record,
                    text=response_text(sample.rollout, self._settings),
                    settings=self._settings,
                )
            )
            for sample_id, sample in zip(ids, samples, strict=True)
        ]
        calls = []
        for batch in split_into_batches(
            elements, max_elements=self._settings.rollouts_per_call, max_bytes=MAX_PAYLOAD_BYTES
        ):
            call_range = slice(batch.start, batch.stop)
            call = GradingCall(
                ids=tuple(ids[call_range]),
                texts=tuple(sample.rollout.text for sample in samples[call_range]),
                payload=b"[" + b",".join(elements[call_range]) + b"]",
            )
            if len(call.payload) > MAX_PAYLOAD_BYTES:
                raise GraderError(
                    function=self._function,
                    rollout=call.ids[0],
                    reason=(
                        f"its event alone is {len(call.payload):,} bytes "
                        f"and Lambda takes {MAX_PAYLOAD_BYTES:,} with headroom"
                    ),
                    advice=f"Shorten the record at line {samples[batch.start].record.line} of the {split} file.",
                )
            calls.append(call)
        return calls

    def _invoke_once(self, call: GradingCall, environment: int) -> _Scores | _Failure:
        try:
            result = self._invoke(call.payload, environment)
        except ThrottledError as throttled:
            return _Failure(
                reason=f"the invocation was throttled: {throttled}",
                advice="Raise the function's reserved concurrency, or remove it.",
            )
        if not result.function_error:
            rewards = parse_rewards(result.payload, rollout_ids=call.ids, function=self._function)
            return _Scores(rewards=rewards, service_calls=result.service_calls)
        failure = parse_failure(result.payload)
        if failure.type == TIMEOUT_ERROR_TYPE:
            return _Failure(
                reason=f"the invocation timed out: {failure.message}",
                advice="Raise the function's timeout (Lambda's default is 3 seconds, the most 900) or make it faster.",
            )
        return _Failure(
            reason=f"the function failed with {failure.type}: {failure.message}{failure.location}", error=failure
        )

    def _may_retry(self, outcome: _Failure, *, attempts: int) -> bool:
        return attempts < self._settings.attempts and (outcome.error is None or self._settings.retry_exceptions)

    def _final_error(self, call: GradingCall, outcome: _Failure, environment: int, *, attempts: int) -> GraderError:
        """Return the error of a call that is not made again.

        A call that raised is repeated with one rollout at a time, so that the error names the one that fails alone.

        Raises:
            GraderError: the response for a rollout alone is unusable.
        """
        reason = f"{outcome.reason}, {attempts} times in a row" if attempts > 1 else outcome.reason
        if outcome.error is None:
            return GraderError(function=self._function, rollout=call.name, reason=reason, advice=outcome.advice)
        context = f"It was grading the text {json.dumps(excerpt(call.texts[0]), ensure_ascii=False)}."
        if len(call.ids) > 1:
            for single in call.split():
                single_outcome = self._invoke_once(single, environment)
                if isinstance(single_outcome, _Failure) and single_outcome.error:
                    return self._final_error(single, single_outcome, environment, attempts=attempts)
            context = f"None of the {len(call.ids)} fails alone: it is the batch, or how often the function was called."
        cause = self._explain(outcome.error) or describe_cause(outcome.error)
        return GraderError(
            function=self._function,
            rollout=call.name,
            reason=reason,
            advice=f"{cause} {context} Its log is in CloudWatch Logs under {self._log_group}.",
        )


def _function_name(function: str) -> str:
    return function.rsplit(":function:", maxsplit=1)[-1].partition(":")[0]
