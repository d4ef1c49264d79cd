"""Many rollouts through a function that works, is throttled, is slow, or fails."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event as Flag
from threading import Lock
from typing import Any

import pytest

from simulator.grading.grader import Grader, GradingResult, Invocation, ThrottledError
from simulator.grading.grader_error import GraderError
from simulator.settings import GradingSettings
from tests.grading.sample_rollouts import FUNCTION, samples

Rollouts = list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeInvocation:
    """What one invocation came to."""

    payload: bytes
    function_error: str | None = None


def correct_scores(rollouts: Rollouts) -> FakeInvocation:
    """Answer soundly: each rollout's score is its index."""
    results = [
        {"id": rollout["id"], "aggregate_reward_score": int(rollout["id"].rpartition("-")[2])} for rollout in rollouts
    ]
    return FakeInvocation(payload=json.dumps(results).encode())


def failed_invocation(error_type: str, message: str) -> FakeInvocation:
    """Answer as Lambda does for a function that failed."""
    payload = json.dumps({"errorType": error_type, "errorMessage": message}).encode()
    return FakeInvocation(payload=payload, function_error="Unhandled")


@dataclass
class FakeFunction:
    """A stand-in for a deployed function that notes what it is sent."""

    answer: Callable[[Rollouts, int], FakeInvocation]
    calls: list[list[str]] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def __call__(self, event: bytes) -> Invocation:
        """Run once."""
        rollouts = json.loads(event)
        with self.lock:
            self.calls.append([rollout["id"] for rollout in rollouts])
            number = len(self.calls)
        return self.answer(rollouts, number)


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    """One thread: the calls come in order, so that a test can count them."""
    with ThreadPoolExecutor(1) as threads:
        yield threads


def grade(
    function: FakeFunction,
    executor: ThreadPoolExecutor,
    *,
    count: int = 6,
    text: str = "#### 7",
    width: int | None = None,
    **settings: Any,
) -> GradingResult:
    """Grade `count` rollouts, two a call unless told."""
    grader = Grader(
        function=FUNCTION,
        invoke=function,
        executor=executor,
        max_concurrency=width,
        settings=GradingSettings(**{"rollouts_per_call": 2, **settings}),
    )
    return grader.grade(samples(count, text=text), split="train", step=3)


def name(index: int) -> str:
    """Return the id of a rollout."""
    return f"train-3-line-1-rollout-{index}"


def test_every_rollout_gets_its_own_score(executor: ThreadPoolExecutor) -> None:
    """In the order in which they were sampled, however they were sent."""
    function = FakeFunction(lambda rollouts, _: correct_scores(rollouts[::-1]))
    graded = grade(function, executor, count=5)
    assert graded == GradingResult(rewards=(0.0, 1.0, 2.0, 3.0, 4.0), invocations=3, warnings=())
    assert function.calls == [[name(0), name(1)], [name(2), name(3)], [name(4)]]


def test_scores_do_not_depend_on_which_call_ends_first() -> None:
    """Eight threads, many calls."""
    with ThreadPoolExecutor(8) as threads:
        graded = grade(FakeFunction(lambda rollouts, _: correct_scores(rollouts)), threads, count=40)
    assert graded.rewards == tuple(float(index) for index in range(40))


def test_a_throttled_call_is_made_again_and_told_of(executor: ThreadPoolExecutor) -> None:
    """The job goes on; a warning says what happened."""
    reason = "ReservedFunctionConcurrentInvocationLimitExceeded"

    def busy_once(rollouts: Rollouts, number: int) -> FakeInvocation:
        if number == 2:
            raise ThrottledError(reason)
        return correct_scores(rollouts)

    function = FakeFunction(busy_once)
    graded = grade(function, executor)
    warning = f"the invocation was throttled: {reason} (rollout {name(2)} and 1 more); trying again"
    assert graded == GradingResult(rewards=(0.0, 1.0, 2.0, 3.0, 4.0, 5.0), invocations=4, warnings=(warning,))
    assert function.calls[-1] == [name(2), name(3)]


def test_a_warning_holds_nothing_that_a_terminal_obeys(executor: ThreadPoolExecutor) -> None:
    """It goes to the job's events, and from there to whoever watches."""
    told = "\x1b[31mlate\ud800"
    function = FakeFunction(
        lambda rollouts, number: (
            failed_invocation("Sandbox.Timedout", told) if number == 1 else correct_scores(rollouts)
        )
    )
    (warning,) = grade(function, executor).warnings
    assert ("\x1b" in warning, "late" in warning, warning.encode()[:14]) == (False, True, b"the invocation")


def test_a_call_that_timed_out_is_made_again(executor: ThreadPoolExecutor) -> None:
    """A cold start may have been to blame."""
    function = FakeFunction(
        lambda rollouts, number: (
            failed_invocation("Sandbox.Timedout", "3.00 seconds") if number == 1 else correct_scores(rollouts)
        )
    )
    graded = grade(function, executor)
    assert (graded.rewards, graded.invocations, len(graded.warnings)) == ((0.0, 1.0, 2.0, 3.0, 4.0, 5.0), 4, 1)


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
    ],
)
def test_what_does_not_pass_fails_after_a_bounded_number_of_tries(
    executor: ThreadPoolExecutor, answer: FakeInvocation | ThrottledError, reason: str, advice: str
) -> None:
    """Three times in a row, and then the error names the rollouts."""

    def never(_rollouts: Rollouts, _number: int) -> FakeInvocation:
        if isinstance(answer, ThrottledError):
            raise answer
        return answer

    function = FakeFunction(never)
    with pytest.raises(GraderError, match=advice) as error:
        grade(function, executor)
    assert (error.value.reason, error.value.rollout) == (f"{reason}, 3 times in a row", f"{name(0)} and 1 more")
    assert function.calls.count([name(0), name(1)]) == 3


def test_the_number_of_tries_is_a_setting(executor: ThreadPoolExecutor) -> None:
    """One means: no second try."""
    function = FakeFunction(lambda _rollouts, _number: failed_invocation("Sandbox.Timedout", "late"))
    with pytest.raises(GraderError, match="1 times in a row"):
        grade(function, executor, attempts=1, count=2)
    assert function.calls == [[name(0), name(1)]]


def test_a_failed_call_is_narrowed_to_the_rollout_that_fails_alone(executor: ThreadPoolExecutor) -> None:
    """Each of the call's rollouts is tried by itself; the message shows what was being graded."""

    def breaks_on_five(rollouts: Rollouts, _number: int) -> FakeInvocation:
        if any(rollout["id"] == name(5) for rollout in rollouts):
            return failed_invocation("ZeroDivisionError", "division by zero")
        return correct_scores(rollouts)

    function = FakeFunction(breaks_on_five)
    with pytest.raises(GraderError) as error:
        grade(function, executor, rollouts_per_call=8)
    assert (error.value.rollout, error.value.reason) == (
        name(5),
        "the function failed with ZeroDivisionError: division by zero",
    )
    assert str(error.value).endswith(
        'It was grading the text "#### 7". Its log is in CloudWatch Logs under /aws/lambda/reward.'
    )
    assert function.calls == [[name(index) for index in range(6)], *([name(index)] for index in range(6))]


def test_a_failure_that_no_rollout_repeats_alone_names_the_whole_call(executor: ThreadPoolExecutor) -> None:
    """The third call of an environment, for one."""
    function = FakeFunction(
        lambda rollouts, number: failed_invocation("RuntimeError", "once") if number == 1 else correct_scores(rollouts)
    )
    with pytest.raises(GraderError, match="the function failed with RuntimeError: once") as error:
        grade(function, executor)
    assert error.value.rollout == f"{name(0)} and 1 more"


@pytest.mark.parametrize(
    "payload",
    [
        *(b"", b"\xff", b"[]", b"7", b"null"),
        b'{"stackTrace": {"a": 1}}',
        pytest.param(b"[" * 100_000, id="deep"),
    ],
)
def test_an_error_object_that_cannot_be_read_is_shown(executor: ThreadPoolExecutor, payload: bytes) -> None:
    """A crash may leave anything behind."""
    function = FakeFunction(lambda _rollouts, _number: FakeInvocation(payload=payload, function_error="Unhandled"))
    with pytest.raises(GraderError, match="the function failed with an error: "):
        grade(function, executor, count=1)


@pytest.mark.parametrize("error_type", ["Runtime.ExitError", "Sandbox.Timedout"])
def test_which_invocation_failed_is_not_told(executor: ThreadPoolExecutor, error_type: str) -> None:
    """Concurrent calls draw their ids in any order, and two runs with one seed must tell the same."""
    said = "RequestId: 1c4dd4c7-ff97-4db6-a0d1-b5571ad796e6 Error: it ended"
    function = FakeFunction(lambda _rollouts, _number: failed_invocation(error_type, said))
    with pytest.raises(GraderError, match=r": it ended[,.]") as error:
        grade(function, executor, count=1)
    assert "RequestId" not in str(error.value)


def test_a_very_long_error_is_shown_in_part(executor: ThreadPoolExecutor) -> None:
    """A job's error object is read by people."""
    function = FakeFunction(lambda _rollouts, _number: failed_invocation("ValueError", "x" * 100_000))
    with pytest.raises(GraderError) as error:
        grade(function, executor, count=1)
    assert len(str(error.value)) < 5_000


def test_an_error_with_half_a_surrogate_pair_can_be_written_down(executor: ThreadPoolExecutor) -> None:
    """What a function says must not break the log that tells of it."""
    function = FakeFunction(lambda _rollouts, _number: failed_invocation("ValueError", "half a pair: \ud800"))
    with pytest.raises(GraderError) as error:
        grade(function, executor, count=1)
    str(error.value).encode("utf-8")


def test_a_bad_score_is_an_error_whatever_the_other_calls_say(executor: ThreadPoolExecutor) -> None:
    """Nothing is graded in part."""

    def bool_for_four(rollouts: Rollouts, _number: int) -> FakeInvocation:
        results = [{"id": rollout["id"], "aggregate_reward_score": rollout["id"] == name(4)} for rollout in rollouts]
        return (
            FakeInvocation(payload=json.dumps(results).encode())
            if rollouts[0]["id"] == name(4)
            else correct_scores(rollouts)
        )

    with pytest.raises(GraderError) as error:
        grade(FakeFunction(bool_for_four), executor)
    assert error.value.rollout == name(4)


@pytest.mark.shows("rollouts-per-call")
def test_large_rollouts_are_sent_in_more_calls(executor: ThreadPoolExecutor) -> None:
    """Under Lambda's 6 MB, whatever `rollouts_per_call` says."""
    function = FakeFunction(lambda rollouts, _number: correct_scores(rollouts))
    grade(function, executor, count=5, text="x" * 2_000_000, rollouts_per_call=8)
    assert [len(call) for call in function.calls] == [2, 2, 1]


def test_a_rollout_that_is_larger_than_an_event_is_refused_by_its_line(executor: ThreadPoolExecutor) -> None:
    """Before anything is sent."""
    function = FakeFunction(lambda rollouts, _number: correct_scores(rollouts))
    with pytest.raises(GraderError, match="Shorten the record at line 1 of the train file") as error:
        grade(function, executor, count=3, text="x" * 6_000_000)
    assert (error.value.rollout, function.calls) == (name(0), [])


def test_no_more_calls_run_side_by_side_than_the_function_has_concurrency() -> None:
    """Otherwise some would be throttled, and which of them would depend on chance."""
    running, most, lock = 0, 0, Lock()

    def counts(rollouts: Rollouts, _number: int) -> FakeInvocation:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        Flag().wait(0.005)
        with lock:
            running -= 1
        return correct_scores(rollouts)

    with ThreadPoolExecutor(8) as threads:
        grade(FakeFunction(counts), threads, count=16, width=2)
    assert most == 2
