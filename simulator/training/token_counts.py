"""Estimates of how many tokens a text has."""

from collections.abc import Iterable

from simulator.training.dataset import Message

CHARACTERS_PER_TOKEN = 4


# Tokens that a chat template adds to each message.
_TOKENS_PER_MESSAGE = 4
# Instructions are at the beginning or at the end of a prompt. Only this many characters at each end are read.
_MAX_END_CHARACTERS = 32_768


def count_message_tokens(messages: Iterable[Message]) -> int:
    """Return the estimated tokens of a prompt, including those of the chat template."""
    return sum(count_tokens(message.content) + _TOKENS_PER_MESSAGE for message in messages)


def truncate_middle(text: str) -> str:
    """Return a prompt without the middle part of a very long one."""
    return (
        text if len(text) <= 2 * _MAX_END_CHARACTERS else f"{text[:_MAX_END_CHARACTERS]}\n{text[-_MAX_END_CHARACTERS:]}"
    )


def count_tokens(text: str) -> int:
    """Return the estimated tokens of a text, at least 1."""
    return max(1, -(-len(text) // CHARACTERS_PER_TOKEN))
