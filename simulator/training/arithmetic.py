"""The version of the arithmetic of training. A job begins with one version and never continues with another one.

A job that was interrupted computes its rollouts, metrics and weights again from the rewards in its log. That is only
possible with the arithmetic that it began with.

Raise `ARITHMETIC` with every change after which the same files, settings and rewards give other responses, metrics or
weights, and add to `_CHANGES` what has changed:

1. advantages in double precision; the simulated policy answers in one of a few usual formats.
2. advantages in single precision, as verl 0.9.1 computes them (see `grpo.compute_advantages`); the simulated policy
   answers in the template that its prompt shows, and the check of which answers are right reads these templates.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

ARITHMETIC: Final = 2

ORIGINAL_ARITHMETIC: Final = 1
"""The version of jobs whose log does not name one."""

_CHANGES: Final[Mapping[int, str]] = MappingProxyType(
    {
        2: "advantages are computed in single precision, as in verl 0.9.1, and the simulated policy answers in the "
        "format that the prompt asks for",
    }
)


def describe_change(begun_with: int) -> str | None:
    """Return how this version differs from the one that a job began with, as one sentence; None if it does not."""
    if begun_with == ARITHMETIC:
        return None
    changes = "; ".join(change for version, change in _CHANGES.items() if version > begun_with)
    sentence = f"it began with version {begun_with} of the simulator's arithmetic, and this simulator has {ARITHMETIC}"
    return f"{sentence}: {changes}" if changes else sentence
