"""S15: a call ends well before the time-out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator.doctor.finding import Finding, Severity
from simulator.doctor.invocation import Case
from simulator.doctor.probes.static.endless_code import endless_code
from simulator.doctor.probes.static.s15_latency import check_latency, measure_call_seconds
from simulator.doctor.probes.static.time_growth import TOO_SLOW_SECONDS, TimeGrowth
from simulator.doctor.rows import sample_rows
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from tests.doctor.conftest import load_records
from tests.doctor.fake_reward_functions import TimedRewardFunction, local_probe_context, probe_context, response_of

LONG_ROLLOUTS = Hyperparameters(max_tokens=8192)


def response_length(event: list[dict[str, Any]]) -> int:
    """Return the total length of an event's responses."""
    return sum(len(response_of(element)) for element in event)


def key_facts(findings: Iterator[Finding]) -> list[tuple[str, Severity, str, str]]:
    """Return the parts of findings that do not depend on this machine."""
    return [(finding.probe, finding.severity, finding.measured, finding.threshold) for finding in findings]


def test_a_fast_function_is_ok_and_limits_of_its_times_are_reported(sums: tuple[Record, ...]) -> None:
    """Of a call, of a whole step and of a cold start. Limits, because times would differ from report to report."""
    function = TimedRewardFunction(lambda event: float(len(event)), init_ms=120.0)
    (finding,) = check_latency(probe_context(function, sums))
    assert (finding.probe, finding.severity, finding.measured, finding.value) == (
        "S15",
        Severity.OK,
        "p50 below 1 s, p95 below 1 s for 8 rollouts; below 1 s for 32; cold start below 1 s",
        None,
    )


def test_twice_the_p95_must_fit_into_the_time_out(sums: tuple[Record, ...]) -> None:
    """Calls of 1.6 s with Lambda's default time-out of 3 s."""
    assert key_facts(check_latency(probe_context(TimedRewardFunction(lambda _event: 1600.0, timeout=3), sums))) == [
        ("S15", Severity.FAIL, "p95 1.6 s", "at most half the time-out of 3 s"),
        ("S15", Severity.WARN, "p95 1.6 s", "at most 1 s"),
    ]


def test_one_slow_call_in_ten_decides_the_p95(sums: tuple[Record, ...]) -> None:
    """The median is fast."""
    calls = iter(range(1_000))
    function = TimedRewardFunction(lambda _event: 2000.0 if next(calls) % 10 == 0 else 1.0, timeout=3)
    assert ("S15", Severity.FAIL, "p95 2 s", "at most half the time-out of 3 s") in key_facts(
        check_latency(probe_context(function, sums))
    )


def test_the_p95_of_few_calls_is_the_longest_time(sums: tuple[Record, ...]) -> None:
    """Of five calls, the median is the third."""
    seconds = iter([3.0, 1.0, 5.0, 2.0, 4.0])
    function = TimedRewardFunction(lambda _event: 1e3 * next(seconds))
    assert measure_call_seconds(probe_context(function, sums), budget_seconds=14.0) == (3.0, 5.0)


def test_a_whole_step_that_does_not_fit_into_the_time_out_is_a_warning(sums: tuple[Record, ...]) -> None:
    """8 rollouts take 0.4 s, and 32 take 1.6 s."""
    assert key_facts(
        check_latency(probe_context(TimedRewardFunction(lambda event: 50.0 * len(event), timeout=3), sums))
    ) == [("S15", Severity.WARN, "1.6 s", "at most half the time-out of 3 s")]


def test_the_time_of_a_slow_step_is_extrapolated(sums: tuple[Record, ...]) -> None:
    """512 rollouts at 0.1 s each are not sent."""
    function = TimedRewardFunction(lambda event: 100.0 * len(event), timeout=60)
    context = probe_context(function, sums, hyperparameters=Hyperparameters(batch_size=64))
    assert key_facts(check_latency(context)) == [("S15", Severity.WARN, "51.2 s", "at most half the time-out of 60 s")]


def test_a_long_init_phase_is_a_warning(sums: tuple[Record, ...]) -> None:
    """Lambda allows ten seconds."""
    function = TimedRewardFunction(lambda _event: 1.0, init_ms=12_000.0)
    assert key_facts(check_latency(probe_context(function, sums))) == [("S15", Severity.WARN, "12 s", "at most 10 s")]


def test_linear_growth_is_ok(sums: tuple[Record, ...]) -> None:
    """32 kB take 0.32 s."""
    (finding,) = check_latency(probe_context(TimedRewardFunction(lambda event: response_length(event) / 100), sums))
    assert finding.severity is Severity.OK


@pytest.mark.parametrize(("timeout", "power"), [(3.0, 2.0), (300.0, None)])
def test_quadratic_growth_is_a_warning_if_calls_may_reach_the_time_out(
    sums: tuple[Record, ...], timeout: float, power: float | None
) -> None:
    """The time grows sixteenfold from 8 to 32 kB, which take 0.2 s. A call has 8 rollouts."""
    function = TimedRewardFunction(lambda event: (response_length(event) / 1e4) ** 2 * 20, timeout=timeout)
    (finding,) = check_latency(probe_context(function, sums, hyperparameters=LONG_ROLLOUTS))
    assert (finding.severity, power and finding.value and round(finding.value, 1)) == (
        Severity.WARN if power else Severity.OK,
        power,
    )


@pytest.mark.parametrize(
    ("filler", "seconds", "is_steep"),
    [
        ("digits", (0.3, 4.8), True),
        ("digits in the answer", (0.3, 4.8), False),
        ("digits in the answer", (0.01, 4.8), True),
        ("digits in the answer", (4.8,), True),
    ],
)
def test_a_long_answer_is_reported_only_if_its_time_explodes(
    sums: tuple[Record, ...], filler: str, seconds: tuple[float, ...], is_steep: bool
) -> None:
    """A plain pattern of a decimal number takes quadratic time for thousands of digits."""
    case = Case(label=filler, record=sums[0], text="")
    assert TimeGrowth(filler=filler, case=case, seconds=seconds).is_steep is is_steep


def test_quadratic_growth_of_a_short_time_is_ok(sums: tuple[Record, ...]) -> None:
    """32 kB take 5 ms."""
    (finding,) = check_latency(
        probe_context(TimedRewardFunction(lambda event: (response_length(event) / 32_000) ** 2 * 5), sums)
    )
    assert finding.severity is Severity.OK


def test_steep_growth_must_be_measured_repeatedly(sums: tuple[Record, ...]) -> None:
    """A single slow call is measured again."""
    slow_calls = iter([1000.0])
    function = TimedRewardFunction(lambda event: next(slow_calls, 1.0) if response_length(event) > 32_000 else 1.0)
    (finding,) = check_latency(probe_context(function, sums))
    assert finding.severity is Severity.OK


def test_a_function_that_is_too_slow_gets_no_longer_response(sums: tuple[Record, ...]) -> None:
    """It takes more than two seconds for 8 kB."""
    function = TimedRewardFunction(
        lambda event: 1_000 * TOO_SLOW_SECONDS + 1 if response_length(event) > 8_000 else 1.0
    )
    (finding,) = check_latency(probe_context(function, sums, hyperparameters=LONG_ROLLOUTS))
    assert (finding.severity, finding.measured.partition(":")[0], function.longest_response < 10_000) == (
        Severity.WARN,
        "1 ms for 2 kB, 2 s for 8 kB",
        True,
    )


def test_a_slow_function_gets_fewer_timed_calls(sums: tuple[Record, ...]) -> None:
    """Four of 4 s instead of twenty, a cold one, and those that measure growth."""
    function = TimedRewardFunction(lambda event: 4_000.0 if len(event) > 1 else 1.0)
    context = probe_context(function, sums)
    assert [finding.measured for finding in check_latency(context)] == ["p95 4 s"]
    assert function.calls == 4 + 1 + (6 + 12) * 2


def test_growth_is_not_measured_for_a_function_that_is_always_slow(sums: tuple[Record, ...]) -> None:
    """A judge model takes three seconds per call, for example."""
    function = TimedRewardFunction(lambda _event: 3_000.0)
    assert [finding.measured for finding in check_latency(probe_context(function, sums))] == ["p95 3 s"]
    assert function.longest_response < 2_000


SEARCH = """
import re

def lambda_handler(event, context):
    return [{{"id": one["id"], "aggregate_reward_score": score(one["messages"][-1]["content"])}} for one in event]

def score(text):
    return float(bool(re.search(r"{pattern}", text)))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pattern", "filler"),
    [
        ("#### (([0-9]+,?)+)$", "digits in the answer"),
        (r"#### ((?:\d,+)*)*$", "commas in the answer"),
        (r"#### ((?:[a-z]+\s?)+)$", "letters in the answer"),
        (r"#### (?:-+)+\d", "signs in the answer"),
        (r"####[^a]*\n(?:a+)+$", "letters"),
    ],
)
def test_a_pattern_that_backtracks_is_found_and_stopped(
    pattern: str, filler: str, sums: tuple[Record, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is fast on ordinary responses and endless on one text. The real worker is stopped."""
    monkeypatch.setattr("simulator.doctor.probes.static.time_growth.TIMEOUT_SECONDS", 0.5)
    with local_probe_context(tmp_path, SEARCH.format(pattern=pattern), sums, timeout=60) as context:
        (finding,) = check_latency(context)
    assert (finding.severity, finding.message, finding.measured) == (
        Severity.FAIL,
        f"A response with many {filler} is hardly ever scored.",
        "500 ms for 2 kB, without an end",
    )


RUN = """
import signal

def stop(*_):
    raise TimeoutError

def lambda_handler(event, context):
    {limit}
    return [{{"id": one["id"], "aggregate_reward_score": score(one["messages"][-1]["content"])}} for one in event]

def score(text):
    try:
        exec(text, {{}})
    except Exception:
        return 0.0
    return 1.0
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limit", "findings"),
    [
        ("pass", {"Code that never ends is not stopped: one such response ends the job."}),
        (
            "signal.signal(signal.SIGALRM, stop); signal.setitimer(signal.ITIMER_REAL, 0.1)",
            {"Calls end well before the time-out."},
        ),
    ],
)
def test_code_that_never_ends_must_be_stopped(
    limit: str, findings: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The doctor waits for a limited time, and so must the function."""
    monkeypatch.setattr("simulator.doctor.probes.static.endless_code.LOOP_SECONDS", 1.0)
    with local_probe_context(tmp_path, RUN.format(limit=limit), load_records("code"), timeout=10) as context:
        assert {finding.message for finding in check_latency(context)} == findings


def test_code_that_never_ends_has_the_name_that_the_row_asks_for() -> None:
    """Its function is called by the tests, and by the code itself."""
    row = sample_rows(load_records("code"), seed=0, count=1)[0]
    names = {line.split("(")[0].removeprefix("def ") for line in row.reference.text.splitlines() if "def " in line}
    code = endless_code(row)
    assert code.split("(")[0].removeprefix("def ") in names
    assert code.endswith(f"\n{code.split('(')[0].removeprefix('def ')}()")
