"""How a user has set the clock and the paces, in the form that the data folder keeps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pydantic import TypeAdapter

from simulator.clock import ClockAdvance
from simulator.settings import Pace


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceState:
    """The user's changes to the clock and the paces. The field names are the stored JSON keys.

    Attributes:
        reached: the simulated time to which a user has moved the clock; a job at the pace `manual` goes no further.
        frozen: whether the clock and all jobs are stopped.
        held: the simulated time at which the clock was frozen; None means `reached`.
        pace: the simulator's pace; None means the one that it was started with.
        speed: simulated seconds per real second at the pace `realtime`; None means the one it was started with.
        own: the paces of jobs that have their own, by job id.
        speeds: the speeds of jobs that have their own, by job id.
        lapses: the advances that have aged keys and sessions.
    """

    reached: int
    frozen: bool = False
    held: int | None = None
    pace: Pace | None = None
    speed: float | None = None
    own: Mapping[str, Pace] = field(default_factory=dict)
    speeds: Mapping[str, float] = field(default_factory=dict)
    lapses: tuple[ClockAdvance, ...] = ()


_ADAPTER: Final = TypeAdapter(PaceState)


def encode_pace_state(state: PaceState) -> str:
    """Return the state as JSON text."""
    return _ADAPTER.dump_json(state).decode()


def decode_pace_state(text: str) -> PaceState:
    """Return the state that `encode_pace_state` wrote."""
    return _ADAPTER.validate_json(text)
