"""Estimates of how many tokens a text has."""

from collections.abc import Iterable

from simulator.training.dataset import Message

CHARACTERS_PER_TOKEN = 4


# What a chat template adds to each message.
_TOKENS_PER_MESSAGE = 4
# What a prompt asks for stands at its beginning or its end: of a longer one so many characters of each are read.
_READ = 32_768


def count_message_tokens(messages: Iterable[Message]) -> int:
    """Return how many tokens a prompt is taken to be, those around each message included."""
    return sum(count_tokens(message.content) + _TOKENS_PER_MESSAGE for message in messages)


def truncate_middle(text: str) -> str:
    """Return what of a prompt is read for what it asks: all of it, or the beginning and the end of a very long one."""
    return text if len(text) <= 2 * _READ else f"{text[:_READ]}\n{text[-_READ:]}"


def count_tokens(text: str) -> int:
    """Return how many tokens a text is taken to be; nothing is less than one."""
    return max(1, -(-len(text) // CHARACTERS_PER_TOKEN))
