"""What an estimate can measure: how long responses are, and what the reward function's calls take."""

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
from simulator.doctor.rows import SAMPLE_ROWS, sample_rows
from simulator.doctor.timeout_budget import has_timed_out
from simulator.settings import Settings
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.training_run import initial_state, prepare_run, sample_step

EXPECTED_CALLS: Final = LATENCY_CALLS
"""About how many invocations a measurement makes."""

MAX_SECONDS: Final = 20.0
"""After so many seconds no further call is begun: of a slow function a few calls tell enough."""


class MeasurementError(Exception):
    """The function was not run even once, or it fails; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallMeasurement:
    """What calls of as many rollouts as the service would send take.

    Attributes:
        median_seconds: their median, in seconds.
        p95_seconds: their p95.
        log_bytes: what a call writes to the log, on average.
        peak_memory_mb: the most that any used.
        is_remote: they ran at the place where the job's calls will run, and not on this machine.
        calls: how many were timed.
        seconds: how long they took together.
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
        """Whether fewer calls were timed than usual, because the function is slow."""
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
    """Put the doctor's own question about latency (S15) to a function, for `MOST_SECONDS` and the call under way then.

    `on_call` is called after each invocation.

    Raises:
        UnmeasurableError: it was not run even once; or a call gave no usable scores, so that its time says nothing of
            those that do, unless it ran into the function's time-out.
    """
    calls: list[Call] = []

    def noted(call: Call) -> None:
        calls.append(call)
        on_call(call)
        scores = usable_scores(call, function_name=reward_function.name)
        if isinstance(scores, str) and call.invocation is not None and not has_timed_out(call.invocation):
            raise MeasurementError(f"it gives no usable score: {scores}. `rft-sim doctor` says what is wrong")

    exam = ProbeContext(
        reward_function=reward_function,
        records=records,
        settings=settings,
        model=model,
        hyperparameters=run,
        on_call=noted,
    )
    seconds = measure_call_seconds(exam, budget_seconds=MAX_SECONDS, min_calls=1)
    made = [call.invocation for call in calls if call.invocation is not None]
    if seconds is None or not made:
        raise MeasurementError(calls[-1].not_invoked_reason if calls else "there was nothing to ask")
    middle, high = seconds
    return CallMeasurement(
        median_seconds=middle,
        p95_seconds=high,
        log_bytes=fmean(len(invocation.log.encode()) for invocation in made),
        peak_memory_mb=max(invocation.max_memory_mb for invocation in made),
        is_remote=is_remote,
        calls=len(made),
        seconds=fsum(invocation.duration_ms for invocation in made) / 1e3,
    )


def mean_response_tokens(records: Sequence[Record], *, settings: Settings, model: str, run: Hyperparameters) -> float:
    """Return the mean length of the simulated base model's responses, in tokens, to some of the records."""
    rows = sample_rows(records, seed=settings.seed, count=SAMPLE_ROWS, answer_path=settings.answer_path)
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
