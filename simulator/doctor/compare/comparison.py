"""What an edit of a reward function changed: headline numbers, findings, and the scores of the same responses."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from statistics import fmean
from typing import Final

from simulator.doctor.doctor_report import DoctorReport
from simulator.doctor.finding import Finding, Severity, findings_pass
from simulator.doctor.headline_numbers import NUMBER_NAMES, HeadlineNumber
from simulator.doctor.invocation import CaseResult
from simulator.doctor.probe_context import BASE_ROLLOUT_LABEL, RIGHT_LABEL, SCORE_TOLERANCE, WRONG_LABEL
from simulator.doctor.report.baseline import finding_key, planned_probes

MAX_EXAMPLES: Final = 5
"""The largest differences that are shown, each of another kind of response."""

OTHER_RESPONSES: Final = "other responses"
_GROUPS: Final[Mapping[str, str]] = {
    RIGHT_LABEL: "right answers",
    WRONG_LABEL: "wrong answers",
    "exploit, ": "responses without an answer",
    BASE_ROLLOUT_LABEL: "rollouts of the base model",
}
"""The groups of responses by the start of their label."""

_NO_REFERENCE: Final = ", no reference"


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberChange:
    """A headline number of both versions. `key` is its name in JSON."""

    key: str
    name: str
    old: HeadlineNumber
    new: HeadlineNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingChange:
    """A finding of one probe that both versions have, with another severity, message or value."""

    old: Finding
    new: Finding

    @property
    def became_failure(self) -> bool:
        """Whether it was no failure and is one now."""
        return self.new.severity is Severity.FAIL and self.old.severity is not Severity.FAIL


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingChanges:
    """The failures and warnings of both versions.

    Attributes:
        new: those that only the new version has.
        fixed: those that only the old version has, by probes that measured the new one.
        changed: those of one probe that differ.
        same: those that are equal.
        not_compared: those of a probe that did not measure the other version.
    """

    new: tuple[Finding, ...] = ()
    fixed: tuple[Finding, ...] = ()
    changed: tuple[FindingChange, ...] = ()
    same: tuple[Finding, ...] = ()
    not_compared: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredTwice:
    """A response that both versions scored."""

    label: str
    old: CaseResult
    new: CaseResult

    @property
    def difference(self) -> float:
        """The size of the difference. Infinite if only one version gave a score."""
        if self.old.score is None or self.new.score is None:
            return 0.0 if self.old.score is self.new.score else inf
        return abs(self.new.score - self.old.score)

    @property
    def is_changed(self) -> bool:
        """Whether the scores differ."""
        return self.difference > SCORE_TOLERANCE


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreChanges:
    """The scores of a group of responses in both versions. The means leave out responses without a score in either."""

    group: str
    count: int
    up: int
    down: int
    lost: int
    gained: int
    mean_old: float | None
    mean_new: float | None

    @property
    def changed(self) -> int:
        """The number of responses with another score."""
        return self.up + self.down + self.lost + self.gained


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportComparison:
    """The comparison of two doctor runs.

    Attributes:
        numbers: the headline numbers.
        findings: the failures and warnings.
        scores: the scores of the same responses, by group.
        largest: the responses with the largest differences, one of each kind.
        unmatched: the number of responses that only one version scored, because the doctor found another right answer
            or ended early.
    """

    old: DoctorReport
    new: DoctorReport
    numbers: tuple[NumberChange, ...]
    findings: FindingChanges
    scores: tuple[ScoreChanges, ...]
    largest: tuple[ScoredTwice, ...]
    unmatched: int

    @property
    def is_measured(self) -> bool:
        """Whether the scores of both versions mean something."""
        return self.old.has_scores and self.new.has_scores

    @property
    def passes(self) -> bool:
        """Whether both versions were measured, and the new one has no failure that the old one has not."""
        became_failure = any(change.became_failure for change in self.findings.changed)
        return self.is_measured and findings_pass(self.findings.new, strict=False) and not became_failure

    @property
    def verdict(self) -> str:
        """What changed, in a sentence."""
        if not self.is_measured:
            return "The scores of at least one version were not measured, so the two cannot be compared."
        findings, changed = self.findings, sum(group.changed for group in self.scores)
        count = sum(group.count for group in self.scores)
        return (
            f"{len(findings.new)} new, {len(findings.fixed)} fixed, {len(findings.changed)} changed, "
            f"{len(findings.same)} unchanged findings; {changed:,} of {count:,} scores changed."
        )


def compare_reports(old: DoctorReport, new: DoctorReport) -> ReportComparison:
    """Compare the reports of two versions of a reward function on the same data."""
    pairs, unmatched = _match_results(old.results_by_label, new.results_by_label)
    return ReportComparison(
        old=old,
        new=new,
        numbers=_compare_numbers(old, new),
        findings=compare_findings(old, new),
        scores=tuple(_compare_scores(pairs)),
        largest=_largest_differences(pairs),
        unmatched=unmatched,
    )


def compare_findings(old: DoctorReport, new: DoctorReport) -> FindingChanges:
    """Compare the failures and warnings. Those of one probe are paired by their message first, then in order."""
    changed: list[FindingChange] = []
    same: list[Finding] = []
    left_old, left_new = list(old.problems), []
    for finding in new.problems:
        match = next((other for other in left_old if finding_key(other) == finding_key(finding)), None)
        if match is None:
            left_new.append(finding)
            continue
        left_old.remove(match)
        if (match.severity, match.message, match.measured) == (finding.severity, finding.message, finding.measured):
            same.append(finding)
        else:
            changed.append(FindingChange(old=match, new=finding))
    only_new: list[Finding] = []
    for finding in left_new:
        match = next((other for other in left_old if other.probe == finding.probe), None)
        if match is None:
            only_new.append(finding)
        else:
            left_old.remove(match)
            changed.append(FindingChange(old=match, new=finding))
    planned, measured = planned_probes(old), new.measured_probes
    return FindingChanges(
        new=tuple(finding for finding in only_new if finding.probe in planned),
        fixed=tuple(finding for finding in left_old if finding.probe in measured),
        changed=tuple(changed),
        same=tuple(same),
        not_compared=(
            *(finding for finding in only_new if finding.probe not in planned),
            *(finding for finding in left_old if finding.probe not in measured),
        ),
    )


def _compare_numbers(old: DoctorReport, new: DoctorReport) -> tuple[NumberChange, ...]:
    if old.headline is None or new.headline is None:
        return ()
    return tuple(
        NumberChange(key=key, name=name, old=getattr(old.headline, key), new=getattr(new.headline, key))
        for key, name in NUMBER_NAMES.items()
    )


_Key = tuple[str, int, str, int]  # label, line, response, and how many equal ones came before


def _match_results(
    old: Mapping[str, Sequence[CaseResult]], new: Mapping[str, Sequence[CaseResult]]
) -> tuple[list[ScoredTwice], int]:
    """Return the responses that both versions scored, and how many only one did."""
    old_results, new_results = _by_key(old), _by_key(new)
    pairs = [
        ScoredTwice(label=key[0], old=result, new=new_results[key])
        for key, result in old_results.items()
        if key in new_results
    ]
    return pairs, len(old_results.keys() ^ new_results.keys())


def _by_key(results_by_label: Mapping[str, Sequence[CaseResult]]) -> dict[_Key, CaseResult]:
    results: dict[_Key, CaseResult] = {}
    counts: Counter[tuple[str, int, str]] = Counter()
    for label, label_results in results_by_label.items():
        for result in label_results:
            name = label, result.case.record.line, result.case.text
            results[*name, counts[name]] = result
            counts[name] += 1
    return results


def _compare_scores(pairs: Iterable[ScoredTwice]) -> Iterable[ScoreChanges]:
    """Yield the changes of each group of responses that has any."""
    groups: dict[str, list[ScoredTwice]] = {name: [] for name in (*_GROUPS.values(), OTHER_RESPONSES)}
    for pair in pairs:
        groups[_group(pair.label)].append(pair)
    for name, group in groups.items():
        if not group:
            continue
        scores = [
            (pair.old.score, pair.new.score)
            for pair in group
            if pair.old.score is not None and pair.new.score is not None
        ]
        yield ScoreChanges(
            group=name,
            count=len(group),
            up=sum(new - old > SCORE_TOLERANCE for old, new in scores),
            down=sum(old - new > SCORE_TOLERANCE for old, new in scores),
            lost=sum(pair.old.score is not None and pair.new.score is None for pair in group),
            gained=sum(pair.old.score is None and pair.new.score is not None for pair in group),
            mean_old=fmean(old for old, _ in scores) if scores else None,
            mean_new=fmean(new for _, new in scores) if scores else None,
        )


def _group(label: str) -> str:
    if label.endswith(_NO_REFERENCE):
        return OTHER_RESPONSES
    return next((name for start, name in _GROUPS.items() if label.startswith(start)), OTHER_RESPONSES)


def _largest_differences(pairs: Sequence[ScoredTwice]) -> tuple[ScoredTwice, ...]:
    """Return the largest difference of each kind of response, the largest first."""
    largest: dict[str, ScoredTwice] = {}
    for pair in sorted((pair for pair in pairs if pair.is_changed), key=lambda pair: -pair.difference):
        largest.setdefault(pair.label, pair)
    return tuple(list(largest.values())[:MAX_EXAMPLES])
