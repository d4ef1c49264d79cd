"""Probes and their findings."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final


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


PROBLEM_SEVERITIES: Final = frozenset({Severity.FAIL, Severity.WARN})
"""The severities of findings that should be mended, or checked, before a run is paid for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleCall:
    """The call that scored an example, so that it can be made again.

    Attributes:
        elements: the elements of its event.
        rollout_id: the id of the example's element.
        payload: the function's response, for an example that shows how the function responds and not what it scores.
        seconds: how long the call took, for an example that shows this.
    """

    elements: Sequence[Mapping[str, Any]]
    rollout_id: str
    payload: bytes | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A rollout that shows a finding, with its score.

    Attributes:
        line: the record's line in the data file.
        prompt: the last message of the prompt.
        response: the text that was scored.
        score: its score. None when the function gave no usable score.
        note: the reason for the example, such as the reference or the error.
        call: the call that scored it, where it is known.
    """

    line: int | None
    prompt: str
    response: str
    score: float | None
    note: str = ""
    call: ExampleCall | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of a probe.

    Attributes:
        probe: the probe's id, such as S7. Ids are stable, so scripts may rely on them.
        name: the probe's name.
        severity: fail, warn, info, not measured or ok.
        message: what is wrong, in one sentence.
        measured: the measured value in words, such as "0.43" or "3 of 18".
        threshold: the limit in words, such as "at least 0.8".
        fix: what to do. Empty when there is nothing to do.
        value: the measured value as a number, when it is one.
        examples: rollouts that show the finding, the clearest first.
        is_left_out: for a probe that is not measured: whether the user left it out, or the file is too small for it.
            That is no doubt about the function, so --strict accepts it.
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
    is_left_out: bool = False

    def fails(self, *, strict: bool) -> bool:
        """Whether the doctor run fails by this finding. If strict, a warning and an open question do it too."""
        if self.severity is Severity.SKIPPED:
            return strict and not self.is_left_out
        return self.severity is Severity.FAIL or (strict and self.severity is Severity.WARN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """The description of a probe, as the findings page prints it.

    Attributes:
        id: S1 to S18 for static probes, T1 to T14 for probes of simulated training. Stable.
        name: two or three words.
        question: the question that the probe answers.
        measured: how it is measured, with the thresholds.
        means: what a finding means for a real training run.
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
        """Return a finding without a problem. `message` says what was verified."""
        return self.finding(Severity.OK, message, measured=measured, threshold=threshold, value=value)

    def not_measured(self, reason: str, *, is_left_out: bool = False) -> Finding:
        """Return a finding that says why the probe could not measure. `is_left_out`: see `Finding`."""
        return replace(self.finding(Severity.SKIPPED, reason), is_left_out=is_left_out)


def sort_by_severity(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return the findings by severity, then by probe."""
    return tuple(sorted(findings, key=lambda finding: (finding.severity.rank, probe_order(finding.probe))))


def findings_pass(findings: Iterable[Finding], *, strict: bool) -> bool:
    """Whether there is no failure, and if strict, no warning either."""
    failing = PROBLEM_SEVERITIES if strict else {Severity.FAIL}
    return not any(finding.severity in failing for finding in findings)


def probe_order(probe_id: str) -> tuple[str, int]:
    """Return the key that sorts ids: static probes first, then by number."""
    return probe_id[0], int(probe_id[1:])
