"""The evidence for what Bedrock does: every emulated behaviour has such a mark."""

from enum import StrEnum


class Evidence(StrEnum):
    """The sources of a behaviour, the most reliable first."""

    DOCUMENTED = "D"  # AWS documents it
    SAMPLE = "S"  # Amazon's sample notebooks or walkthrough rely on it
    OBSERVED = "O"  # third parties quote a live response
    OPENAI = "A"  # OpenAI's specification says so, and AWS refers to it
    INFERRED = "I"  # our assumption
