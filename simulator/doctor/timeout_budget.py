"""How long the doctor waits for calls that time out, and which response makes them time out."""

import json
from dataclasses import dataclass, field
from typing import Any, Final

from simulator.doctor.finding import Example, ExampleCall
from simulator.doctor.report.excerpts import shorten
from simulator.doctor.reward_function import RewardFunction, with_shorter_timeout
from simulator.doctor.run_budget import BudgetUsedUpError, RunBudget
from simulator.grading.lambda_event import encode_element
from simulator.grading.lambda_failure import TIMEOUT_ERROR_TYPE, parse_failure
from simulator.http.sanitize import sanitize
from simulator.lambdas.errors import CallCutOff, InvocationRejected
from simulator.lambdas.function import Invocation

BUDGET_SECONDS: Final = 30.0
"""The doctor makes no further call after time-outs of more than this in total (INFERRED). One of 300 s exceeds it."""

SINGLE_ROLLOUT_SECONDS: Final = 10.0
"""The time-out for each rollout of a call that timed out, when it is sent alone to find the slow one."""

_MIN_SECONDS: Final = 0.5
_EXCERPT_CHARACTERS: Final = 80


class NoScoresError(Exception):
    """The function gives no usable score at all. The message is its last error."""


class NotJudgedError(NoScoresError):
    """The function gives no usable score here for a reason that does not exist at AWS. The message says it."""


class TimeoutBudgetError(NoScoresError):
    """Calls have timed out, or one takes far too long, and no further call is made.

    Attributes:
        timeout: how long the doctor waited for a call.
        example: the response that it waited for.
        usual_seconds: the longest call that was answered, if the doctor did not wait for the function's time-out.
    """

    def __init__(self, message: str, *, timeout: float, example: Example, usual_seconds: float | None = None) -> None:
        super().__init__(message)
        self.timeout = timeout
        self.example = example
        self.usual_seconds = usual_seconds


@dataclass(slots=True)
class TimeoutBudget:
    """The time that all calls of one doctor run may spend in time-outs.

    Attributes:
        run_budget: the time of the whole doctor run.
        checks_run_budget: whether each call needs time. A stored answer does not.
        seconds_spent: the sum of the time-outs so far.
    """

    run_budget: RunBudget = field(default_factory=RunBudget)
    checks_run_budget: bool = True
    seconds_spent: float = 0.0
    _last_timed_out_event: bytes = b""
    _error: TimeoutBudgetError | None = field(default=None)

    @property
    def is_exhausted(self) -> bool:
        """Whether no further call is made."""
        return self.seconds_spent > BUDGET_SECONDS or self._error is not None

    def invoke(self, reward_function: RewardFunction, event: bytes) -> Invocation:
        """Run a function once, unless the budget is exhausted.

        Raises:
            TimeoutBudgetError: the budget is exhausted, or the call takes far longer than all others. `example` is the
                response of the last such call.
            BudgetUsedUpError: the time of the whole doctor run is over.
            InvocationRejected: see `RewardFunction.invoke`.
        """
        if self.is_exhausted:
            self._error = self._error or self._describe(reward_function, self._last_timed_out_event)
            raise self._error
        if self.checks_run_budget:
            self.run_budget.check()
        try:
            invocation = reward_function.invoke(event)
        except CallCutOff as error:
            self._error = self._describe(reward_function, event, cut_off_seconds=error.seconds)
            raise self._error from None
        if has_timed_out(invocation):
            self.seconds_spent += reward_function.timeout
            self._last_timed_out_event = event
        return invocation

    def _describe(
        self, reward_function: RewardFunction, event: bytes, *, cut_off_seconds: float | None = None
    ) -> TimeoutBudgetError:
        """Return the error for an event whose call has timed out, or was cut off after some seconds."""
        budget = self.run_budget
        elements = json.loads(event)
        seconds = min(SINGLE_ROLLOUT_SECONDS, budget.seconds_left / (2 * len(elements)))
        element, note = _find_slow_element(reward_function, elements, seconds=seconds)
        messages = [*element.get("messages", ())]
        response = str(messages[-1].get("content")) if messages else ""
        prompt = str(messages[-2].get("content")) if len(messages) > 1 else ""
        call = ExampleCall(elements=(element,), rollout_id=str(element.get("id")))
        reached = (
            f"reached the function's time-out of {reward_function.timeout:g} s"
            if cut_off_seconds is None
            else f"did not end within {cut_off_seconds:.3g} s, and no other took more than {budget.longest_call:.2g} s"
        )
        return TimeoutBudgetError(
            f"a call {reached}, on the response “{shorten(sanitize(response), _EXCERPT_CHARACTERS)}” "
            f"({len(response):,} characters{note and f'; {note}'})",
            timeout=reward_function.timeout if cut_off_seconds is None else cut_off_seconds,
            example=Example(line=None, prompt=prompt, response=response, score=None, note=note, call=call),
            usual_seconds=None if cut_off_seconds is None else budget.longest_call,
        )


def has_timed_out(invocation: Invocation) -> bool:
    """Whether a call reached the function's time-out."""
    return bool(invocation.function_error) and parse_failure(invocation.payload).type == TIMEOUT_ERROR_TYPE


def _find_slow_element(
    reward_function: RewardFunction, elements: list[dict[str, Any]], *, seconds: float
) -> tuple[dict[str, Any], str]:
    """Return the element that takes longer than some seconds, with a note on how it was found.

    A function on this machine is called with each element alone. Otherwise the longest element is returned.
    """
    if len(elements) == 1:
        return elements[0], ""
    quick_function = with_shorter_timeout(reward_function, timeout=max(_MIN_SECONDS, seconds))
    if quick_function is not None:
        for element in elements:
            if _times_out(quick_function, element):
                return element, f"alone it takes more than {quick_function.timeout:.2g} s"
    longest = max(elements, key=lambda element: len(encode_element(element)))
    note = f"the longest of {len(elements)} in that call"
    if quick_function is not None:
        note += f"; none of them takes more than {quick_function.timeout:.2g} s alone"
    return longest, note


def _times_out(reward_function: RewardFunction, element: dict[str, Any]) -> bool:
    try:
        return has_timed_out(reward_function.invoke(b"[" + encode_element(element) + b"]"))
    except (InvocationRejected, BudgetUsedUpError):
        return False
