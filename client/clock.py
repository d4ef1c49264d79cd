"""The clock and the notification callback that waiting code receives."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

Notify = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """A monotonic clock in seconds, and a way to wait; tests pass their own."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
