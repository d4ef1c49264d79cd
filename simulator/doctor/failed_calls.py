"""What failed calls of the function to AWS services mean for the findings: its scores say nothing about the rewards."""

from collections.abc import Iterable
from typing import Final

from simulator.doctor.finding import Finding, Severity
from simulator.http.service_calls import ServiceCalls

SCORE_FREE_PROBES: Final = frozenset({"S1", "S2", "S16", "S17"})
"""Probes that do not judge scores: the shape of the response, its ids, its size, and the side effects."""


def not_measured_reason(failed_calls: Iterable[ServiceCalls]) -> str:
    """Return why probes of scores measure nothing, and what to do."""
    services = " and ".join(calls.service for calls in failed_calls)
    return f"The scores are the function's fallback: let its calls to {services} succeed, and run the doctor again."


def without_fallback_scores(findings: Iterable[Finding], *, reason: str) -> list[Finding]:
    """Replace the findings of each probe of scores by one that says that it measured nothing."""
    kept: list[Finding] = []
    replaced: set[str] = set()
    for finding in findings:
        if finding.probe in SCORE_FREE_PROBES:
            kept.append(finding)
        elif finding.probe not in replaced:
            replaced.add(finding.probe)
            kept.append(_skipped(finding, reason))
    return kept


def _skipped(finding: Finding, reason: str) -> Finding:
    return Finding(probe=finding.probe, name=finding.name, severity=Severity.SKIPPED, message=reason)
