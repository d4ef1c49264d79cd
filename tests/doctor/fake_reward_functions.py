"""Reward functions as Python functions, called in this process, and contexts for the probes of a test."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from simulator.doctor.finding import Finding
from simulator.doctor.loading import load_reward_function
from simulator.doctor.probe_context import ProbeContext, ProbeFunction
from simulator.doctor.reward_function import RewardFunction
from simulator.doctor.right_answers.given_answers import GivenAnswers
from simulator.doctor.timeout_budget import NoScoresError
from simulator.lambdas.compiled_modules import UnloadableModules
from simulator.lambdas.function import FunctionSpec, Invocation
from simulator.settings import Settings
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.recorded_response import ResponsesByLine

ScoreFunction = Callable[[dict[str, Any]], Any]
Handler = Callable[[list[dict[str, Any]]], Any]


class FakeRewardFunction:
    """A reward function whose results come from a handler. It counts its calls and restarts."""

    def __init__(self, handler: Handler, *, timeout: float = 300.0, duration_ms: float = 1.0, log: str = "") -> None:
        self.name = "a reward function"
        self.timeout = timeout
        self.memory_mb = 512
        self.spec: FunctionSpec | None = None
        self.differences: tuple[str, ...] = ()
        self.calls = 0
        self.restarts = 0
        self._handler = handler
        self._duration_ms = duration_ms
        self._log = log

    def invoke(self, event: bytes) -> Invocation:
        """Call the handler. What it raises becomes the error that Lambda would return."""
        self.calls += 1
        error: str | None = None
        try:
            payload = json.dumps(self._handler(json.loads(event)))
        except Exception as raised:  # noqa: BLE001  as Lambda's own bootstrap does
            error = "Unhandled"
            payload = json.dumps({"errorType": type(raised).__name__, "errorMessage": str(raised)})
        return Invocation(
            payload=payload.encode(),
            function_error=error,
            log_lines=tuple(self._log.splitlines(keepends=True)),
            log_stream="stream",
            request_id="request",
            executed_version="$LATEST",
            duration_ms=self._duration_ms,
            init_ms=None,
            max_memory_mb=64,
            finished_at=0.0,
        )

    def modules_behind_error(self, _error_type: str, _message: str) -> UnloadableModules | None:
        """Return None: it has no package."""
        return None

    def restart(self) -> None:
        """Count it."""
        self.restarts += 1


class TimedRewardFunction(FakeRewardFunction):
    """It scores 1.0 and reports a duration, in milliseconds, that depends on the event."""

    def __init__(
        self,
        duration_ms_of: Callable[[list[dict[str, Any]]], float],
        *,
        init_ms: float | None = None,
        timeout: float = 300.0,
        log: str = "",
    ) -> None:
        super().__init__(handler_for(lambda _element: 1.0), timeout=timeout, log=log)
        self._duration_ms_of = duration_ms_of
        self._init_ms = init_ms
        self.longest_response = 0

    def invoke(self, event: bytes) -> Invocation:
        """Score the event. The call after a restart reports a cold start."""
        elements = json.loads(event)
        self.longest_response = max(self.longest_response, *(len(response_of(element)) for element in elements))
        is_cold, self.restarts = self.restarts > 0, 0
        return replace(
            super().invoke(event),
            duration_ms=self._duration_ms_of(elements),
            init_ms=self._init_ms if is_cold else None,
        )


class StatefulHandler:
    """A handler whose scores depend on how many calls it has had."""

    def __init__(self, score: Callable[[int, dict[str, Any]], float]) -> None:
        self.calls = 0
        self._score = score

    def __call__(self, event: list[dict[str, Any]]) -> Any:
        """Count the call and score its elements."""
        self.calls += 1
        return handler_for(lambda element: self._score(self.calls, element))(event)


def handler_for(score: ScoreFunction) -> Handler:
    """Return a handler that scores each element by a function of it."""
    return lambda event: [{"id": element["id"], "aggregate_reward_score": score(element)} for element in event]


def response_of(element: dict[str, Any]) -> str:
    """Return the response of an element."""
    return str(element["messages"][-1]["content"])


def probe_context(
    reward_function: RewardFunction | Handler,
    records: Sequence[Record],
    *,
    settings: Settings | None = None,
    hyperparameters: Hyperparameters | None = None,
    row_count: int = 8,
    recorded: ResponsesByLine | None = None,
    given: GivenAnswers | None = None,
    executor: Executor | None = None,
    concurrency: int = 1,
) -> ProbeContext:
    """Return the context for probes of a reward function or a handler, on some rows of the records."""
    return ProbeContext(
        reward_function=FakeRewardFunction(reward_function) if callable(reward_function) else reward_function,
        records=records,
        settings=settings or Settings(),
        model="openai.gpt-oss-20b",
        hyperparameters=hyperparameters or Hyperparameters(),
        row_count=row_count,
        recorded=recorded,
        given=given,
        executor=executor,
        concurrency=concurrency,
    )


@contextmanager
def local_probe_context(
    folder: Path, source: str, records: Sequence[Record], *, timeout: float = 300.0
) -> Iterator[ProbeContext]:
    """Run a reward function from its source in Lambda workers, and yield the context for probes of it."""
    file = folder / "reward.py"
    file.write_text(source)
    with load_reward_function(str(file), wall_clock=time.time, timeout=timeout) as reward_function:
        yield probe_context(reward_function, records, hyperparameters=Hyperparameters(batch_size=4))


def findings_and_error(probe: ProbeFunction, context: ProbeContext) -> tuple[list[Finding], str]:
    """Return a probe's findings, and the message of the `NoScoresError` that ended it; empty when none did."""
    findings: list[Finding] = []
    try:
        findings.extend(probe(context))  # findings before the error are kept
    except NoScoresError as error:
        return findings, str(error)
    return findings, ""
