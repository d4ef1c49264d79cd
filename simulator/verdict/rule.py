"""A rule of the verdict: it describes one mistake that clients make."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The description of one mistake, in sections.

    Attributes:
        id: C1, C2, ... Stable: scripts may rely on it.
        name: what the client did, in two to six words. Stable like `id`.
        question: what the rule checks, as a question.
        detection: how the rule detects the mistake in the requests, with the thresholds.
        impact: what the mistake causes at Bedrock.
        remedy: what to do instead.
        exceptions: similar behavior that is not a finding.
    """

    id: str
    name: str
    question: str
    detection: str
    impact: str
    remedy: str
    exceptions: str
