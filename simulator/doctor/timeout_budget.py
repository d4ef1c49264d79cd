"""How long a visit waits for calls that run into the function's time-out, and which response is to blame."""

import json
from dataclasses import dataclass, field
from typing import Any, Final

from simulator.doctor.finding import Example
from simulator.doctor.report.excerpts import shorten
from simulator.doctor.reward_function import RewardFunction, with_shorter_timeout
from simulator.grading.lambda_event import encode_element
from simulator.grading.lambda_failure import TIMEOUT_ERROR_TYPE, parse_failure
from simulator.http.sanitize import sanitize
from simulator.lambdas.errors import InvocationRejected
from simulator.lambdas.function import Invocation

BUDGET_SECONDS: Final = 30.0
"""Time-outs may cost a visit so many seconds before no further call is made: a single one of 300 s ends it (INFERRED).
"""

SINGLE_ROLLOUT_SECONDS: Final = 10.0
"""How long each rollout of a call that has hung is given by itself, to find the one that hangs."""

_EXCERPT_CHARACTERS: Final = 80  # characters


class NoScoresError(Exception):
    """The function fails on everything; the message is its last fault."""


class TimeoutBudgetError(NoScoresError):
    """Calls have run into the function's time-out, and no further one is made; `example` shows what hung."""

    def __init__(self, message: str, *, timeout: float, example: Example) -> None:
        super().__init__(message)
        self.timeout = timeout
        self.example = example


@dataclass(slots=True)
class TimeoutBudget:
    """What a visit has left for time-outs, over all of its calls.

    Attributes:
        seconds_spent: seconds that were waited for calls that ran into the time-out.
    """

    seconds_spent: float = 0.0
    _last_timed_out_event: bytes = b""
    _error: TimeoutBudgetError | None = field(default=None)

    @property
    def is_exhausted(self) -> bool:
        """Whether no further call is made."""
        return self.seconds_spent > BUDGET_SECONDS

    def invoke(self, reward_function: RewardFunction, event: bytes) -> Invocation:
        """Run a patient once, unless too much was waited for already.

        Raises:
            HungError: it was; the event of the last call that hung is to blame.
            NotInvoked: see `Patient.invoke`.
        """
        if self.is_exhausted:
            self._error = self._error or _timeout_error(reward_function, self._last_timed_out_event)
            raise self._error
        invocation = reward_function.invoke(event)
        if has_timed_out(invocation):
            self.seconds_spent += reward_function.timeout
            self._last_timed_out_event = event
        return invocation


def has_timed_out(invocation: Invocation) -> bool:
    """Whether a call ran into the function's time-out."""
    return bool(invocation.function_error) and parse_failure(invocation.payload).type == TIMEOUT_ERROR_TYPE


def _timeout_error(reward_function: RewardFunction, event: bytes) -> TimeoutBudgetError:
    """Find the rollout that hangs among those of a call."""
    elements = json.loads(event)
    element, note = _find_slow_element(reward_function, elements)
    messages = [*element.get("messages", ())]
    response = str(messages[-1].get("content")) if messages else ""
    prompt = str(messages[-2].get("content")) if len(messages) > 1 else ""
    said = (
        f"a call ran into the function's time-out of {reward_function.timeout:g} s, on the response "
        f"“{shorten(sanitize(response), _EXCERPT_CHARACTERS)}” ({len(response):,} characters{note and f'; {note}'})"
    )
    exhibit = Example(line=None, prompt=prompt, response=response, score=None, note=note)
    return TimeoutBudgetError(said, timeout=reward_function.timeout, example=exhibit)


def _find_slow_element(reward_function: RewardFunction, elements: list[dict[str, Any]]) -> tuple[dict[str, Any], str]:
    """Return the element that hangs, and what is to be said of it: for sure where each can be tried by itself."""
    if len(elements) == 1:
        return elements[0], ""
    quick = with_shorter_timeout(reward_function, timeout=SINGLE_ROLLOUT_SECONDS)
    if quick is not None:
        for element in elements:
            if _times_out(quick, element):
                return element, f"alone it takes more than {quick.timeout:g} s"
    longest = max(elements, key=lambda element: len(encode_element(element)))
    alone = "" if quick is None else f", none of which takes more than {quick.timeout:g} s alone"
    return longest, f"the longest of {len(elements)} in that call{alone}"


def _times_out(reward_function: RewardFunction, element: dict[str, Any]) -> bool:
    try:
        return has_timed_out(reward_function.invoke(b"[" + encode_element(element) + b"]"))
    except InvocationRejected:
        return False
