"""Counting the calls to AWS services of each invocation."""

from simulator.http.service_calls import ServiceCalls
from simulator.lambdas.service_call_recorder import ServiceCallRecorder, make_trace_header

FIRST, SECOND = "8f507cfc-1111-4697-b07a-ac58fc914c95", "8f507cfc-2222-4697-b07a-ac58fc914c95"


def record(recorder: ServiceCallRecorder, call: str, error: str | None, *, request_id: str = FIRST) -> None:
    """Record an attempt of a call to a judge model."""
    recorder.record(make_trace_header(request_id), service="bedrock-runtime", call=call, error=error)


def test_the_trace_header_has_the_form_of_x_ray() -> None:
    """X-Ray: version, 8 digits of the time and 24 others (DOCUMENTED)."""
    assert make_trace_header(FIRST) == "Root=1-8f507cfc-11114697b07aac58fc914c95;Sampled=0"


def test_retries_are_one_call_with_the_outcome_of_the_last() -> None:
    """Attempts of one call have one id. A call without an id counts for itself."""
    recorder = ServiceCallRecorder()
    for call, error in [("a", "Denied: no"), ("a", None), ("b", None), ("b", "Denied: no"), ("", None), ("", None)]:
        record(recorder, call, error)
    assert recorder.take(FIRST) == (ServiceCalls(service="bedrock-runtime", calls=4, failed=1, error="Denied: no"),)


def test_each_invocation_has_its_own_calls_once() -> None:
    """Concurrent invocations do not mix, and taken calls are forgotten."""
    recorder = ServiceCallRecorder()
    record(recorder, "a", None)
    record(recorder, "b", "Denied: no", request_id=SECOND)
    recorder.record(make_trace_header(FIRST), service="a-service", call="c", error=None)
    assert recorder.take(FIRST) == (
        ServiceCalls(service="a-service", calls=1, failed=0),
        ServiceCalls(service="bedrock-runtime", calls=1, failed=0),
    )
    assert recorder.take(FIRST) == ()
    assert recorder.take(SECOND) == (ServiceCalls(service="bedrock-runtime", calls=1, failed=1, error="Denied: no"),)


def test_the_error_is_the_most_frequent_one() -> None:
    """Which of two concurrent calls fails first differs from run to run."""
    recorder = ServiceCallRecorder()
    for call, error in enumerate(["z", "b", "a", "b", "a"]):
        record(recorder, str(call), error)
    assert [calls.error for calls in recorder.take(FIRST)] == ["a"]


def test_other_trace_headers_are_ignored() -> None:
    """Clients outside of functions may send their own."""
    recorder = ServiceCallRecorder()
    for header in ("", "Root=1-abc", "Self=1-67891233-abcdef012345678912345678"):
        recorder.record(header, service="s3", call="a", error=None)
    assert recorder.take("abc") == ()


def test_the_calls_that_nobody_takes_are_limited() -> None:
    """A function may call after its invocation has ended. The oldest are dropped."""
    recorder = ServiceCallRecorder()
    for number in range(5_000):
        record(recorder, "a", None, request_id=f"{number:032x}")
    assert (recorder.take(f"{0:032x}"), len(recorder.take(f"{4_999:032x}"))) == ((), 1)
