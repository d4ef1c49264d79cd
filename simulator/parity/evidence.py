"""How we know what Bedrock does: the mark that every emulated behaviour carries."""

from enum import StrEnum


class Evidence(StrEnum):
    """Where a behaviour comes from, the surest first."""

    DOCUMENTED = "D"  # a page of AWS's documentation says so
    SAMPLE = "S"  # Amazon's sample notebooks or walkthrough rely on it
    OBSERVED = "O"  # others quote a live response
    OPENAI = "A"  # OpenAI's specification, to which AWS defers
    INFERRED = "I"  # our reading: a guess that had to be made
