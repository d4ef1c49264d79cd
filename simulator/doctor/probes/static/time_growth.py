"""Measure how a function's time grows with the length of a response."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from simulator.doctor.finding import Example, ExampleCall
from simulator.doctor.invocation import Case, Invoker
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.reward_function import with_shorter_timeout
from simulator.doctor.rows import Row
from simulator.doctor.timeout_budget import has_timed_out

RESPONSE_SIZES: Final = (2_000, 8_000, 32_000)
"""The lengths of the long responses, in characters (INFERRED)."""

STEEP_EXPONENT: Final = 1.5
"""Time that grows with a higher power of the length is steep: a search that starts again at every character."""

EXPLOSIVE_EXPONENT: Final = 3.0
"""Time that grows with a higher power of the length is no search that starts again, but backtracking (INFERRED)."""

NOTABLE_SECONDS: Final = 0.05
"""A shorter time on the longest response is not reported, because it may be the noise of a busy machine."""

TOO_SLOW_SECONDS: Final = 2.0
"""When a function takes longer on one response, no longer response is sent."""

TIMEOUT_SECONDS: Final = 5.0
"""The time-out for a long response, in seconds, where the function runs on this machine."""

FILLERS: Final = {
    "words": "so the total comes to that and then ",
    "letters": "a",
    "digits": "1",
    "numbers": "12 ",
    "spaces": " ",
    "empty lines": "\n",
    "markers": "#### ",
    "opening brackets": "{",
    "LaTeX boxes": "\\boxed{",
    "tags": "<answer>",
    "quotes": '"',
    "asterisks": "*",
}
"""The contents of a long response: texts behind the answer that slow down a search for it."""

SLOT_FILLERS: Final = {
    "digits in the answer": "1",
    "commas in the answer": "1,",
    "letters in the answer": "a",
    "words in the answer": "so the total comes to that and then ",
    "spaces in the answer": " ",
    "signs in the answer": "-",
}
"""The contents of a long answer: texts on which a nested repetition in the pattern of the answer backtracks."""

CHARACTERS_PER_TOKEN: Final = 4
"""No response is longer than this many times the most tokens of a rollout (INFERRED, for English text). A quadratic
time is common, as for `\\d+\\.?\\d*`, and harmless up to a few thousand characters."""

_MISMATCH: Final = "~"  # ends a long answer, so that a pattern of digits, letters or spaces up to the end fails

_CONFIRMATIONS: Final = 3  # a steep growth must be measured this often
_EXCERPT_CHARACTERS: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeGrowth:
    """The times for responses with one filler.

    Attributes:
        filler: the name of the filler.
        sizes: the lengths of all responses with this filler, in characters.
        case: the longest response that was sent.
        seconds: the times, shortest response first.
        has_ended: False if the last call reached the time-out.
        call: the last call.
    """

    filler: str
    sizes: tuple[int, ...] = RESPONSE_SIZES
    case: Case
    seconds: tuple[float, ...]
    has_ended: bool = True
    call: ExampleCall | None = None

    @property
    def longest(self) -> int:
        """The length of the longest response that was sent, in characters."""
        return RESPONSE_SIZES[len(self.seconds) - 1]

    @property
    def is_too_slow(self) -> bool:
        """Whether it took so long that no longer response was sent."""
        return self.seconds[-1] > TOO_SLOW_SECONDS or not self.has_ended

    @property
    def exponent(self) -> float | None:
        """The exponent of the growth of time with length, between the two longest responses; None with one time."""
        if len(self.seconds) < 2:  # noqa: PLR2004  a slope is between two points
            return None
        shorter, longer = (max(seconds, 1e-6) for seconds in self.seconds[-2:])
        last_index = len(self.seconds) - 1
        return math.log(longer / shorter) / math.log(RESPONSE_SIZES[last_index] / RESPONSE_SIZES[last_index - 1])

    @property
    def is_explosive(self) -> bool:
        """Whether the shortest response took too long already, or the growth is far steeper than that of a search."""
        return self.exponent is None or self.exponent > EXPLOSIVE_EXPONENT

    @property
    def is_steep(self) -> bool:
        """Whether the time grows much faster than the length.

        A long answer of one character is rare, and a common pattern of a number needs quadratic time for it. So the
        growth with an answer is reported only if it explodes.
        """
        if self.filler in SLOT_FILLERS and not self.is_explosive:
            return False
        is_notable = self.seconds[-1] > NOTABLE_SECONDS and self.exponent is not None and self.exponent > STEEP_EXPONENT
        return self.is_too_slow or is_notable

    @property
    def description(self) -> str:
        """The times in words."""
        times = zip(RESPONSE_SIZES, self.seconds, strict=False)
        return ", ".join(f"{format_duration(seconds)} for {size // 1000} kB" for size, seconds in times)

    @property
    def example(self) -> Example:
        """The start of the longest response as an example."""
        text = self.case.text
        return Example(
            line=self.case.record.line,
            prompt=self.case.record.messages[-1].content,
            response=f"{text[:_EXCERPT_CHARACTERS]}… ({len(text):,} characters)",
            score=None,
            note=self.description,
            call=self.call,
        )


def measure_time_growth(context: ProbeContext, invoker: Invoker) -> Iterator[TimeGrowth]:
    """Yield the growth for each filler. A steep one is measured again, and the shortest times count."""
    for filler in (*SLOT_FILLERS, *FILLERS):
        growth = _measure(context, invoker, filler)
        for _ in range(1, _CONFIRMATIONS):
            if growth.is_too_slow or not growth.is_steep:
                break
            repeated_growth = _measure(context, invoker, filler)
            growth = replace(growth, seconds=tuple(map(min, growth.seconds, repeated_growth.seconds)))
        yield growth


def format_duration(seconds: float) -> str:
    """Return a duration in ms or s."""
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _measure(context: ProbeContext, invoker: Invoker, filler: str) -> TimeGrowth:
    row = context.rows[0]
    case = Case(label=filler, record=row.record, text="")
    seconds: list[float] = []
    has_ended = True
    call: ExampleCall | None = None
    longest = CHARACTERS_PER_TOKEN * context.hyperparameters.max_tokens
    sizes = tuple(size for size in RESPONSE_SIZES if size <= longest) or RESPONSE_SIZES[:1]
    for size in sizes:
        case = replace(case, text=_long_response(row, filler, size))
        ids = invoker.rollout_ids([case])
        element = invoker.build_element(case, rollout_id=ids[0])
        invocation = invoker.invoke([element], ids=ids).invocation
        seconds.append(invocation.duration_ms / 1e3 if invocation else 0.0)
        call = ExampleCall(elements=(element,), rollout_id=ids[0], seconds=seconds[-1])
        has_ended = invocation is None or not has_timed_out(invocation)
        if seconds[-1] > TOO_SLOW_SECONDS or not has_ended:
            break
    return TimeGrowth(filler=filler, sizes=sizes, case=case, seconds=tuple(seconds), has_ended=has_ended, call=call)


def _long_response(row: Row, filler: str, size: int) -> str:
    if filler in SLOT_FILLERS:
        return row.write_response((SLOT_FILLERS[filler] * size)[:size] + _MISMATCH)
    beginning = "" if row.reference.kind == "none" else row.right_response
    # The x at the end makes a search for an answer at the end fail.
    return f"{beginning}\n{(FILLERS[filler] * size)[:size]}\nx"


def invoker_with_shorter_timeout(context: ProbeContext) -> Invoker:
    """Return an invoker of the function with a short time-out, where it runs on this machine."""
    function = with_shorter_timeout(context.reward_function, timeout=TIMEOUT_SECONDS) or context.reward_function
    return Invoker(reward_function=function, settings=context.settings.grading, on_call=context.invoker.on_call)
