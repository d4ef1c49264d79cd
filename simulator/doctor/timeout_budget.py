"""How long the doctor waits for calls that time out, and which response makes them time out."""

import json
from dataclasses import dataclass, field
from typing import Any, Final

from simulator.doctor.finding import Example, ExampleCall
from simulator.doctor.report.excerpts import shorten
from simulator.doctor.reward_function import RewardFunction, with_shorter_timeout
from simulator.grading.lambda_event import encode_element
from simulator.grading.lambda_failure import TIMEOUT_ERROR_TYPE, parse_failure
from simulator.http.sanitize import sanitize
from simulator.lambdas.errors import InvocationRejected
from simulator.lambdas.function import Invocation

BUDGET_SECONDS: Final = 30.0
"""The doctor makes no further call after time-outs of more than this in total (INFERRED). One of 300 s exceeds it."""

SINGLE_ROLLOUT_SECONDS: Final = 10.0
"""The time-out for each rollout of a call that timed out, when it is sent alone to find the slow one."""

_EXCERPT_CHARACTERS: Final = 80


class NoScoresError(Exception):
    """The function gives no usable score at all. The message is its last error."""


class NotJudgedError(NoScoresError):
    """The function gives no usable score here for a reason that does not exist at AWS. The message says it."""


class TimeoutBudgetError(NoScoresError):
    """Calls have timed out, and no further call is made. `example` is the response that timed out."""

    def __init__(self, message: str, *, timeout: float, example: Example) -> None:
        super().__init__(message)
        self.timeout = timeout
        self.example = example


@dataclass(slots=True)
class TimeoutBudget:
    """The time that all calls of one doctor run may spend in time-outs.

    Attributes:
        seconds_spent: the sum of the time-outs so far.
    """

    seconds_spent: float = 0.0
    _last_timed_out_event: bytes = b""
    _error: TimeoutBudgetError | None = field(default=None)

    @property
    def is_exhausted(self) -> bool:
        """Whether no further call is made."""
        return self.seconds_spent > BUDGET_SECONDS

    def invoke(self, reward_function: RewardFunction, event: bytes) -> Invocation:
        """Run a function once, unless the budget is exhausted.

        Raises:
            TimeoutBudgetError: the budget is exhausted. `example` is the response of the last call that timed out.
            InvocationRejected: see `RewardFunction.invoke`.
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
    """Whether a call reached the function's time-out."""
    return bool(invocation.function_error) and parse_failure(invocation.payload).type == TIMEOUT_ERROR_TYPE


def _timeout_error(reward_function: RewardFunction, event: bytes) -> TimeoutBudgetError:
    element, note = _find_slow_element(reward_function, json.loads(event))
    messages = [*element.get("messages", ())]
    response = str(messages[-1].get("content")) if messages else ""
    prompt = str(messages[-2].get("content")) if len(messages) > 1 else ""
    message = (
        f"a call reached the function's time-out of {reward_function.timeout:g} s, on the response "
        f"“{shorten(sanitize(response), _EXCERPT_CHARACTERS)}” ({len(response):,} characters{note and f'; {note}'})"
    )
    call = ExampleCall(elements=(element,), rollout_id=str(element.get("id")))
    example = Example(line=None, prompt=prompt, response=response, score=None, note=note, call=call)
    return TimeoutBudgetError(message, timeout=reward_function.timeout, example=example)


def _find_slow_element(reward_function: RewardFunction, elements: list[dict[str, Any]]) -> tuple[dict[str, Any], str]:
    """Return the element that times out, with a note on how it was found.

    A function on this machine is called with each element alone. Otherwise the longest element is returned.
    """
    if len(elements) == 1:
        return elements[0], ""
    quick_function = with_shorter_timeout(reward_function, timeout=SINGLE_ROLLOUT_SECONDS)
    if quick_function is not None:
        for element in elements:
            if _times_out(quick_function, element):
                return element, f"alone it takes more than {quick_function.timeout:g} s"
    longest = max(elements, key=lambda element: len(encode_element(element)))
    alone_note = "" if quick_function is None else f"; none of them takes more than {quick_function.timeout:g} s alone"
    return longest, f"the longest of {len(elements)} in that call{alone_note}"


def _times_out(reward_function: RewardFunction, element: dict[str, Any]) -> bool:
    try:
        return has_timed_out(reward_function.invoke(b"[" + encode_element(element) + b"]"))
    except InvocationRejected:
        return False
