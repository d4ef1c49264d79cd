"""Patients for these tests: reward functions as Python functions, run in this process under no Lambda."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Any

from simulator.doctor.probe_context import ProbeContext
from simulator.lambdas.function import FunctionSpec, Invocation
from simulator.settings import Settings
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.recorded_policy import ResponsesByLine

ScoreFunction = Callable[[dict[str, Any]], Any]
Handler = Callable[[list[dict[str, Any]]], Any]


class FakeRewardFunction:
    """A patient whose answers a Python function gives; it counts its calls and restarts."""

    def __init__(self, handler: Handler, *, timeout: float = 300.0, duration_ms: float = 1.0, log: str = "") -> None:
        self.name = "a patient"
        self.timeout = timeout
        self.memory_mb = 512
        self.spec: FunctionSpec | None = None
        self.calls = 0
        self.restarts = 0
        self._handler = handler
        self._duration_ms = duration_ms
        self._log = log

    def invoke(self, event: bytes) -> Invocation:
        """Call the function; what it raises is what Lambda would answer."""
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

    def restart(self) -> None:
        """Count it."""
        self.restarts += 1


def handler_for(score: ScoreFunction) -> Handler:
    """Return a handler that scores each element by a function of it."""
    return lambda event: [{"id": element["id"], "aggregate_reward_score": score(element)} for element in event]


def response_of(element: dict[str, Any]) -> str:
    """Return the response of an element."""
    return str(element["messages"][-1]["content"])


def probe_context(
    reward_function: FakeRewardFunction | Handler,
    records: Sequence[Record],
    *,
    settings: Settings | None = None,
    row_count: int = 8,
    recorded: ResponsesByLine | None = None,
    executor: Executor | None = None,
    concurrency: int = 1,
) -> ProbeContext:
    """Return an examination of some rows of the records."""
    return ProbeContext(
        reward_function=reward_function
        if isinstance(reward_function, FakeRewardFunction)
        else FakeRewardFunction(reward_function),
        records=records,
        settings=settings or Settings(),
        model="openai.gpt-oss-20b",
        hyperparameters=Hyperparameters(),
        row_count=row_count,
        recorded=recorded,
        executor=executor,
        concurrency=concurrency,
    )
