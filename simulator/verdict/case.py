"""What a rule reports: single cases of a mistake, collected into one finding."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from simulator.verdict.exchange import RequestEvidence
from simulator.verdict.rule import Rule

MAX_SHOWN_CASES: Final = 3
"""A finding keeps at most this many cases of each severity."""


class Severity(StrEnum):
    """How bad a case is, worst first."""

    FAIL = "fail"
    WARN = "warn"
    NOTE = "note"  # not a mistake by itself: a verdict with nothing worse is clean

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One occurrence of a mistake: what the client did, and the requests that prove it, earliest first."""

    severity: Severity
    client: str
    what: str
    requests: tuple[RequestEvidence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """All cases of one rule: their number, and the first few, the worst first."""

    rule: str
    name: str
    severity: Severity
    cases: int
    shown: tuple[Case, ...]
    remedy: str


class CaseList:
    """Counts all cases and keeps the first few of each severity.

    `remedy` replaces the rule's remedy when there is a more specific one for these cases.
    """

    def __init__(self, cases: Iterable[Case] = (), *, remedy: str | None = None) -> None:
        self._remedy = remedy
        self._counts = dict.fromkeys(Severity, 0)
        self._first_cases: dict[Severity, list[Case]] = {severity: [] for severity in Severity}
        for case in cases:
            self.add(case)

    def add(self, case: Case) -> None:
        """Add a case."""
        self._counts[case.severity] += 1
        first_cases = self._first_cases[case.severity]
        if len(first_cases) < MAX_SHOWN_CASES:
            first_cases.append(case)

    def with_cases(self, cases: Iterable[Case]) -> "CaseList":
        """Return a new list with these cases and more."""
        extended_list = CaseList(remedy=self._remedy)
        for severity in Severity:
            extended_list._counts[severity] = self._counts[severity]
            extended_list._first_cases[severity] = list(self._first_cases[severity])
        for case in cases:
            extended_list.add(case)
        return extended_list

    def as_finding(self, rule: Rule) -> Finding | None:
        """Return the cases as one finding of a rule; None without cases."""
        first_cases = [case for severity in Severity for case in self._first_cases[severity]]
        if not first_cases:
            return None
        return Finding(
            rule=rule.id,
            name=rule.name,
            severity=first_cases[0].severity,
            cases=sum(self._counts.values()),
            shown=tuple(first_cases[:MAX_SHOWN_CASES]),
            remedy=self._remedy or rule.remedy,
        )
