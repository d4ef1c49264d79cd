"""One job's reward function: many rollouts in, one reward each out, through really invoked Lambda calls."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final, Protocol

from simulator.grading.lambda_event import encode_element, event_element, response_text, rollout_id, split_into_batches
from simulator.grading.lambda_response import TIMEOUT_ERROR_TYPE, GraderError, excerpt, parse_failure, parse_rewards
from simulator.http.sanitize import sanitize
from simulator.settings import GradingSettings
from simulator.training.dataset import Record
from simulator.training.sampling import Rollout

# Lambda takes 6 MB in a synchronous call and sends 6 MB back; the headroom is for what the function adds to an echo.
MAX_PAYLOAD_BYTES: Final = 5_500_000


class Invocation(Protocol):
    """What an invocation came to (see `simulator.lambdas`)."""

    @property
    def payload(self) -> bytes:
        """The function's answer, or the error object."""

    @property
    def function_error(self) -> str | None:
        """`Unhandled` when the function failed."""


class ThrottledError(Exception):
    """The function was not run because no concurrency was left for it; it may be asked again."""


Invoke = Callable[[bytes], Invocation]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A rollout with the record it answers."""

    record: Record
    rollout: Rollout


@dataclass(frozen=True, slots=True, kw_only=True)
class GradingResult:
    """One reward a sample, in order; how many invocations it took; what was retried, in words."""

    rewards: tuple[float, ...]
    invocations: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    ids: tuple[str, ...]
    texts: tuple[str, ...]
    payload: bytes

    @property
    def name(self) -> str:
        return self.ids[0] if len(self.ids) == 1 else f"{self.ids[0]} and {len(self.ids) - 1} more"


@dataclass(frozen=True, slots=True, kw_only=True)
class _TransientFailure:
    """A failure that may pass: the same call can be made again."""

    reason: str
    advice: str


class Grader:
    """Scores samples with one deployed function.

    `invoke` runs it once and raises `ThrottledError` when it could not be run; `executor` gives the concurrency, of
    which at most `width` is used when there is one. No lock is held while the function runs: it may call the
    simulator back.
    """

    def __init__(
        self,
        *,
        function: str,
        invoke: Invoke,
        executor: Executor,
        max_concurrency: int | None,
        settings: GradingSettings,
    ) -> None:
        self._function = function
        self._invoke = invoke
        self._executor = executor
        self._width = max_concurrency
        self._settings = settings

    def grade(self, samples: Sequence[Sample], *, split: str, step: int) -> GradingResult:
        """Return the rewards of `samples`.

        Calls run side by side; those that were throttled or timed out are tried again one after another, so that they
        no longer compete with each other. Nothing is scored in place of a function that failed.

        Raises:
            GraderError: the function raised, kept being throttled or timing out, or gave no usable score for a rollout.
        """
        calls = self._build_calls(samples, split=split, step=step)
        width = max(1, len(calls) if self._width is None else self._width)
        outcomes: list[list[float] | _TransientFailure] = []
        for start in range(0, len(calls), width):
            outcomes.extend(self._executor.map(self._invoke_once, calls[start : start + width]))
        rewards: list[float] = []
        warnings: list[str] = []
        for call, first in zip(calls, outcomes, strict=True):
            outcome = first
            for _ in range(1, self._settings.attempts):
                if not isinstance(outcome, _TransientFailure):
                    break
                warnings.append(sanitize(f"{outcome.reason} (rollout {call.name}); trying again", keep_newlines=True))
                outcome = self._invoke_once(call)
            if isinstance(outcome, _TransientFailure):
                raise GraderError(
                    function=self._function,
                    rollout=call.name,
                    reason=f"{outcome.reason}, {self._settings.attempts} times in a row",
                    advice=outcome.advice,
                )
            rewards.extend(outcome)
        return GradingResult(rewards=tuple(rewards), invocations=len(calls) + len(warnings), warnings=tuple(warnings))

    def _build_calls(self, samples: Sequence[Sample], *, split: str, step: int) -> list[_Call]:
        ids = [
            rollout_id(split=split, step=step, line=sample.record.line, index=sample.rollout.index)
            for sample in samples
        ]
        elements = [
            encode_element(
                event_element(
                    rollout_id=name,
                    record=sample.record,
                    text=response_text(sample.rollout, self._settings),
                    settings=self._settings,
                )
            )
            for name, sample in zip(ids, samples, strict=True)
        ]
        calls = []
        for span in split_into_batches(
            elements, max_elements=self._settings.rollouts_per_call, max_bytes=MAX_PAYLOAD_BYTES
        ):
            chosen = slice(span.start, span.stop)
            call = _Call(
                ids=tuple(ids[chosen]),
                texts=tuple(sample.rollout.text for sample in samples[chosen]),
                payload=b"[" + b",".join(elements[chosen]) + b"]",
            )
            if len(call.payload) > MAX_PAYLOAD_BYTES:
                raise GraderError(
                    function=self._function,
                    rollout=call.ids[0],
                    reason=f"its event alone is {len(call.payload):,} bytes and Lambda takes {MAX_PAYLOAD_BYTES:,} with headroom",
                    advice=f"Shorten the record at line {samples[span.start].record.line} of the {split} file.",
                )
            calls.append(call)
        return calls

    def _invoke_once(self, call: _Call) -> list[float] | _TransientFailure:
        try:
            result = self._invoke(call.payload)
        except ThrottledError as throttled:
            return _TransientFailure(
                reason=f"the invocation was throttled: {throttled}",
                advice="Raise the function's reserved concurrency, or remove it.",
            )
        if not result.function_error:
            return parse_rewards(result.payload, rollout_ids=call.ids, function=self._function)
        failure = parse_failure(result.payload)
        if failure.type == TIMEOUT_ERROR_TYPE:
            return _TransientFailure(
                reason=f"the invocation timed out: {failure.message}",
                advice="Raise the function's timeout (Lambda's default is 3 seconds, the most 900) or make it faster.",
            )
        return self._raise_for_failed_call(
            call, f"the function failed with {failure.type}: {failure.message}{failure.location}"
        )

    def _raise_for_failed_call(self, call: _Call, reason: str) -> list[float] | _TransientFailure:
        """Find which rollout of a failed call fails alone, and say so.

        Raises:
            GraderError: always.
        """
        found = f"It was grading the text {json.dumps(excerpt(call.texts[0]), ensure_ascii=False)}."
        if len(call.ids) > 1:
            elements = json.loads(call.payload)
            for name, text, element in zip(call.ids, call.texts, elements, strict=True):
                self._invoke_once(_Call(ids=(name,), texts=(text,), payload=b"[" + encode_element(element) + b"]"))
            found = f"None of the {len(call.ids)} fails alone: it is the batch, or how often the function was called."
        log = f"/aws/lambda/{_function_name(self._function)}"
        raise GraderError(
            function=self._function,
            rollout=call.name,
            reason=reason,
            advice=f"{found} Its log is in CloudWatch Logs under {log}.",
        )


def _function_name(function: str) -> str:
    return function.rsplit(":function:", maxsplit=1)[-1].partition(":")[0]
