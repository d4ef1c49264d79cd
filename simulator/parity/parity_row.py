"""A row of the parity table, and its three kinds: known of Bedrock, guessed, and a property of this project.

The routes are in `routes/table.py`, the errors in `errors.py`. A test says which row it shows by
`@pytest.mark.shows("<id of the row>")`; `python -m tests.parity` writes docs/parity.md from all of these.
"""

from dataclasses import dataclass
from enum import StrEnum

from simulator.parity.evidence import Evidence

D, S, O, A, I = Evidence  # noqa: E741  the table's own letters


class Topic(StrEnum):
    """What a row is about, in the table's order."""

    PATHS = "Base URLs"
    AUTHENTICATION = "Who calls"
    PROJECTS = "Projects"
    FILES = "Files and data"
    JOBS = "Jobs"
    TRAINING = "Training"
    GRADING = "The reward function"
    MODELS = "Models"
    CHAT = "Chat completions"
    RESPONSES = "Responses"
    WIRE = "The wire"
    SIMULATOR = "Shown here"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityRow:
    """A row: one claim, and what rests on it here.

    id: its short name, in words joined by hyphens; the table's overview shows it.
    evidence: how the claim is known, several marks for several parts. INFERRED stands alone: a guess has a row of its
        own. None: it is no claim about Bedrock.
    bedrock: what Bedrock does; for a guess, what is not known of it.
    simulator: what is done here; empty: the same.
    setting: the switch for what could plausibly be otherwise.
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
    """Return a row on what others have told of Bedrock."""
    return ParityRow(id=name, topic=topic, evidence=evidence, bedrock=bedrock, simulator=simulator, setting=setting)


def inferred_row(name: str, topic: Topic, unknown: str, simulator: str, *, setting: str | None = None) -> ParityRow:
    """Return a row on what nobody has told of Bedrock, and had to be decided."""
    return ParityRow(id=name, topic=topic, evidence=(I,), bedrock=unknown, simulator=simulator, setting=setting)


def project_row(name: str, claim: str) -> ParityRow:
    """Return a row on what is no matter of Bedrock's, and that a run of the tests shows."""
    return ParityRow(id=name, topic=Topic.SIMULATOR, evidence=(), bedrock=claim, simulator="")
