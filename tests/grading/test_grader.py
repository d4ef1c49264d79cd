"""Grading many rollouts with a function that works, is throttled, times out or fails."""

import json
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import Event as Flag
from threading import Lock
from typing import Any

import pytest

from simulator.grading.grader import Grader, GradingResult, Invocation, ThrottledError
from simulator.grading.grader_error import GraderError
from simulator.grading.lambda_failure import LambdaFailure
from simulator.http.service_calls import ServiceCalls
from simulator.settings import GradingSettings
from tests.grading.sample_rollouts import FUNCTION, samples

Rollouts = list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeInvocation:
    """The result of one invocation."""

    payload: bytes
    function_error: str | None = None
    service_calls: tuple[ServiceCalls, ...] = ()


def correct_scores(rollouts: Rollouts) -> FakeInvocation:
    """Score each rollout with its index."""
    results = [
        {"id": rollout["id"], "aggregate_reward_score": int(rollout["id"].rpartition("-")[2])} for rollout in rollouts
    ]
    return FakeInvocation(payload=json.dumps(results).encode())


def failed_invocation(error_type: str, message: str) -> FakeInvocation:
    """Return the result of a function that failed, as Lambda returns it."""
    payload = json.dumps({"errorType": error_type, "errorMessage": message}).encode()
    return FakeInvocation(payload=payload, function_error="Unhandled")


@dataclass
class FakeFunction:
    """A deployed function that records its events."""

    answer: Callable[[Rollouts, int], FakeInvocation]
    calls: list[list[str]] = field(default_factory=list)
    environments: list[int] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def __call__(self, event: bytes, environment: int) -> Invocation:
        """Invoke once."""
        rollouts = json.loads(event)
        with self.lock:
            self.calls.append([rollout["id"] for rollout in rollouts])
            self.environments.append(environment)
            number = len(self.calls)
        return self.answer(rollouts, number)


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    """One thread: the calls run in order, so that a test can count them."""
    with ThreadPoolExecutor(1) as threads:
        yield threads


def grade(
    function: FakeFunction,
    executor: ThreadPoolExecutor,
    *,
    count: int = 6,
    text: str = "#### 7",
    max_concurrency: int = 1,
    explain: Callable[[LambdaFailure], str] = lambda _failure: "",
    log_group: str = "",
    **settings: Any,
) -> GradingResult:
    """Grade `count` rollouts, two per call by default."""
    grader = Grader(
        function=FUNCTION,
        invoke=function,
        executor=executor,
        max_concurrency=max_concurrency,
        settings=GradingSettings(**{"rollouts_per_call": 2, **settings}),
        explain=explain,
        log_group=log_group,
    )
    return grader.grade(samples(count, text=text), split="train", step=3)


def name_of(index: int) -> str:
    """Return the id of a rollout."""
    return f"train-3-line-1-rollout-{index}"


def test_every_rollout_gets_its_own_score(executor: ThreadPoolExecutor) -> None:
    """In the order of sampling, whatever the order of the results."""
    function = FakeFunction(lambda rollouts, _: correct_scores(rollouts[::-1]))
    result = grade(function, executor, count=5)
    assert result == GradingResult(rewards=(0.0, 1.0, 2.0, 3.0, 4.0), invocations=3, warnings=())
    assert function.calls == [[name_of(0), name_of(1)], [name_of(2), name_of(3)], [name_of(4)]]


@pytest.mark.shows("environment-of-a-call")
def test_each_environment_gets_every_nth_call_in_order() -> None:
    """Whichever is faster, so that a function that keeps state gives the same scores in every run."""
    function = FakeFunction(lambda rollouts, _: correct_scores(rollouts))
    with ThreadPoolExecutor(3) as threads:
        grade(function, threads, count=14, max_concurrency=3)
    calls = zip(function.environments, function.calls, strict=True)
    by_environment = sorted(calls, key=lambda call: call[0])  # stable: the order of each environment stays
    assert by_environment == [
        (index % 3, [name_of(2 * index), name_of(2 * index + 1)]) for index in (0, 3, 6, 1, 4, 2, 5)
    ]


def test_scores_do_not_depend_on_which_call_ends_first() -> None:
    """With many concurrent calls."""
    with ThreadPoolExecutor(8) as threads:
        result = grade(FakeFunction(lambda rollouts, _: correct_scores(rollouts)), threads, count=40, max_concurrency=8)
    assert result.rewards == tuple(float(index) for index in range(40))


def test_a_throttled_call_is_retried_with_a_warning(executor: ThreadPoolExecutor) -> None:
    """The job continues."""
    reason = "ReservedFunctionConcurrentInvocationLimitExceeded"

    def throttle_once(rollouts: Rollouts, number: int) -> FakeInvocation:
        if number == 2:
            raise ThrottledError(reason)
        return correct_scores(rollouts)

    function = FakeFunction(throttle_once)
    result = grade(function, executor)
    warning = f"the invocation was throttled: {reason} (rollout {name_of(2)} and 1 more); trying again in 1 s"
    assert result == GradingResult(
        rewards=(0.0, 1.0, 2.0, 3.0, 4.0, 5.0), invocations=4, warnings=(warning,), retry_seconds=1
    )
    assert function.calls[-1] == [name_of(2), name_of(3)]


def test_a_warning_has_no_control_characters(executor: ThreadPoolExecutor) -> None:
    """It becomes an event of the job, which clients print."""
    text = "\x1b[31mlate\ud800"
    function = FakeFunction(
        lambda rollouts, number: (
            failed_invocation("Sandbox.Timedout", text) if number == 1 else correct_scores(rollouts)
        )
    )
    (warning,) = grade(function, executor).warnings
    assert ("\x1b" in warning, "late" in warning, warning.encode()[:14]) == (False, True, b"the invocation")


def test_a_call_that_timed_out_is_retried(executor: ThreadPoolExecutor) -> None:
    """A cold start may have caused it."""
    function = FakeFunction(
        lambda rollouts, number: (
            failed_invocation("Sandbox.Timedout", "3.00 seconds") if number == 1 else correct_scores(rollouts)
        )
    )
    result = grade(function, executor)
    assert (result.rewards, result.invocations, len(result.warnings)) == ((0.0, 1.0, 2.0, 3.0, 4.0, 5.0), 4, 1)


def fail_calls(numbers: Collection[int], failure: FakeInvocation) -> Callable[[Rollouts, int], FakeInvocation]:
    """Fail in the calls with these numbers, counted from 1; score correctly in the others."""
    return lambda rollouts, number: failure if number in numbers else correct_scores(rollouts)


def test_a_call_that_raised_is_retried(executor: ThreadPoolExecutor) -> None:
    """DOCUMENTED for Nova. The other calls are made first, and the rewards are those of the calls that succeeded."""
    function = FakeFunction(fail_calls({1}, failed_invocation("ConnectionError", "refused")))
    result = grade(function, executor)
    assert result == GradingResult(
        rewards=(0.0, 1.0, 2.0, 3.0, 4.0, 5.0),
        invocations=4,
        warnings=(
            f"the function failed with ConnectionError: refused (rollout {name_of(0)} and 1 more); trying again in 1 s",
        ),
        retry_seconds=1,
    )
    assert [call[0] for call in function.calls] == [name_of(0), name_of(2), name_of(4), name_of(0)]


def test_the_waits_between_the_attempts_are_doubled(executor: ThreadPoolExecutor) -> None:
    """1, 2 and 4 simulated seconds. Real time does not pass."""
    function = FakeFunction(fail_calls({1, 2, 3}, failed_invocation("Sandbox.Timedout", "late")))
    result = grade(function, executor, count=2)
    assert [warning.rpartition("; ")[2] for warning in result.warnings] == [
        *("trying again in 1 s", "trying again in 2 s", "trying again in 4 s")
    ]
    assert (result.rewards, result.invocations, result.retry_seconds) == ((0.0, 1.0), 4, 7)


def test_a_wait_is_at_most_a_minute(executor: ThreadPoolExecutor) -> None:
    """With more attempts than at AWS."""
    function = FakeFunction(fail_calls(range(1, 10), failed_invocation("Sandbox.Timedout", "late")))
    result = grade(function, executor, count=2, attempts=10)
    assert result.retry_seconds == 1 + 2 + 4 + 8 + 16 + 32 + 60 + 60 + 60


def test_calls_of_one_step_wait_side_by_side(executor: ThreadPoolExecutor) -> None:
    """The longest wait counts: the first call waits 1 s, and the second 1 s and 2 s."""
    function = FakeFunction(fail_calls({1, 2, 4}, failed_invocation("Sandbox.Timedout", "late")))
    result = grade(function, executor, count=4)
    assert (len(result.warnings), result.retry_seconds) == (3, 1 + 2)


@pytest.mark.shows("broken-grader")
@pytest.mark.parametrize(
    ("answer", "reason", "advice"),
    [
        (ThrottledError("busy"), "the invocation was throttled: busy", "Raise the function's reserved concurrency"),
        (
            failed_invocation("Sandbox.Timedout", "late"),
            "the invocation timed out: late",
            "Raise the function's timeout",
        ),
        (
            failed_invocation("KeyError", "'answer'"),
            "the function failed with KeyError: 'answer'",
            r"This is a bug in the function or in its package\.",
        ),
        (
            failed_invocation("ClientError", "(AccessDeniedException) when calling InvokeModel"),
            "the function failed with ClientError: (AccessDeniedException) when calling InvokeModel",
            r"The function's role lacks this permission\.",
        ),
    ],
    ids=["throttled", "time-out", "bug", "permission"],
)
def test_a_call_fails_after_three_retries_with_its_cause(
    executor: ThreadPoolExecutor, answer: FakeInvocation | ThrottledError, reason: str, advice: str
) -> None:
    """The error names the rollout, and says how long the retries took."""

    def fail(_rollouts: Rollouts, _number: int) -> FakeInvocation:
        if isinstance(answer, ThrottledError):
            raise answer
        return answer

    function = FakeFunction(fail)
    with pytest.raises(GraderError, match=advice) as error:
        grade(function, executor, count=1)
    assert (error.value.reason, error.value.rollout, error.value.retry_seconds) == (
        f"{reason}, 4 times in a row",
        name_of(0),
        1 + 2 + 4,
    )
    assert function.calls == [[name_of(0)]] * 4


def test_an_unusable_response_is_never_retried(executor: ThreadPoolExecutor) -> None:
    """It would be as wrong the next time."""
    function = FakeFunction(lambda _rollouts, _number: FakeInvocation(payload=b'[{"id": "another"}]'))
    with pytest.raises(GraderError, match="which is not in the event") as error:
        grade(function, executor, count=2)
    assert (len(function.calls), error.value.retry_seconds) == (1, 0)


def test_an_unusable_response_to_a_retry_ends_the_retries(executor: ThreadPoolExecutor) -> None:
    """The job's end is as late as the retry."""
    function = FakeFunction(
        lambda _rollouts, number: (
            failed_invocation("Sandbox.Timedout", "late") if number == 1 else FakeInvocation(payload=b"[]")
        )
    )
    with pytest.raises(GraderError, match="the response has no result with this id") as error:
        grade(function, executor, count=2)
    assert (len(function.calls), error.value.retry_seconds) == (2, 1)


def test_the_number_of_attempts_is_a_setting(executor: ThreadPoolExecutor) -> None:
    """One attempt means no retry."""
    function = FakeFunction(lambda _rollouts, _number: failed_invocation("Sandbox.Timedout", "late"))
    with pytest.raises(GraderError) as error:
        grade(function, executor, attempts=1, count=2)
    assert (function.calls, error.value.reason) == ([[name_of(0), name_of(1)]], "the invocation timed out: late")


@pytest.mark.parametrize("settings", [{"retry_exceptions": False}, {"attempts": 1}], ids=["setting", "one attempt"])
def test_without_retries_the_first_call_that_raises_ends_its_environment(
    executor: ThreadPoolExecutor, settings: dict[str, Any]
) -> None:
    """The call's rollouts are tried alone, and the environment makes no other call."""
    function = FakeFunction(lambda _rollouts, _number: failed_invocation("KeyError", "'answer'"))
    with pytest.raises(GraderError) as error:
        grade(function, executor, **settings)
    assert (error.value.reason, error.value.rollout) == ("the function failed with KeyError: 'answer'", name_of(0))
    assert function.calls == [[name_of(0), name_of(1)], [name_of(0)]]


def test_a_failed_call_is_narrowed_to_the_rollout_that_fails_alone(executor: ThreadPoolExecutor) -> None:
    """Each rollout of the call is tried alone. The message has the text that was graded."""

    def breaks_on_five(rollouts: Rollouts, _number: int) -> FakeInvocation:
        if any(rollout["id"] == name_of(5) for rollout in rollouts):
            return failed_invocation("ZeroDivisionError", "division by zero")
        return correct_scores(rollouts)

    function = FakeFunction(breaks_on_five)
    with pytest.raises(GraderError) as error:
        grade(function, executor, rollouts_per_call=8)
    assert (error.value.rollout, error.value.reason) == (
        name_of(5),
        "the function failed with ZeroDivisionError: division by zero, 4 times in a row",
    )
    assert str(error.value).endswith(
        'It was grading the text "#### 7". Its log is in CloudWatch Logs under /aws/lambda/reward.'
    )
    assert function.calls == [*[[name_of(index) for index in range(6)]] * 4, *([name_of(index)] for index in range(6))]


def test_an_error_names_the_log_group_that_the_function_is_configured_with(executor: ThreadPoolExecutor) -> None:
    """Functions can share a group."""
    function = FakeFunction(lambda _rollouts, _number: failed_invocation("ValueError", "no"))
    with pytest.raises(GraderError, match=r"Its log is in CloudWatch Logs under rewards\.$"):
        grade(function, executor, log_group="rewards")


def test_what_is_known_about_a_failure_comes_before_the_text_that_was_graded(executor: ThreadPoolExecutor) -> None:
    """For example that a compiled module is built for another processor."""
    function = FakeFunction(lambda _rollouts, _number: failed_invocation("ImportError", "No module named '_b'"))
    with pytest.raises(GraderError) as error:
        grade(function, executor, rollouts_per_call=1, explain=lambda failure: f"About {failure.type}: use a wheel.")
    assert str(error.value) == (
        f"{FUNCTION} for rollout {name_of(0)}: the function failed with ImportError: No module named '_b', 4 times "
        'in a row. About ImportError: use a wheel. It was grading the text "#### 7". Its log is in CloudWatch Logs '
        "under /aws/lambda/reward."
    )


def test_a_failure_that_no_rollout_repeats_alone_names_the_whole_call(executor: ThreadPoolExecutor) -> None:
    """For example the first four calls of an environment."""
    function = FakeFunction(fail_calls(range(1, 5), failed_invocation("RuntimeError", "not yet")))
    with pytest.raises(GraderError, match="None of the 2 fails alone: it is the batch, or how often") as error:
        grade(function, executor, count=2)
    assert error.value.rollout == f"{name_of(0)} and 1 more"


@pytest.mark.parametrize(
    "payload",
    [
        *(b"", b"\xff", b"[]", b"7", b"null"),
        b'{"stackTrace": {"a": 1}}',
        pytest.param(b"[" * 100_000, id="deep"),
    ],
)
def test_an_invalid_error_object_becomes_the_message(executor: ThreadPoolExecutor, payload: bytes) -> None:
    """A crash can leave any payload."""
    function = FakeFunction(lambda _rollouts, _number: FakeInvocation(payload=payload, function_error="Unhandled"))
    with pytest.raises(GraderError, match="the function failed with an error: "):
        grade(function, executor, count=1)


@pytest.mark.parametrize("error_type", ["Runtime.ExitError", "Sandbox.Timedout"])
def test_the_error_has_no_request_id(executor: ThreadPoolExecutor, error_type: str) -> None:
    """Concurrent calls draw their ids in any order, and two runs with one seed must be equal."""
    message = "RequestId: 1c4dd4c7-ff97-4db6-a0d1-b5571ad796e6 Error: it ended"
    function = FakeFunction(lambda _rollouts, _number: failed_invocation(error_type, message))
    with pytest.raises(GraderError, match=r": it ended[,.]") as error:
        grade(function, executor, count=1)
    assert "RequestId" not in str(error.value)


def test_a_very_long_error_is_truncated(executor: ThreadPoolExecutor) -> None:
    """People read a job's error."""
    function = FakeFunction(lambda _rollouts, _number: failed_invocation("ValueError", "x" * 100_000))
    with pytest.raises(GraderError) as error:
        grade(function, executor, count=1)
    assert len(str(error.value)) < 5_000


def test_an_error_with_a_lone_surrogate_can_be_encoded(executor: ThreadPoolExecutor) -> None:
    """The log that stores the error is UTF-8."""
    function = FakeFunction(lambda _rollouts, _number: failed_invocation("ValueError", "half a pair: \ud800"))
    with pytest.raises(GraderError) as error:
        grade(function, executor, count=1)
    str(error.value).encode("utf-8")


def test_one_bad_score_fails_the_whole_step(executor: ThreadPoolExecutor) -> None:
    """No rollout is scored then."""

    def bool_for_four(rollouts: Rollouts, _number: int) -> FakeInvocation:
        results = [{"id": rollout["id"], "aggregate_reward_score": rollout["id"] == name_of(4)} for rollout in rollouts]
        return (
            FakeInvocation(payload=json.dumps(results).encode())
            if rollouts[0]["id"] == name_of(4)
            else correct_scores(rollouts)
        )

    with pytest.raises(GraderError) as error:
        grade(FakeFunction(bool_for_four), executor)
    assert error.value.rollout == name_of(4)


@pytest.mark.shows("rollouts-per-call")
def test_large_rollouts_are_sent_in_more_calls(executor: ThreadPoolExecutor) -> None:
    """Below Lambda's 6 MB, whatever `rollouts_per_call` says."""
    function = FakeFunction(lambda rollouts, _number: correct_scores(rollouts))
    grade(function, executor, count=5, text="x" * 2_000_000, rollouts_per_call=8)
    assert [len(call) for call in function.calls] == [2, 2, 1]


def test_a_rollout_that_is_larger_than_an_event_is_refused_by_its_line(executor: ThreadPoolExecutor) -> None:
    """Before anything is sent."""
    function = FakeFunction(lambda rollouts, _number: correct_scores(rollouts))
    with pytest.raises(GraderError, match="Shorten the record at line 1 of the train file") as error:
        grade(function, executor, count=3, text="x" * 6_000_000)
    assert (error.value.rollout, function.calls) == (name_of(0), [])


def test_concurrent_calls_do_not_exceed_the_functions_concurrency() -> None:
    """Otherwise chance would decide which of them are throttled."""
    running, max_running, lock = 0, 0, Lock()

    def count_running(rollouts: Rollouts, _number: int) -> FakeInvocation:
        nonlocal running, max_running
        with lock:
            running += 1
            max_running = max(max_running, running)
        Flag().wait(0.005)
        with lock:
            running -= 1
        return correct_scores(rollouts)

    with ThreadPoolExecutor(8) as threads:
        grade(FakeFunction(count_running), threads, count=16, max_concurrency=2)
    assert max_running == 2


def test_calls_to_services_are_those_of_the_used_responses(executor: ThreadPoolExecutor) -> None:
    """How far a call came before its time-out differs from run to run, so its calls do not count."""
    calls = ServiceCalls(service="bedrock-runtime", calls=2, failed=1, error="Denied: no")

    def answer(rollouts: Rollouts, number: int) -> FakeInvocation:
        is_first = number == 1
        invocation = failed_invocation("Sandbox.Timedout", "slow") if is_first else correct_scores(rollouts)
        return replace(invocation, service_calls=(calls,))

    result = grade(FakeFunction(answer), executor, count=4)
    assert result.service_calls == (replace(calls, calls=4, failed=2),)
