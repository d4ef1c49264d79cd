"""The order in which a streamed response's events come, runs of one type as one."""

from typing import Final

# SAMPLE (contract 6.2): what Mantle sends, runs of one type as one.
MANTLE_EVENT_ORDER: Final = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.reasoning_part.added",
    "response.reasoning_text.delta",
    "response.reasoning_text.done",
    "response.reasoning_part.done",
    "response.output_item.done",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
]
# OPENAI: reasoning text is a content part like any other.
OPENAI_EVENT_ORDER: Final = [name.replace("reasoning_part", "content_part") for name in MANTLE_EVENT_ORDER]
