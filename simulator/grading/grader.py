"""Score rollouts with one job's reward function by invoking the deployed Lambda function."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final, Protocol

from simulator.grading.grader_error import GraderError, excerpt
from simulator.grading.lambda_event import encode_element, event_element, response_text, rollout_id, split_into_batches
from simulator.grading.lambda_failure import TIMEOUT_ERROR_TYPE, LambdaFailure, parse_failure
from simulator.grading.lambda_response import parse_rewards
from simulator.http.sanitize import sanitize
from simulator.http.service_calls import ServiceCalls, merge_service_calls
from simulator.settings import GradingSettings
from simulator.training.dataset import Record
from simulator.training.sampling import Rollout

# Lambda's limit is 6 MB for a synchronous request and for its response. A response may repeat the event and add to it.
MAX_PAYLOAD_BYTES: Final = 5_500_000


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
    """One reward per sample in order, the number of invocations, and one sentence per retried call.

    `service_calls` are the calls to AWS services that the function made for these rewards.
    """

    rewards: tuple[float, ...]
    invocations: int
    warnings: tuple[str, ...]
    service_calls: tuple[ServiceCalls, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """One event: the ids and texts of its rollouts, and its encoded payload."""

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    payload: bytes

    @property
    def name(self) -> str:
        return self.ids[0] if len(self.ids) == 1 else f"{self.ids[0]} and {len(self.ids) - 1} more"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scores:
    """The usable response of a call."""

    rewards: list[float]
    service_calls: tuple[ServiceCalls, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _TransientFailure:
    """A failure after which the same call can be retried."""

    reason: str
    advice: str


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
            settings: the event's layout, the batch size and the number of attempts.
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
        gives the same scores in every run. Calls that were throttled or timed out are then retried one at a time, so
        that they do not compete with each other. A function that fails never gets a substitute score.

        Raises:
            GraderError: the function raised an exception, was throttled or timed out in every attempt, or returned no
                usable score for a rollout.
        """
        calls = self._build_calls(samples, split=split, step=step)
        environments = max(1, self._max_concurrency)
        outcomes = self._invoke_all(calls, environments=environments)
        scores: list[_Scores] = []
        warnings: list[str] = []
        for index, (call, first_outcome) in enumerate(zip(calls, outcomes, strict=True)):
            outcome = first_outcome
            for _ in range(1, self._settings.attempts):
                if not isinstance(outcome, _TransientFailure):
                    break
                warnings.append(sanitize(f"{outcome.reason} (rollout {call.name}); trying again", keep_newlines=True))
                outcome = self._invoke_once(call, index % environments)
            if isinstance(outcome, _TransientFailure):
                raise GraderError(
                    function=self._function,
                    rollout=call.name,
                    reason=f"{outcome.reason}, {self._settings.attempts} times in a row",
                    advice=outcome.advice,
                )
            scores.append(outcome)
        return GradingResult(
            rewards=tuple(reward for score in scores for reward in score.rewards),
            invocations=len(calls) + len(warnings),
            warnings=tuple(warnings),
            service_calls=merge_service_calls(score.service_calls for score in scores),
        )

    def _invoke_all(self, calls: Sequence[_Call], *, environments: int) -> list[_Scores | _TransientFailure]:
        """Make all calls and return their outcomes in order.

        Raises:
            GraderError: the error of the first call that failed; its environment made no more calls.
        """

        def invoke_in(environment: int) -> list[_Scores | _TransientFailure | GraderError]:
            outcomes: list[_Scores | _TransientFailure | GraderError] = []
            for call in calls[environment::environments]:
                try:
                    outcomes.append(self._invoke_once(call, environment))
                except GraderError as error:
                    outcomes.append(error)
                    break
            return outcomes

        by_environment = list(self._executor.map(invoke_in, range(min(environments, len(calls)))))
        ordered: list[_Scores | _TransientFailure] = []
        for index in range(len(calls)):
            # An environment's outcomes end with its error, so an earlier index always has the error.
            outcome = by_environment[index % environments][index // environments]
            if isinstance(outcome, GraderError):
                raise outcome
            ordered.append(outcome)
        return ordered

    def _build_calls(self, samples: Sequence[Sample], *, split: str, step: int) -> list[_Call]:
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
            call = _Call(
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

    def _invoke_once(self, call: _Call, environment: int) -> _Scores | _TransientFailure:
        try:
            result = self._invoke(call.payload, environment)
        except ThrottledError as throttled:
            return _TransientFailure(
                reason=f"the invocation was throttled: {throttled}",
                advice="Raise the function's reserved concurrency, or remove it.",
            )
        if not result.function_error:
            rewards = parse_rewards(result.payload, rollout_ids=call.ids, function=self._function)
            return _Scores(rewards=rewards, service_calls=result.service_calls)
        failure = parse_failure(result.payload)
        if failure.type == TIMEOUT_ERROR_TYPE:
            return _TransientFailure(
                reason=f"the invocation timed out: {failure.message}",
                advice="Raise the function's timeout (Lambda's default is 3 seconds, the most 900) or make it faster.",
            )
        return self._raise_for_failed_call(
            call,
            environment,
            f"the function failed with {failure.type}: {failure.message}{failure.location}",
            explanation=self._explain(failure),
        )

    def _raise_for_failed_call(
        self, call: _Call, environment: int, reason: str, *, explanation: str
    ) -> _Scores | _TransientFailure:
        """Repeat a failed call with one rollout at a time, and raise the error for the rollout that fails alone.

        Raises:
            GraderError: always.
        """
        explanation = f"{explanation} " if explanation else ""
        context = f"It was grading the text {json.dumps(excerpt(call.texts[0]), ensure_ascii=False)}."
        if len(call.ids) > 1:
            elements = json.loads(call.payload)
            for name, text, element in zip(call.ids, call.texts, elements, strict=True):
                single = _Call(ids=(name,), texts=(text,), payload=b"[" + encode_element(element) + b"]")
                self._invoke_once(single, environment)
            context = f"None of the {len(call.ids)} fails alone: it is the batch, or how often the function was called."
        raise GraderError(
            function=self._function,
            rollout=call.name,
            reason=reason,
            advice=f"{explanation}{context} Its log is in CloudWatch Logs under {self._log_group}.",
        )


def _function_name(function: str) -> str:
    return function.rsplit(":function:", maxsplit=1)[-1].partition(":")[0]
