"""S15: what a call costs in time."""

import math
from collections.abc import Iterator, Sequence
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import Invoker
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probes.static.time_growth import (
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
"""How many calls are timed: the fewest of which one in twenty can be told."""

TIMING_BUDGET_SECONDS: Final = 10.0
"""A slow function is timed for no longer than this, but for `FEWEST_CALLS`."""

MIN_CALLS: Final = 4

SLOW_SECONDS: Final = 1.0
"""A call whose p95 is longer is slow (INFERRED): rewards are waited for in every step."""

TIMEOUT_MARGIN: Final = 2.0
"""The time-out has to leave room for twice the p95: another machine, a longer answer, a cold cache."""

LATENCY: Final = Probe(
    id="S15",
    name="latency",
    question="Is a call over long before the function's time-out, and does a long answer not take for ever?",
    measured=(
        f"{TIMED_CALLS} calls of as many rollouts of the base model as the service would send (a setting: nobody has told), "
        "one call with a whole step's, and a cold start. Twice the p95 above the function's time-out is a failure, "
        f"twice the whole step above it a warning; so are a p95 above {SLOW_SECONDS:g} s, an init phase above "
        f"{INIT_TIMEOUT_SECONDS:g} s, and a time that grows faster than the answer's length to the power of {STEEP_EXPONENT:g} "
        f"between {RESPONSE_SIZES[1]:,} and {RESPONSE_SIZES[2]:,} characters, when that takes more than {NOTABLE_SECONDS:g} s "
        "(not asked of a function that is slow with a single rollout). Whichever "
        "probe meets a call that runs into the time-out: once such calls have taken more than "
        f"{BUDGET_SECONDS:g} s together the visit ends, with a failure here that shows the response."
    ),
    means=(
        "A call that times out has no scores: the service calls again, then the run fails. Time is measured on this "
        "machine; Lambda gives a function one processor for each 1,769 MB of memory, so one of 512 MB computes in "
        "about three times as long. A regular expression that backtracks is fast on every answer but the one that "
        "the policy comes upon."
    ),
    remedy=(
        "Raise the function's time-out (Lambda's default is 3 seconds, the most 900) and its memory, or do less in a "
        "call: load what is large at import, ask a judge model for several rollouts at once."
    ),
    source=(
        'DOCUMENTED: time-out, init phase and the share of a processor ("Configure Lambda function memory"). '
        "Thresholds: INFERRED."
    ),
)


def check_latency(context: ProbeContext) -> Iterator[Finding]:
    """S15: time the calls that the service would make."""
    size = context.settings.grading.rollouts_per_call
    seconds = measure_call_seconds(context)
    if seconds is None:
        yield LATENCY.not_measured("No call was made that could be timed.")
        return
    middle, high = seconds
    step, whole = _time_whole_step(context, size=size, p95=high)
    another = invoker_with_shorter_timeout(context)
    first = _invoke_cold(context, another)
    cold = first.init_ms / 1e3 if first and first.init_ms is not None else None
    figures = f"p50 {format_duration(middle)}, p95 {format_duration(high)} for {size} rollouts; {format_duration(whole)} for {step}"
    figures += f"; cold start {format_duration(cold)}" if cold is not None else ""
    found = list(
        _slow_call_findings(context, p95=high, step_seconds=whole, step_rollouts=step, batch_size=size, cold_start=cold)
    )
    # Of a function that is slow with one rollout most of the time is there whatever the length.
    is_slow = high > SLOW_SECONDS and first is not None and first.duration_ms / 1e3 > SLOW_SECONDS
    steep = (
        None if is_slow else next((growth for growth in measure_time_growth(context, another) if growth.is_steep), None)
    )
    context.invoker.call_count += another.call_count
    if steep:
        found.append(_backtracking_finding(steep))
    yield from found or [LATENCY.ok("Calls are over long before the time-out.", measured=figures, value=high)]


def measure_call_seconds(
    context: ProbeContext, *, budget_seconds: float = TIMING_BUDGET_SECONDS, min_calls: int = MIN_CALLS
) -> tuple[float, float] | None:
    """Return the median and the p95 of calls as the service would make them, in seconds; None where none was run.

    After `budget_seconds` seconds no more are made than the `min_calls`.
    """
    took = _time_calls(
        context, size=context.settings.grading.rollouts_per_call, budget_seconds=budget_seconds, min_calls=min_calls
    )
    return (_quantile(took, 0.5), _quantile(took, 0.95)) if took else None


def _slow_call_findings(
    context: ProbeContext,
    *,
    p95: float,
    step_seconds: float,
    step_rollouts: int,
    batch_size: int,
    cold_start: float | None,
) -> Iterator[Finding]:
    timeout = context.reward_function.timeout
    limit = f"half the time-out of {timeout:g} s"
    if TIMEOUT_MARGIN * p95 > timeout:
        yield LATENCY.finding(
            Severity.FAIL,
            f"A call of {batch_size} rollouts may run into the function's time-out.",
            measured=f"p95 {format_duration(p95)}",
            threshold=f"at most {limit}",
            fix=LATENCY.remedy,
            value=p95,
        )
    elif TIMEOUT_MARGIN * step_seconds > timeout:
        yield LATENCY.finding(
            Severity.WARN,
            f"If the service sends a whole step of {step_rollouts} rollouts in one call, it may run into the time-out.",
            measured=format_duration(step_seconds),
            threshold=f"at most {limit}",
            fix=LATENCY.remedy,
            value=step_seconds,
        )
    if p95 > SLOW_SECONDS:
        yield LATENCY.finding(
            Severity.WARN,
            f"A call of {batch_size} rollouts is slow: every step of the run waits for its rewards.",
            measured=f"p95 {format_duration(p95)}",
            threshold=f"at most {SLOW_SECONDS:g} s",
            fix=LATENCY.remedy,
            value=p95,
        )
    if cold_start is not None and cold_start > INIT_TIMEOUT_SECONDS:
        yield LATENCY.finding(
            Severity.WARN,
            "The init phase takes longer than Lambda allows: it is begun anew within the first call's time-out.",
            measured=format_duration(cold_start),
            threshold=f"at most {INIT_TIMEOUT_SECONDS:g} s",
            fix="Import less at the top of the module, and load models and files when they are first needed.",
            value=cold_start,
        )


def _backtracking_finding(growth: TimeGrowth) -> Finding:
    power = f": to the power of {growth.exponent:.1f}" if growth.exponent else ""
    return LATENCY.finding(
        Severity.WARN,
        f"The time grows far faster than the length of an answer that holds many {growth.filler}.",
        measured=f"{growth.description}{power}",
        threshold=f"a power of at most {STEEP_EXPONENT:g}",
        fix=(
            "Look for a regular expression with one repetition inside or beside another, such as (a+)+ or "
            "\\s*(.*)\\s*$, and for a search that starts anew at every character; or look at the answer's end only."
        ),
        value=growth.exponent,
        examples=[growth.example],
    )


def _time_calls(context: ProbeContext, *, size: int, budget_seconds: float, min_calls: int) -> list[float]:
    """Return how many seconds each of the calls took, slow functions being asked fewer times."""
    cases = base_rollout_cases(context, TIMED_CALLS * size)
    took: list[float] = []
    for start in range(0, len(cases), size):
        invocation = invoke_cases(context, cases[start : start + size])
        if invocation is not None:
            took.append(invocation.duration_ms / 1e3)
        if sum(took) > budget_seconds and len(took) >= min_calls:
            break
    return took


def _time_whole_step(context: ProbeContext, *, size: int, p95: float) -> tuple[int, float]:
    """Return how many rollouts of a step fit into one call, and how many seconds that takes; reckoned if too long."""
    wanted = context.hyperparameters.batch_size * context.hyperparameters.rollouts_per_prompt
    cases = base_rollout_cases(context, wanted)
    total = 0
    for count, case in enumerate(cases):
        total += len(encode_element(context.invoker.build_element(case, rollout_id=rollout_id_at(count)))) + 1
        if total > MAX_PAYLOAD_BYTES:
            cases = cases[:count]
            break
    expected = p95 / size * len(cases)
    invocation = invoke_cases(context, cases) if cases and expected < TIMEOUT_SECONDS else None
    return len(cases), invocation.duration_ms / 1e3 if invocation else expected


def _invoke_cold(context: ProbeContext, invoker: Invoker) -> Invocation | None:
    """Return the call of one rollout in a fresh environment, where one can be had."""
    if invoker.reward_function is context.reward_function:
        context.reward_function.restart()
    return invoke_cases(context, base_rollout_cases(context, 1), invoker)


def _quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of the values does not exceed."""
    return sorted(values)[math.ceil(share * len(values)) - 1]
