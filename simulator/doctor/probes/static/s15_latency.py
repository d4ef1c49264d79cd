"""S15: check that a call ends well before the time-out."""

import math
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.grading_cost import grading_cost
from simulator.doctor.invocation import Invoker
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probes.static.endless_code import LOOP_SECONDS, LoopResult, run_endless_code
from simulator.doctor.probes.static.time_growth import (
    CHARACTERS_PER_TOKEN,
    NOTABLE_SECONDS,
    RESPONSE_SIZES,
    STEEP_EXPONENT,
    TIMEOUT_SECONDS,
    TimeGrowth,
    format_duration,
    invoker_with_shorter_timeout,
    measure_time_growth,
)
from simulator.doctor.probes.static.timed_calls import base_rollout_cases, invoke_cases, rollout_id_at
from simulator.doctor.timeout_budget import BUDGET_SECONDS
from simulator.grading.grader import MAX_PAYLOAD_BYTES
from simulator.grading.lambda_event import encode_element
from simulator.lambdas.function import Invocation
from simulator.lambdas.limits import INIT_TIMEOUT_SECONDS

TIMED_CALLS: Final = 20
"""How many calls are timed. A p95 needs at least this many."""

TIMING_BUDGET_SECONDS: Final = 10.0
"""A slow function is timed for no longer than this, but for at least `MIN_CALLS` calls."""

MIN_CALLS: Final = 4

_LIMITS: Final = (1.0, 10.0)  # seconds

SLOW_SECONDS: Final = 1.0
"""A longer p95 is slow, because every step waits for its rewards (INFERRED)."""

TIMEOUT_MARGIN: Final = 2.0
"""The time-out must be this many times the p95, for another machine, a longer response or a cold cache."""

LATENCY: Final = Probe(
    id="S15",
    name="latency",
    question="Does a call end well before the function's time-out, even with a long response?",
    measured=(
        f"The doctor times {TIMED_CALLS} calls, one call with all rollouts of a step, and a cold start. Each of the "
        f"{TIMED_CALLS} calls has as many rollouts of the base model as the service sends in a call. That number is a "
        "setting, because it is unknown. It is a failure when twice the p95 exceeds the function's time-out. It is a "
        f"warning when twice the time of the whole step exceeds it, when the p95 is above {SLOW_SECONDS:g} s, when the "
        f"init phase is above {INIT_TIMEOUT_SECONDS:g} s, and when long responses take too long. For these, the times "
        f"for responses of {', '.join(f'{size:,}' for size in RESPONSE_SIZES)} characters are compared, as far as a "
        f"rollout has a token for {CHARACTERS_PER_TOKEN} characters: with a long answer, and with a long text behind "
        "it. It is too long if it exceeds "
        f"{NOTABLE_SECONDS:g} s and grows faster than the length to the power of {STEEP_EXPONENT:g}, unless a call "
        "with such a response in every rollout still ends within half the time-out. It is a failure if such a call "
        f"may reach the time-out, and one response takes more than {TIMEOUT_SECONDS:g} s. Where the answer is Python "
        f"code, it is a failure if code that never ends runs for {LOOP_SECONDS:g} s, so that a call of such responses "
        "reaches the time-out. (This is not tested on a function that is slow "
        "with a single rollout.) The doctor stops with a failure of S15 when the calls of all probes that reach the "
        f"time-out take more than {BUDGET_SECONDS:g} s in total. The finding then shows a response that reached the "
        "time-out."
    ),
    means=(
        "A call that times out gives no scores: the service calls again, then the run fails. The time is measured on "
        "this machine. Lambda gives a function one processor for each 1,769 MB of memory, so a function with 512 MB "
        "takes about three times as long. A regular expression that backtracks is fast on most responses and very slow "
        "on a few, and the model may write such responses during training."
    ),
    remedy=(
        "Raise the function's time-out (Lambda's default is 3 seconds, the maximum 900) and its memory, or do less in "
        "a call: load large data at import, and send several rollouts to a judge model at once."
    ),
    source=(
        'DOCUMENTED: time-out, init phase and the share of a processor ("Configure Lambda function memory"). '
        "Thresholds: INFERRED."
    ),
)


def check_latency(context: ProbeContext) -> Iterator[Finding]:
    """S15: time calls as the service makes them."""
    size = context.settings.grading.rollouts_per_call
    if context.first_seconds is not None and context.first_call_suffices:
        yield from _findings_of_first_call(context, context.first_seconds, size=size)
        return
    seconds = measure_call_seconds(context)
    if seconds is None:
        yield LATENCY.not_measured("No call was made that could be timed.")
        return
    p50, p95 = seconds
    step_rollouts, step_seconds = _time_whole_step(context, size=size, p95=p95)
    quick_invoker = invoker_with_shorter_timeout(context)
    cold_call = _invoke_cold(context, quick_invoker)
    init_seconds = cold_call.init_ms / 1e3 if cold_call and cold_call.init_ms is not None else None
    findings = list(
        _slow_call_findings(
            context,
            p95=p95,
            step_seconds=step_seconds,
            step_rollouts=step_rollouts,
            batch_size=size,
            init_seconds=init_seconds,
        )
    )
    # A function that is slow with one rollout spends most of its time independently of the length.
    is_always_slow = p95 > SLOW_SECONDS and cold_call is not None and cold_call.duration_ms / 1e3 > SLOW_SECONDS
    if not is_always_slow:
        growths = measure_time_growth(context, quick_invoker)
        harmful_growths = (
            growth
            for growth in growths
            if growth.is_steep and (not growth.has_ended or _may_reach_timeout(context, growth))
        )
        findings += [_growth_finding(context, growth) for growth in islice(harmful_growths, 1)]
        if loop := run_endless_code(context):
            findings += _loop_findings(context, loop)
    context.invoker.call_count += quick_invoker.call_count
    figures = f"p50 {_at_most(p50)}, p95 {_at_most(p95)} for {size} rollouts; "
    figures += f"{_at_most(step_seconds)} for {step_rollouts}"
    figures += f"; cold start {_at_most(init_seconds)}" if init_seconds is not None else ""
    yield from findings or [LATENCY.ok("Calls end well before the time-out.", measured=figures)]


def _findings_of_first_call(context: ProbeContext, seconds: float, *, size: int) -> Iterator[Finding]:
    """Yield the findings on a slow function, from the first call alone."""
    findings = list(
        _slow_call_findings(
            context,
            p95=seconds,
            step_seconds=seconds,
            step_rollouts=size,
            batch_size=size,
            init_seconds=context.first_init_seconds,
        )
    )
    yield from findings or [
        LATENCY.ok("A call ends well before the time-out.", measured=f"{_at_most(seconds)} for {size} rollouts")
    ]


def _at_most(seconds: float) -> str:
    """Return a limit that the time does not reach. The limits are few, so that a report stays the same."""
    return next((f"below {format_duration(limit)}" for limit in _LIMITS if seconds < limit), format_duration(seconds))


def measure_call_seconds(
    context: ProbeContext, *, budget_seconds: float = TIMING_BUDGET_SECONDS, min_calls: int = MIN_CALLS
) -> tuple[float, float] | None:
    """Return the median and the p95 of calls as the service makes them, in seconds; None when none was run.

    After `budget_seconds` seconds no more calls are made, except up to `min_calls`.
    """
    seconds = _time_calls(
        context, size=context.settings.grading.rollouts_per_call, budget_seconds=budget_seconds, min_calls=min_calls
    )
    return (_quantile(seconds, 0.5), _quantile(seconds, 0.95)) if seconds else None


def _slow_call_findings(
    context: ProbeContext,
    *,
    p95: float,
    step_seconds: float,
    step_rollouts: int,
    batch_size: int,
    init_seconds: float | None,
) -> Iterator[Finding]:
    timeout = context.reward_function.timeout
    limit = f"half the time-out of {timeout:g} s"
    if TIMEOUT_MARGIN * p95 > timeout:
        yield LATENCY.finding(
            Severity.FAIL,
            f"A call of {batch_size} rollouts may reach the function's time-out."
            if p95 <= timeout
            else f"A call of {batch_size} rollouts takes longer than the function's time-out, which is too short.",
            measured=f"p95 {format_duration(p95)}",
            threshold=f"at most {limit}",
            fix=LATENCY.remedy,
            value=p95,
        )
    elif TIMEOUT_MARGIN * step_seconds > timeout:
        yield LATENCY.finding(
            Severity.WARN,
            f"If the service sends a whole step of {step_rollouts} rollouts in one call, it may reach the time-out.",
            measured=format_duration(step_seconds),
            threshold=f"at most {limit}",
            fix=LATENCY.remedy,
            value=step_seconds,
        )
    if p95 > SLOW_SECONDS:
        cost = grading_cost(
            context.records,
            settings=context.settings,
            hyperparameters=context.hyperparameters,
            call_seconds=p95,
        )
        total = f" This job would take {cost.duration}." if cost else ""
        yield LATENCY.finding(
            Severity.WARN,
            f"A call of {batch_size} rollouts is slow: every step of the run waits for its rewards.{total}",
            measured=f"p95 {format_duration(p95)}",
            threshold=f"at most {SLOW_SECONDS:g} s",
            fix=LATENCY.remedy,
            value=p95,
        )
    if init_seconds is not None and init_seconds > INIT_TIMEOUT_SECONDS:
        yield LATENCY.finding(
            Severity.WARN,
            "The init phase takes longer than Lambda allows. Lambda then starts it again within the first call's "
            "time-out.",
            measured=format_duration(init_seconds),
            threshold=f"at most {INIT_TIMEOUT_SECONDS:g} s",
            fix="Import less at the top of the module, and load models and files at their first use.",
            value=init_seconds,
        )


def _may_reach_timeout(context: ProbeContext, growth: TimeGrowth) -> bool:
    """Return whether a call may reach the time-out if each rollout is as long as the longest one of this filler.

    The time for a response that was not sent is extrapolated with the square of the length.
    """
    seconds = growth.seconds[-1] * (growth.sizes[-1] / growth.longest) ** 2
    return TIMEOUT_MARGIN * context.settings.grading.rollouts_per_call * seconds > context.reward_function.timeout


def _growth_finding(context: ProbeContext, growth: TimeGrowth) -> Finding:
    power = f": to the power of {growth.exponent:.1f}" if growth.exponent and growth.has_ended else ""
    fails = not growth.has_ended and _may_reach_timeout(context, growth)
    severity, message = (
        (Severity.FAIL, f"A response with many {growth.filler} is hardly ever scored.")
        if fails
        else (
            Severity.WARN,
            f"The time grows much faster than the length of a response with many {growth.filler}.",
        )
    )
    return LATENCY.finding(
        severity,
        message,
        measured=growth.description + ("" if growth.has_ended else ", without an end") + power,
        threshold=f"a power of at most {STEEP_EXPONENT:g}",
        fix=(
            "Look for a regular expression with one repetition inside or next to another, such as (a+)+ or "
            "\\s*(.*)\\s*$, and for a search that starts again at every character; or search only the end of the "
            "response."
        ),
        value=growth.exponent,
        examples=[growth.example],
    )


def _loop_findings(context: ProbeContext, loop: LoopResult) -> Iterator[Finding]:
    timeout, rollouts = context.reward_function.timeout, context.settings.grading.rollouts_per_call
    if TIMEOUT_MARGIN * rollouts * loop.seconds <= timeout:
        return
    yield LATENCY.finding(
        Severity.WARN if loop.has_ended else Severity.FAIL,
        f"A call of {rollouts} responses whose code never ends may reach the function's time-out."
        if loop.has_ended
        else "Code that never ends is not stopped: one such response ends the job.",
        measured=f"{'' if loop.has_ended else 'more than '}{format_duration(loop.seconds)} for one response",
        threshold=f"at most {timeout / rollouts / TIMEOUT_MARGIN:.3g} s for each rollout",
        fix="Run the code in another process, and end that process after a few seconds.",
        value=loop.seconds,
        examples=[loop.example],
    )


def _time_calls(context: ProbeContext, *, size: int, budget_seconds: float, min_calls: int) -> list[float]:
    """Return the duration of each call in seconds. A slow function gets fewer calls."""
    cases = base_rollout_cases(context, TIMED_CALLS * size)
    seconds: list[float] = []
    for start in range(0, len(cases), size):
        invocation = invoke_cases(context, cases[start : start + size])
        if invocation is not None:
            seconds.append(invocation.duration_ms / 1e3)
        if sum(seconds) > budget_seconds and len(seconds) >= min_calls:
            break
    return seconds


def _time_whole_step(context: ProbeContext, *, size: int, p95: float) -> tuple[int, float]:
    """Return how many rollouts of a step fit into one call, and its seconds. A long time is extrapolated."""
    step_rollouts = context.hyperparameters.batch_size * context.hyperparameters.rollouts_per_prompt
    cases = base_rollout_cases(context, step_rollouts)
    event_bytes = 0
    for count, case in enumerate(cases):
        event_bytes += len(encode_element(context.invoker.build_element(case, rollout_id=rollout_id_at(count)))) + 1
        if event_bytes > MAX_PAYLOAD_BYTES:
            cases = cases[:count]
            break
    expected_seconds = p95 / size * len(cases)
    invocation = invoke_cases(context, cases) if cases and expected_seconds < TIMEOUT_SECONDS else None
    return len(cases), invocation.duration_ms / 1e3 if invocation else expected_seconds


def _invoke_cold(context: ProbeContext, invoker: Invoker) -> Invocation | None:
    """Call the function with one rollout in a fresh environment, where that is possible."""
    if invoker.reward_function is context.reward_function:
        context.reward_function.restart()
    return invoke_cases(context, base_rollout_cases(context, 1), invoker)


def _quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that is at least as large as this share of the values."""
    return sorted(values)[math.ceil(share * len(values)) - 1]
