"""S15: what a call costs in time."""

import math
from collections.abc import Iterator, Sequence
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import Asker
from simulator.doctor.probe_context import Examination
from simulator.doctor.probes.static.time_growth import (
    LONGEST_WAIT,
    NOTABLE_SECONDS,
    SIZES,
    STEEP,
    Growth,
    duration,
    growths,
    impatient,
)
from simulator.doctor.probes.static.timed_calls import invoked, name_of, rollouts
from simulator.doctor.timeout_budget import MOST_SECONDS
from simulator.grading.grader import ROOM
from simulator.grading.lambda_event import encoded
from simulator.lambdas.function import Invocation
from simulator.lambdas.limits import INIT_TIMEOUT_SECONDS

CALLS: Final = 20
"""How many calls are timed: the fewest of which one in twenty can be told."""

ENOUGH_SECONDS: Final = 10.0
"""A slow function is timed for no longer than this, but for `FEWEST_CALLS`."""

FEWEST_CALLS: Final = 4

SLOW_SECONDS: Final = 1.0
"""A call whose p95 is longer is slow (INFERRED): rewards are waited for in every step."""

MARGIN: Final = 2.0
"""The time-out has to leave room for twice the p95: another machine, a longer answer, a cold cache."""

LATENCY: Final = Probe(
    id="S15",
    name="latency",
    question="Is a call over long before the function's time-out, and does a long answer not take for ever?",
    measured=(
        f"{CALLS} calls of as many rollouts of the base model as the service would send (a setting: nobody has told), "
        "one call with a whole step's, and a cold start. Twice the p95 above the function's time-out is a failure, "
        f"twice the whole step above it a warning; so are a p95 above {SLOW_SECONDS:g} s, an init phase above "
        f"{INIT_TIMEOUT_SECONDS:g} s, and a time that grows faster than the answer's length to the power of {STEEP:g} "
        f"between {SIZES[1]:,} and {SIZES[2]:,} characters, when that takes more than {NOTABLE_SECONDS:g} s "
        "(not asked of a function that is slow with a single rollout). Whichever "
        "probe meets a call that runs into the time-out: once such calls have taken more than "
        f"{MOST_SECONDS:g} s together the visit ends, with a failure here that shows the response."
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


def latency(exam: Examination) -> Iterator[Finding]:
    """S15: time the calls that the service would make."""
    size = exam.settings.grading.rollouts_per_call
    seconds = call_seconds(exam)
    if seconds is None:
        yield LATENCY.skipped("No call was made that could be timed.")
        return
    middle, high = seconds
    step, whole = _whole_step(exam, size=size, high=high)
    another = impatient(exam)
    first = _in_a_fresh_environment(exam, another)
    cold = first.init_ms / 1e3 if first and first.init_ms is not None else None
    figures = f"p50 {duration(middle)}, p95 {duration(high)} for {size} rollouts; {duration(whole)} for {step}"
    figures += f"; cold start {duration(cold)}" if cold is not None else ""
    found = list(_too_slow(exam, high=high, whole=whole, step=step, size=size, cold=cold))
    # Of a function that is slow with one rollout most of the time is there whatever the length.
    is_slow = high > SLOW_SECONDS and first is not None and first.duration_ms / 1e3 > SLOW_SECONDS
    steep = None if is_slow else next((growth for growth in growths(exam, another) if growth.steep), None)
    exam.ask.calls += another.calls
    if steep:
        found.append(_backtracking(steep))
    yield from found or [LATENCY.fine("Calls are over long before the time-out.", measured=figures, value=high)]


def call_seconds(
    exam: Examination, *, enough: float = ENOUGH_SECONDS, fewest: int = FEWEST_CALLS
) -> tuple[float, float] | None:
    """Return the median and the p95 of calls as the service would make them, in seconds; None where none was run.

    After `enough` seconds no more are made than the `fewest`.
    """
    took = _timed(exam, size=exam.settings.grading.rollouts_per_call, enough=enough, fewest=fewest)
    return (_rank(took, 0.5), _rank(took, 0.95)) if took else None


def _too_slow(
    exam: Examination, *, high: float, whole: float, step: int, size: int, cold: float | None
) -> Iterator[Finding]:
    timeout = exam.patient.timeout
    limit = f"half the time-out of {timeout:g} s"
    if MARGIN * high > timeout:
        yield LATENCY.found(
            Severity.FAIL,
            f"A call of {size} rollouts may run into the function's time-out.",
            measured=f"p95 {duration(high)}",
            threshold=f"at most {limit}",
            fix=LATENCY.remedy,
            value=high,
        )
    elif MARGIN * whole > timeout:
        yield LATENCY.found(
            Severity.WARN,
            f"If the service sends a whole step of {step} rollouts in one call, it may run into the time-out.",
            measured=duration(whole),
            threshold=f"at most {limit}",
            fix=LATENCY.remedy,
            value=whole,
        )
    if high > SLOW_SECONDS:
        yield LATENCY.found(
            Severity.WARN,
            f"A call of {size} rollouts is slow: every step of the run waits for its rewards.",
            measured=f"p95 {duration(high)}",
            threshold=f"at most {SLOW_SECONDS:g} s",
            fix=LATENCY.remedy,
            value=high,
        )
    if cold is not None and cold > INIT_TIMEOUT_SECONDS:
        yield LATENCY.found(
            Severity.WARN,
            "The init phase takes longer than Lambda allows: it is begun anew within the first call's time-out.",
            measured=duration(cold),
            threshold=f"at most {INIT_TIMEOUT_SECONDS:g} s",
            fix="Import less at the top of the module, and load models and files when they are first needed.",
            value=cold,
        )


def _backtracking(growth: Growth) -> Finding:
    power = f": to the power of {growth.power:.1f}" if growth.power else ""
    return LATENCY.found(
        Severity.WARN,
        f"The time grows far faster than the length of an answer that holds many {growth.filler}.",
        measured=f"{growth.figures}{power}",
        threshold=f"a power of at most {STEEP:g}",
        fix=(
            "Look for a regular expression with one repetition inside or beside another, such as (a+)+ or "
            "\\s*(.*)\\s*$, and for a search that starts anew at every character; or look at the answer's end only."
        ),
        value=growth.power,
        exhibits=[growth.exhibit],
    )


def _timed(exam: Examination, *, size: int, enough: float, fewest: int) -> list[float]:
    """Return how many seconds each of the calls took, slow functions being asked fewer times."""
    cases = rollouts(exam, CALLS * size)
    took: list[float] = []
    for start in range(0, len(cases), size):
        invocation = invoked(exam, cases[start : start + size])
        if invocation is not None:
            took.append(invocation.duration_ms / 1e3)
        if sum(took) > enough and len(took) >= fewest:
            break
    return took


def _whole_step(exam: Examination, *, size: int, high: float) -> tuple[int, float]:
    """Return how many rollouts of a step fit into one call, and how many seconds that takes; reckoned if too long."""
    wanted = exam.hyperparameters.batch_size * exam.hyperparameters.rollouts_per_prompt
    cases = rollouts(exam, wanted)
    total = 0
    for count, case in enumerate(cases):
        total += len(encoded(exam.ask.element(case, name=name_of(count)))) + 1
        if total > ROOM:
            cases = cases[:count]
            break
    expected = high / size * len(cases)
    invocation = invoked(exam, cases) if cases and expected < LONGEST_WAIT else None
    return len(cases), invocation.duration_ms / 1e3 if invocation else expected


def _in_a_fresh_environment(exam: Examination, asker: Asker) -> Invocation | None:
    """Return the call of one rollout in a fresh environment, where one can be had."""
    if asker.patient is exam.patient:
        exam.patient.restart()
    return invoked(exam, rollouts(exam, 1), asker)


def _rank(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of the values does not exceed."""
    return sorted(values)[math.ceil(share * len(values)) - 1]
