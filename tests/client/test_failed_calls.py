"""The events about failed calls of the reward function."""

from __future__ import annotations

from client.failed_calls import failed_call_messages
from client.mantle_types import Event

SENTENCE = "calls to {} failed; these scores are the function's fallback: Denied: no"


def events_with(*messages: str) -> list[Event]:
    """Return events with these messages."""
    return [
        Event(id=str(number), created_at=0, level="warn", message=message, metrics=None, body={})
        for number, message in enumerate(messages)
    ]


def test_each_services_last_message_counts() -> None:
    """It has the counts of the whole job. Other messages are ignored."""
    judge, storage = SENTENCE.format("bedrock-runtime"), SENTENCE.format("s3")
    events = events_with(
        "Fine-tuning job created", f"4 of 4 {judge}", "Step 1: throttled", f"1 of 2 {storage}", f"80 of 80 {judge}"
    )
    assert failed_call_messages(events) == (f"80 of 80 {judge}", f"1 of 2 {storage}")
