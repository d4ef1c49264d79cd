"""How long a visit waits for calls that run into the function's time-out, and which response is to blame."""

import json
from dataclasses import dataclass, field
from typing import Any, Final

from simulator.doctor.finding import Exhibit
from simulator.doctor.report.excerpts import clipped
from simulator.doctor.reward_function import Patient, hurried
from simulator.grading.lambda_event import encoded
from simulator.grading.lambda_response import TIMED_OUT, failure_of
from simulator.http.sanitize import visible
from simulator.lambdas.errors import InvocationRejected
from simulator.lambdas.function import Invocation

MOST_SECONDS: Final = 30.0
"""Time-outs may cost a visit so many seconds before no further call is made: a single one of 300 s ends it (INFERRED).
"""

SUSPECT_SECONDS: Final = 10.0
"""How long each rollout of a call that has hung is given by itself, to find the one that hangs."""

_SHOWN: Final = 80  # characters


class NoAnswersError(Exception):
    """The function fails on everything; the message is its last fault."""


class HungError(NoAnswersError):
    """Calls have run into the function's time-out, and no further one is made; `exhibit` shows what hung."""

    def __init__(self, said: str, *, seconds: float, exhibit: Exhibit) -> None:
        super().__init__(said)
        self.seconds = seconds
        self.exhibit = exhibit


@dataclass(slots=True)
class Patience:
    """What a visit has left for time-outs, over all of its calls.

    Attributes:
        spent: seconds that were waited for calls that ran into the time-out.
    """

    spent: float = 0.0
    _event: bytes = b""
    _error: HungError | None = field(default=None)

    @property
    def is_over(self) -> bool:
        """Whether no further call is made."""
        return self.spent > MOST_SECONDS

    def invoked(self, patient: Patient, event: bytes) -> Invocation:
        """Run a patient once, unless too much was waited for already.

        Raises:
            HungError: it was; the event of the last call that hung is to blame.
            NotInvoked: see `Patient.invoke`.
        """
        if self.is_over:
            self._error = self._error or _hung(patient, self._event)
            raise self._error
        invocation = patient.invoke(event)
        if timed_out(invocation):
            self.spent += patient.timeout
            self._event = event
        return invocation


def timed_out(invocation: Invocation) -> bool:
    """Whether a call ran into the function's time-out."""
    return bool(invocation.function_error) and failure_of(invocation.payload).type == TIMED_OUT


def _hung(patient: Patient, event: bytes) -> HungError:
    """Find the rollout that hangs among those of a call."""
    elements = json.loads(event)
    element, note = _culprit(patient, elements)
    messages = [*element.get("messages", ())]
    response = str(messages[-1].get("content")) if messages else ""
    prompt = str(messages[-2].get("content")) if len(messages) > 1 else ""
    said = (
        f"a call ran into the function's time-out of {patient.timeout:g} s, on the response "
        f"“{clipped(visible(response), _SHOWN)}” ({len(response):,} characters{note and f'; {note}'})"
    )
    exhibit = Exhibit(line=None, prompt=prompt, response=response, score=None, note=note)
    return HungError(said, seconds=patient.timeout, exhibit=exhibit)


def _culprit(patient: Patient, elements: list[dict[str, Any]]) -> tuple[dict[str, Any], str]:
    """Return the element that hangs, and what is to be said of it: for sure where each can be tried by itself."""
    if len(elements) == 1:
        return elements[0], ""
    quick = hurried(patient, seconds=SUSPECT_SECONDS)
    if quick is not None:
        for element in elements:
            if _hangs(quick, element):
                return element, f"alone it takes more than {quick.timeout:g} s"
    longest = max(elements, key=lambda element: len(encoded(element)))
    alone = "" if quick is None else f", none of which takes more than {quick.timeout:g} s alone"
    return longest, f"the longest of {len(elements)} in that call{alone}"


def _hangs(patient: Patient, element: dict[str, Any]) -> bool:
    try:
        return timed_out(patient.invoke(b"[" + encoded(element) + b"]"))
    except InvocationRejected:
        return False
