"""The job's events about failed calls of the reward function to AWS services.

At Bedrock a function's failed calls are only in its own log, so a job there has no such events.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from client.mantle_types import Event

_FAILED_CALLS = re.compile(r"\d+ of \d+ calls to (?P<service>\S+) failed; these scores are the function's fallback")


def failed_call_messages(events: Iterable[Event]) -> tuple[str, ...]:
    """Return the message of each service's last such event, which has the counts of the whole job."""
    messages: dict[str, str] = {}
    for event in events:
        if match := _FAILED_CALLS.match(event.message):
            messages[match["service"]] = event.message
    return tuple(messages.values())
