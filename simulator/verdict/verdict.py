"""What the auditor returns: the verdict, its findings, and a summary of the traffic that it covers."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from simulator.verdict.case import Finding


class VerdictStatus(StrEnum):
    """The result: clean when no finding is worse than a note."""

    CLEAN = "clean"
    WARNED = "warned"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficSummary:
    """The traffic that a verdict covers.

    Attributes:
        seconds: how long the audit has run, by the clients' clock.
        requests: how many exchanges are finished.
        under_way: how many are still in progress.
        clients: the number of requests of each client; with very many clients, of the earliest.
        answers: the number of exchanges for each status, and for each other outcome.
        longest_silence: the longest time in seconds that a client waited and received nothing.
    """

    seconds: float
    requests: int
    under_way: int
    clients: Mapping[str, int]
    answers: Mapping[str, int]
    longest_silence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The verdict on the clients. Findings are sorted by severity, the worst first, then by rule."""

    verdict: VerdictStatus
    findings: tuple[Finding, ...]
    seen: TrafficSummary
