"""A whole visit: every probe in order, until one says that the rest cannot be measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from simulator.doctor.finding import Finding, Severity
from simulator.doctor.invocation import CaseResult
from simulator.doctor.training_trace import TrainingTrace
from simulator.settings import GradingSettings
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.profiles import CALIBRATED_PROFILES, profile_for

SIMULATED_ROLLOUTS: Final = "simulated"
"""Where the base model's rollouts come from when nobody recorded any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorReport:
    """What a visit found.

    Attributes:
        function_name: the reward function's name.
        data_name: the data file's name.
        record_count: how many records the file holds.
        hyperparameters: of the run that is being considered.
        inputs: all that the questions depend on, in words by name: the scores of two visits may be held against
            each other where these are alike.
        findings: of every probe, in the order in which they were taken.
        traces: the rehearsed training runs.
        results_by_label: every answer by what was asked, in order.
        call_count: how often the function was invoked.
        is_partial: some probes were asked for, and the others left out.
    """

    function_name: str
    data_name: str
    record_count: int
    hyperparameters: Hyperparameters
    inputs: Mapping[str, str]
    findings: tuple[Finding, ...]
    traces: tuple[TrainingTrace, ...]
    results_by_label: Mapping[str, Sequence[CaseResult]]
    call_count: int
    is_partial: bool = False

    def count(self, severity: Severity) -> int:
        """How many findings there are of a severity."""
        return sum(finding.severity is severity for finding in self.findings)

    @property
    def verdict(self) -> str:
        """Whether to pay for the run, in a sentence or two."""
        failures, warnings, skipped = map(self.count, (Severity.FAIL, Severity.WARN, Severity.SKIPPED))
        counts = ", ".join(
            format_count(number, noun) for number, noun in ((failures, "failure"), (warnings, "warning")) if number
        )
        if skipped == len(self.findings):
            said = "Nothing was measured, so nothing speaks for or against paying for this run."
        elif failures:
            said = f"{counts}: do not pay for this run yet."
        elif warnings:
            said = f"{counts}: look at {'it' if warnings == 1 else 'them'} before you pay for this run."
        else:
            said = "Nothing was found that speaks against paying for this run."
        if self.is_partial:
            said += f" No more was asked than {', '.join(self.probe_ids)}."
        some = skipped and skipped < len(self.findings)
        return f"{said} Not measured: {skipped} of {len(self.probe_ids)} probes." if some else said

    @property
    def rollouts_source(self) -> str:
        """Whose recorded responses stood for the base model's rollouts, in words; empty when they were simulated."""
        rollouts = self.inputs.get("rollouts", SIMULATED_ROLLOUTS)
        return "" if rollouts == SIMULATED_ROLLOUTS else rollouts

    @property
    def calibration_warning(self) -> str:
        """That nobody has calibrated the simulated model, in a sentence; empty for one that is fitted to real runs."""
        model = self.inputs["model"]
        if profile_for(model) in CALIBRATED_PROFILES:
            return ""
        fitted = " and ".join(profile.model for profile in CALIBRATED_PROFILES)
        return f"How {model} behaves is a guess: only {fitted} are fitted to published runs."

    @property
    def probe_ids(self) -> tuple[str, ...]:
        """The ids of the probes, in the order in which they were taken."""
        return tuple(dict.fromkeys(finding.probe for finding in self.findings))

    def passes(self, *, strict: bool) -> bool:
        """Whether nothing failed; when strict, whether nothing was warned of either."""
        return not self.count(Severity.FAIL) and not (strict and self.count(Severity.WARN))


def format_count(number: int, noun: str) -> str:
    """Return a count with its noun: 1 failure, 2 failures."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def describe_event(grading: GradingSettings) -> str:
    """Return how a rollout is laid out in the event."""
    strings = "wrapped" if grading.wrap_strings else "verbatim"
    thinking = "shown" if grading.include_reasoning else "hidden"
    return f"{grading.event_shape} shape, bare strings {strings}, thinking {thinking}"
