"""A row of the parity table, of three kinds: known about Bedrock, inferred, and a property of the simulator.

The routes are in `routes/table.py`, the errors in `errors.py`. A test names the row that it checks by
`@pytest.mark.shows("<id of the row>")`; `python -m tests.parity` writes docs/parity.md from all of these.
"""

from dataclasses import dataclass
from enum import StrEnum

from simulator.parity.evidence import Evidence

D, S, O, A, I = Evidence  # noqa: E741  the letters in the table


class Topic(StrEnum):
    """The topics of the rows, in the order of the table."""

    PATHS = "Base URLs"
    AUTHENTICATION = "Authentication"
    PROJECTS = "Projects"
    FILES = "Files and data"
    JOBS = "Jobs"
    TRAINING = "Training"
    GRADING = "The reward function"
    MODELS = "Models"
    CHAT = "Chat completions"
    RESPONSES = "Responses"
    WIRE = "All answers"
    SIMULATOR = "The simulator"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityRow:
    """A row: one behaviour of Bedrock, and what the simulator does.

    Attributes:
        id: a short name, in words joined by hyphens.
        evidence: the sources of the behaviour; several marks for several parts. INFERRED is never combined with others.
            Empty for a property of the simulator.
        bedrock: what Bedrock does; for an inferred row, what AWS does not document.
        simulator: what the simulator does; empty: the same.
        setting: the setting that changes the behaviour.
    """

    id: str
    topic: Topic
    evidence: tuple[Evidence, ...]
    bedrock: str
    simulator: str
    setting: str | None = None


def known_row(
    name: str,
    topic: Topic,
    evidence: tuple[Evidence, ...],
    bedrock: str,
    simulator: str = "",
    *,
    setting: str | None = None,
) -> ParityRow:
    """Return a row on a behaviour of Bedrock that has evidence."""
    return ParityRow(id=name, topic=topic, evidence=evidence, bedrock=bedrock, simulator=simulator, setting=setting)


def inferred_row(name: str, topic: Topic, unknown: str, simulator: str, *, setting: str | None = None) -> ParityRow:
    """Return a row on a behaviour of Bedrock that AWS does not document."""
    return ParityRow(id=name, topic=topic, evidence=(I,), bedrock=unknown, simulator=simulator, setting=setting)


def project_row(name: str, claim: str) -> ParityRow:
    """Return a row on a property of the simulator itself."""
    return ParityRow(id=name, topic=Topic.SIMULATOR, evidence=(), bedrock=claim, simulator="")
