"""The measurement of a reward function's calls."""

from collections.abc import Callable
from functools import partial

import pytest

from simulator.doctor.estimate import measurement
from simulator.doctor.estimate.measurement import CallMeasurement, MeasurementError
from simulator.doctor.invocation import Call
from simulator.grading.lambda_failure import TIMEOUT_ERROR_TYPE
from simulator.lambdas.errors import Throttled
from simulator.lambdas.function import Invocation
from simulator.settings import Settings
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from tests.doctor.fake_reward_functions import FakeRewardFunction, Handler, handler_for

ALWAYS_ONE = handler_for(lambda _element: 1.0)

MeasureCalls = Callable[..., CallMeasurement]


@pytest.fixture
def measure_calls(sums: tuple[Record, ...]) -> MeasureCalls:
    """Measure a function on these records, with default settings."""
    return partial(
        measurement.measure_calls,
        records=sums,
        settings=Settings(),
        model="openai.gpt-oss-20b",
        run=Hyperparameters(),
        is_remote=False,
    )


def test_twenty_calls_are_measured(measure_calls: MeasureCalls) -> None:
    """Their median, their p95, and the size of their log."""
    function = FakeRewardFunction(ALWAYS_ONE, duration_ms=250.0, log="one line\n")
    assert (measure_calls(function), function.calls) == (
        CallMeasurement(
            median_seconds=0.25,
            p95_seconds=0.25,
            log_bytes=9.0,
            peak_memory_mb=64,
            is_remote=False,
            calls=20,
            seconds=5.0,
        ),
        20,
    )


@pytest.mark.parametrize(("seconds", "calls"), [(0.9, 20), (6.0, 4), (60.0, 1)])
def test_a_slow_function_is_measured_with_fewer_calls(measure_calls: MeasureCalls, seconds: float, calls: int) -> None:
    """No call starts after 20 seconds. Each call is reported."""
    reported: list[Call] = []
    result = measure_calls(FakeRewardFunction(ALWAYS_ONE, duration_ms=1e3 * seconds), on_call=reported.append)
    assert (result.calls, result.is_cut_short, len(reported)) == (calls, calls < 20, calls)


def test_a_function_that_is_never_invoked_cannot_be_measured(measure_calls: MeasureCalls) -> None:
    """The message is Lambda's reason."""

    class ThrottledFunction(FakeRewardFunction):
        def invoke(self, _event: bytes) -> Invocation:
            raise Throttled(reason="no concurrency")

    with pytest.raises(MeasurementError, match="Rate Exceeded"):
        measure_calls(ThrottledFunction(ALWAYS_ONE))


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        (handler_for(lambda element: element["nothing"]), "KeyError: 'nothing'"),
        (lambda _event: {}, "the response is an object, not a list"),
    ],
    ids=["raises", "returns an object"],
)
def test_the_duration_of_an_error_is_not_a_measurement(
    measure_calls: MeasureCalls, handler: Handler, message: str
) -> None:
    """It says nothing of calls that return scores."""
    function = FakeRewardFunction(handler)
    with pytest.raises(MeasurementError) as error:
        measure_calls(function)
    assert (str(error.value), function.calls) == (
        f"the function gives no usable score: {message}. `rft-sim doctor` says what is wrong",
        1,
    )


def test_a_time_out_is_a_measurement(measure_calls: MeasureCalls) -> None:
    """E4 needs it."""

    def time_out(_event: object) -> None:
        raise type(TIMEOUT_ERROR_TYPE, (Exception,), {})("Task timed out")

    assert measure_calls(FakeRewardFunction(time_out, timeout=3, duration_ms=3000.0)).p95_seconds == 3.0
