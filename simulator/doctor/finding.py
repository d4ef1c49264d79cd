"""What a probe is, and what it finds."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a finding is, worst first."""

    FAIL = "fail"
    WARN = "warn"
    INFO = "info"
    SKIPPED = "not measured"
    OK = "ok"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A thing to look at: one rollout and what it scored.

    Attributes:
        line: the record's line in the data file.
        prompt: the last message of the prompt.
        response: the text that was scored.
        score: what it got; None when the function gave no usable score.
        note: what it shows, such as the reference that it was scored against, or the error.
    """

    line: int | None
    prompt: str
    response: str
    score: float | None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a probe found.

    Attributes:
        probe: the probe's id, such as S7. Ids are stable: scripts may rely on them.
        name: what the probe is about.
        severity: fail, warn, info, not measured or ok.
        message: what is wrong, in one sentence that names no number twice.
        measured: the measured value in words, "0.43" or "3 of 18".
        threshold: what it is held against, "at least 0.8".
        fix: what to do, in words; empty when there is nothing to do.
        value: the measured value as a number, when it is one.
        examples: the prompts, responses and scores that show it, the clearest first.
    """

    probe: str
    name: str
    severity: Severity
    message: str
    measured: str = ""
    threshold: str = ""
    fix: str = ""
    value: float | None = None
    examples: tuple[Example, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A question to a reward function, as its page tells of it.

    Attributes:
        id: S1 to S18 for static probes, T1 to T14 for those of a rehearsed training. Stable.
        name: two or three words.
        question: what is asked, in one sentence that ends in a question mark.
        measured: how the answer is measured, with the thresholds.
        means: what a finding means for the run that would have been paid for.
        remedy: what to do about it.
        source: where the rule and its thresholds come from.
    """

    id: str
    name: str
    question: str
    measured: str
    means: str
    remedy: str
    source: str

    def finding(
        self,
        severity: Severity,
        message: str,
        *,
        measured: str = "",
        threshold: str = "",
        fix: str = "",
        value: float | None = None,
        examples: Sequence[Example] = (),
    ) -> Finding:
        """Return a finding of this probe."""
        return Finding(
            probe=self.id,
            name=self.name,
            severity=severity,
            message=message,
            measured=measured,
            threshold=threshold,
            fix=fix,
            value=value,
            examples=tuple(examples),
        )

    def ok(self, message: str, *, measured: str = "", threshold: str = "", value: float | None = None) -> Finding:
        """Return that all is well; `message` says what was seen to be so."""
        return self.finding(Severity.OK, message, measured=measured, threshold=threshold, value=value)

    def not_measured(self, reason: str) -> Finding:
        """Return that this could not be measured, and why."""
        return self.finding(Severity.SKIPPED, reason)


def sort_by_severity(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return findings by severity, and by probe where that is alike."""
    return tuple(sorted(findings, key=lambda finding: (finding.severity.rank, _place(finding.probe))))


def _place(probe: str) -> tuple[str, int]:
    return probe[0], int(probe[1:])
