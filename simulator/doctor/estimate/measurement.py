"""Measures the reward function's calls and the length of the simulated responses."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import fsum
from statistics import fmean
from typing import Final

from simulator.doctor.invocation import Call, usable_scores
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probes.static.s15_latency import TIMED_CALLS as LATENCY_CALLS
from simulator.doctor.probes.static.s15_latency import measure_call_seconds
from simulator.doctor.reward_function import RewardFunction
from simulator.doctor.rows import DEFAULT_ROW_COUNT, sample_rows
from simulator.doctor.timeout_budget import has_timed_out
from simulator.settings import Settings
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.training_run import initial_state, prepare_run, sample_step

EXPECTED_CALLS: Final = LATENCY_CALLS
"""The approximate number of invocations of a measurement."""

MAX_SECONDS: Final = 20.0
"""After this time no call is started, because a few calls of a slow function are enough."""


class MeasurementError(Exception):
    """The function was not invoked even once, or it fails. The message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallMeasurement:
    """The duration of calls with as many rollouts as the service would send.

    Attributes:
        median_seconds: the median duration.
        p95_seconds: the p95 of the durations.
        log_bytes: the mean size of a call's log.
        peak_memory_mb: the most memory that a call used.
        is_remote: the calls ran where the job's calls will run, not on this machine.
        calls: the number of measured calls.
        seconds: the sum of their durations.
    """

    median_seconds: float
    p95_seconds: float
    log_bytes: float
    peak_memory_mb: int
    is_remote: bool
    calls: int
    seconds: float

    @property
    def is_cut_short(self) -> bool:
        """Whether fewer calls than usual were measured, because the function is slow."""
        return self.calls < EXPECTED_CALLS and self.seconds > MAX_SECONDS


def measure_calls(
    reward_function: RewardFunction,
    records: Sequence[Record],
    *,
    settings: Settings,
    model: str,
    run: Hyperparameters,
    is_remote: bool,
    on_call: Callable[[Call], None] = lambda _call: None,
) -> CallMeasurement:
    """Time the calls of the latency probe (S15). After `MAX_SECONDS` no further call is started.

    `on_call` is called after each invocation.

    Raises:
        MeasurementError: the function was not invoked even once, or a call gave no usable score, because the duration
            of an error says nothing of other calls. A time-out is measured.
    """
    calls: list[Call] = []

    def record_call(call: Call) -> None:
        calls.append(call)
        on_call(call)
        scores = usable_scores(call, function_name=reward_function.name)
        if isinstance(scores, str) and call.invocation is not None and not has_timed_out(call.invocation):
            raise MeasurementError(f"the function gives no usable score: {scores}. `rft-sim doctor` says what is wrong")

    context = ProbeContext(
        reward_function=reward_function,
        records=records,
        settings=settings,
        model=model,
        hyperparameters=run,
        on_call=record_call,
    )
    durations = measure_call_seconds(context, budget_seconds=MAX_SECONDS, min_calls=1)
    invocations = [call.invocation for call in calls if call.invocation is not None]
    if durations is None or not invocations:
        raise MeasurementError(calls[-1].not_invoked_reason if calls else "there is no record to send")
    median_seconds, p95_seconds = durations
    return CallMeasurement(
        median_seconds=median_seconds,
        p95_seconds=p95_seconds,
        log_bytes=fmean(len(invocation.log.encode()) for invocation in invocations),
        peak_memory_mb=max(invocation.max_memory_mb for invocation in invocations),
        is_remote=is_remote,
        calls=len(invocations),
        seconds=fsum(invocation.duration_ms for invocation in invocations) / 1e3,
    )


def mean_response_tokens(records: Sequence[Record], *, settings: Settings, model: str, run: Hyperparameters) -> float:
    """Return the mean length of the simulated base model's responses to a sample of records, in tokens."""
    rows = sample_rows(records, seed=settings.seed, count=DEFAULT_ROW_COUNT, answer_path=settings.answer_path)
    one_step = prepare_run(
        tuple(row.record for row in rows),
        model=model,
        hyperparameters=replace(run, batch_size=len(rows)),
        seed=settings.seed,
        validation=(),
        answer_path=settings.answer_path,
    )
    groups = sample_step(one_step, initial_state())
    return fmean(rollout.response_length for group in groups for rollout in group.rollouts)
