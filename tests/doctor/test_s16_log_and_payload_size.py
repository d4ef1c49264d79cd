"""S16: the size of the log, the event and the response."""

from dataclasses import replace

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.probes.static.s16_log_and_payload_size import check_log_and_payload_size
from simulator.lambdas.errors import InvalidZipFile
from simulator.lambdas.function import Invocation
from simulator.training.dataset import Record
from tests.doctor.fake_reward_functions import FakeRewardFunction, handler_for, probe_context

START_LINE = "START RequestId: request Version: $LATEST\n"


def logging_function(log: str, **fields: object) -> FakeRewardFunction:
    """Return a reward function that writes a log and adds fields to each result."""
    return FakeRewardFunction(
        lambda event: [{"id": element["id"], "aggregate_reward_score": 1.0, **fields} for element in event], log=log
    )


@pytest.mark.parametrize(
    ("log", "measured"),
    [
        # Lambda's own lines do not count.
        (START_LINE + "scored\n", "0.028 kB of log for 32 rollouts"),
        # The Invoke API returns the last 4 kB. Without START there was more.
        ("x" * 4_000, "at least 16 kB of log for 32 rollouts"),
    ],
    ids=["the whole log", "the end of a log"],
)
def test_a_short_log_is_ok_and_its_size_is_reported_for_32_rollouts(
    log: str, measured: str, sums: tuple[Record, ...]
) -> None:
    """Each call has 8 rollouts; the size is scaled to 32."""
    (finding,) = check_log_and_payload_size(probe_context(logging_function(log), sums))
    assert (finding.probe, finding.severity, finding.measured.partition(";")[0]) == ("S16", Severity.OK, measured)


def test_a_long_log_is_a_warning(sums: tuple[Record, ...]) -> None:
    """A function that prints its event, for example."""
    (finding,) = check_log_and_payload_size(probe_context(logging_function(START_LINE + "x" * 300_000), sums))
    assert (finding.severity, finding.measured, finding.threshold) == (
        Severity.WARN,
        "300 kB in a call",
        "at most 262 kB",
    )


def test_a_response_that_is_too_large_for_a_whole_step_is_a_warning(sums: tuple[Record, ...]) -> None:
    """A quarter of a megabyte for each rollout makes 8 MB for a step of 32."""
    (finding,) = check_log_and_payload_size(probe_context(logging_function("", messages="x" * 250_000), sums))
    assert (finding.severity, finding.measured, finding.threshold) == (Severity.WARN, "8 MB", "at most 6.29 MB")


def test_a_record_that_no_event_can_hold_fails_with_its_line(sums: tuple[Record, ...]) -> None:
    """Its fields are sent twice: at the root and under metadata."""
    large = replace(sums[3], fields={**sums[3].fields, "context": "x" * 3_200_000})
    context = probe_context(handler_for(lambda _element: 1.0), (*sums[:3], large, *sums[4:20]), row_count=2)
    (finding,) = check_log_and_payload_size(context)
    assert (finding.severity, finding.measured, finding.message) == (
        Severity.FAIL,
        "6.4 MB",
        f"The event of one rollout of the record at line {large.line} is larger than Lambda takes.",
    )


def test_a_function_that_cannot_be_run_is_not_measured(sums: tuple[Record, ...]) -> None:
    """Without a call there is no log and no response."""

    class Broken(FakeRewardFunction):
        def invoke(self, _event: bytes) -> Invocation:
            raise InvalidZipFile("no zip file")

    (finding,) = check_log_and_payload_size(probe_context(Broken(handler_for(lambda _element: 1.0)), sums))
    assert finding.severity is Severity.SKIPPED
