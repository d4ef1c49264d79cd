"""The result of a doctor run: the findings of every probe, and the verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from simulator.doctor.finding import PROBLEM_SEVERITIES, Finding, Severity, sort_by_severity
from simulator.doctor.headline_numbers import HeadlineNumbers
from simulator.doctor.invocation import CaseResult
from simulator.doctor.plan import FULL
from simulator.doctor.training_trace import TrainingTrace
from simulator.http.service_calls import ServiceCalls
from simulator.settings import GradingSettings
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.profiles import CALIBRATED_PROFILES, profile_for

SIMULATED_ROLLOUTS: Final = "simulated"
"""The source of the base model's rollouts when no responses are recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorReport:
    """The result of a doctor run.

    Attributes:
        function_name: the reward function's name.
        data_name: the data file's name.
        record_count: the number of records in the file.
        hyperparameters: those of the planned training run.
        inputs: everything that the scored cases depend on, by name. The scores of two doctor runs can be compared if
            their inputs are equal.
        findings: those of every probe, in the order of the probes.
        traces: the simulated training runs.
        results_by_label: every result by the label of its case, in order.
        call_count: the number of invocations.
        is_partial: only some probes were selected.
        differences: in which ways the function ran here in another way than at AWS, as sentences.
        failed_calls: the function's calls to the AWS services of which a call failed. Then its scores say nothing about
            the rewards, and the probes of scores measured nothing.
        has_refused_scores: the environment refused something, and the scores may be what the function returns then.
        is_judged: False if the function can run at AWS and not on this machine.
        headline: the three numbers on top of the report. None if only some probes were selected.
        plan: the name of the plan, which says how much was measured.
        plan_cause: why the plan is not the full one. Empty for the full one.
        is_cut_off: the budget ended before every probe of the plan had measured.
        plan_changes: the options that overrule the plan.
        notices: what a user should know first, as sentences: that the function uses the network, what its time costs.
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
    differences: tuple[str, ...] = ()
    failed_calls: tuple[ServiceCalls, ...] = ()
    has_refused_scores: bool = False
    is_judged: bool = True
    headline: HeadlineNumbers | None = None
    plan: str = FULL.name
    plan_cause: str = ""
    notices: tuple[str, ...] = ()
    plan_changes: tuple[str, ...] = ()
    is_cut_off: bool = False

    def count(self, severity: Severity) -> int:
        """Return the number of findings with this severity."""
        return sum(finding.severity is severity for finding in self.findings)

    @property
    def verdict(self) -> str:
        """The sentences about failed calls, then the conclusion."""
        return "".join(f"{calls.sentence}. " for calls in self.failed_calls) + self.conclusion

    @property
    def conclusion(self) -> str:
        """Whether to pay for the training run, in one to three sentences."""
        failures, warnings, skipped = map(self.count, (Severity.FAIL, Severity.WARN, Severity.SKIPPED))
        counts = [
            format_count(number, noun) for number, noun in ((failures, "failure"), (warnings, "warning")) if number
        ]
        unmeasured = len(self.unmeasured_probes)
        missing = f"{unmeasured} of {len(self.probe_ids)} probes"
        summary = ", ".join([*counts, *([f"{missing} not measured"] if unmeasured else [])])
        if self.failed_calls and not failures:
            verdict = "The scores were not measured, so the doctor cannot say whether to pay for this run."
        elif skipped == len(self.findings):
            verdict = "Nothing was measured, so the doctor cannot say whether to pay for this run."
        elif failures:
            verdict = f"{summary}: do not pay for this run yet."
        elif warnings:
            verdict = f"{summary}: check {'it' if warnings == 1 else 'them'} before you pay for this run."
        elif unmeasured:
            verdict = f"No finding speaks against paying for this run, but {missing} lack a measurement."
        else:
            verdict = "No finding speaks against paying for this run."
        if self.is_partial:
            verdict += f" Only {', '.join(self.probe_ids)} ran."
        return verdict

    @property
    def problems(self) -> tuple[Finding, ...]:
        """The failures and warnings, by severity, then by probe."""
        return sort_by_severity([finding for finding in self.findings if finding.severity in PROBLEM_SEVERITIES])

    @property
    def has_scores(self) -> bool:
        """Whether the scores are the function's own, and so say something about it."""
        return self.is_judged and not self.failed_calls and not self.has_refused_scores

    @property
    def measured_probes(self) -> frozenset[str]:
        """The ids of the probes that measured something."""
        return frozenset(finding.probe for finding in self.findings if finding.severity is not Severity.SKIPPED)

    @property
    def unmeasured_probes(self) -> tuple[str, ...]:
        """The ids of the probes that could not measure, or not all that they measure."""
        return tuple(dict.fromkeys(finding.probe for finding in self.findings if finding.severity is Severity.SKIPPED))

    @property
    def rollouts_source(self) -> str:
        """Which recorded responses replaced the base model's rollouts, in words. Empty when they were simulated."""
        rollouts = self.inputs.get("rollouts", SIMULATED_ROLLOUTS)
        return "" if rollouts == SIMULATED_ROLLOUTS else rollouts

    @property
    def calibration_warning(self) -> str:
        """A sentence that warns of an uncalibrated model. Empty for a model that is fitted to published runs."""
        model = self.inputs["model"]
        if profile_for(model) in CALIBRATED_PROFILES:
            return ""
        fitted = " and ".join(profile.model for profile in CALIBRATED_PROFILES)
        return f"The simulation of {model} is a guess: only {fitted} are fitted to published runs."

    @property
    def probe_ids(self) -> tuple[str, ...]:
        """The ids of the probes, in order."""
        return tuple(dict.fromkeys(finding.probe for finding in self.findings))

    def passes(self, *, strict: bool) -> bool:
        """Whether the scores were measured and there is no failure.

        If strict, there is no warning either, and no probe that could not measure what it was asked to.
        """
        if self.failed_calls or not self.is_judged:
            return False
        return not any(finding.fails(strict=strict) for finding in self.findings)


def format_count(number: int, noun: str) -> str:
    """Return a number with its noun, such as "1 failure" or "2 failures"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def describe_event(grading: GradingSettings) -> str:
    """Return the layout of a rollout in the event, in words. Golden files hold this text."""
    strings = "wrapped" if grading.wrap_strings else "verbatim"
    thinking = "shown" if grading.include_reasoning else "hidden"
    return f"{grading.event_shape} shape, bare strings {strings}, thinking {thinking}"
