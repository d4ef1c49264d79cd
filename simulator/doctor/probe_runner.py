"""Runs the probes of the doctor in their order and collects their findings in a report."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from simulator.doctor.doctor_report import SIMULATED_ROLLOUTS, DoctorReport, describe_event
from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import Call
from simulator.doctor.probe_context import ProbeContext, ProbeFunction
from simulator.doctor.timeout_budget import NoScoresError, TimeoutBudgetError
from simulator.doctor.training_trace import StepCallback, TrainingTrace, TrainingTraces

PREREQUISITE_PROBES: Final = frozenset({"S3"})
"""Probes that are taken even when others are asked for: they find where the right answers stand."""

TIMEOUT_PROBE: Final = "S15"
"""The probe that a call which runs into the time-out belongs to, whichever probe made it."""

TRAINING_SKIPPED: Final = "Training was not rehearsed."

TrainingCheck: TypeAlias = Callable[[ProbeContext, TrainingTraces], Iterable[Finding]]
"""What a training probe is, and what it finds."""

TrainingSimulator: TypeAlias = Callable[[ProbeContext, StepCallback], TrainingTraces]
"""Rehearses training on the function's rewards, and tells of each step: the course's name, the step, of how many."""


class ProgressListener:
    """Is told how a visit goes. This one looks away."""

    def on_call(self, call: Call, /) -> None:
        """Take note of an invocation."""

    def on_probe_start(self, probe: Probe, *, index: int, total: int) -> None:
        """Take note that a static probe begins: which of how many, from 1."""

    def on_training_step(self, trace: str, *, step: int, total: int, calls: int) -> None:
        """Take note that a rehearsed run has taken a step, and how often the function was invoked till then."""


def run_probes(
    context: ProbeContext,
    *,
    data_name: str,
    data_sha256: str,
    static_probes: Sequence[tuple[Probe, ProbeFunction]],
    training_probes: Sequence[tuple[Probe, TrainingCheck]] = (),
    simulate_training: TrainingSimulator | None = None,
    only: frozenset[str] = frozenset(),
    rollouts_source: str = SIMULATED_ROLLOUTS,
    rollouts_sha256: str = "",
    listener: ProgressListener | None = None,
) -> DoctorReport:
    """Take every probe in order.

    Args:
        context: whom and what to examine.
        data_name: the data file's name.
        data_sha256: of its bytes.
        static_probes: probes that ask, in order.
        training_probes: probes that look at the rehearsed runs, in order.
        simulate_training: makes those runs; without it their probes are not measured.
        only: ids of the probes to take; none means all.
        rollouts_source: where the base model's rollouts come from, in words.
        rollouts_sha256: of the recorded ones.
        listener: is told how it goes.
    """
    listener = listener or ProgressListener()
    asked = [entry for entry in static_probes if _is_selected(entry[0], only) or entry[0].id in PREREQUISITE_PROBES]
    judged = [entry for entry in training_probes if _is_selected(entry[0], only)]
    questions = {
        "answer_path": context.settings.answer_path or "looked for",
        "data_sha256": data_sha256,
        "event": describe_event(context.settings.grading),
        "model": context.model,
        # Not their names: what a later release asks besides makes no other questions of these.
        "probes": ",".join(probe.id for probe, _ in [*static_probes, *training_probes] if probe.id in only) or "all",
        "rollouts": rollouts_source,
        "rows": str(len(context.rows)),
        "seed": str(context.seed),
    }
    if rollouts_sha256:
        questions["rollouts_sha256"] = rollouts_sha256
    findings, ended = _run_static_probes(context, asked, listener)
    courses: tuple[TrainingTrace, ...] = ()
    if judged and simulate_training and not ended:
        courses = tuple(
            simulate_training(
                context,
                lambda name, step, of: listener.on_training_step(
                    name, step=step, total=of, calls=context.invoker.call_count
                ),
            )
        )
    for probe, judge in judged:
        if ended or not simulate_training:
            findings.append(probe.not_measured(ended or TRAINING_SKIPPED))
        else:
            findings += _require_findings(probe, judge(context, courses))
    reported = [finding for finding in findings if not only or finding.probe in only]
    return DoctorReport(
        function_name=context.reward_function.name,
        data_name=data_name,
        record_count=len(context.records),
        hyperparameters=context.hyperparameters,
        inputs=questions,
        findings=tuple(_ensure_failure(reported, ended) if ended else reported),
        traces=courses,
        results_by_label=context.invoker.results_by_label,
        call_count=context.invoker.call_count,
        is_partial=bool(only),
    )


def _is_selected(probe: Probe, only: frozenset[str]) -> bool:
    return not only or probe.id in only


def _run_static_probes(
    exam: ProbeContext, entries: Sequence[tuple[Probe, ProbeFunction]], watch: ProgressListener
) -> tuple[list[Finding], str]:
    """Return what the static probes find, and why the visit ended with one of them; empty when it did not."""
    findings: list[Finding] = []
    ended = ""
    for place, (probe, examine) in enumerate(entries, start=1):
        if ended:
            findings.append(probe.not_measured(ended))
            continue
        watch.on_probe_start(probe, index=place, total=len(entries))
        try:
            for finding in _require_findings(probe, examine(exam)):
                findings.append(finding)  # noqa: PERF402  what was found before a probe gives up is kept
        except NoScoresError as error:
            ended = _describe_failure(error)
            if not findings or findings[-1].probe != probe.id:
                findings.append(probe.not_measured(ended))
            if isinstance(error, TimeoutBudgetError):
                return _report_timeout(findings, error, entries, ended), ended
    return findings, ended


def _report_timeout(
    findings: Sequence[Finding], error: TimeoutBudgetError, entries: Sequence[tuple[Probe, ProbeFunction]], ended: str
) -> list[Finding]:
    """Put what hung under the probe of latency, where that one was asked for, and skip those that were not taken."""
    told: list[Finding] = []
    for probe, _ in entries:
        own = [finding for finding in findings if finding.probe == probe.id]
        if probe.id == TIMEOUT_PROBE:
            own = [finding for finding in own if finding.severity is not Severity.SKIPPED]
            own.append(
                probe.finding(
                    Severity.FAIL,
                    "A call runs into the function's time-out. The visit ends with it, as the next may do so too.",
                    measured=f"more than {error.timeout:g} s",
                    threshold="an answer within the time-out",
                    fix=(
                        "Find what takes so long on this response: a regular expression that backtracks, a loop that "
                        "does not end, a service that does not answer. Let it look at the response's end only, or "
                        "bound it."
                    ),
                    value=error.timeout,
                    examples=[error.example],
                )
            )
        told += own or [probe.not_measured(ended)]
    return told


def _require_findings(probe: Probe, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the findings of a probe.

    Raises:
        RuntimeError: it found nothing at all, not even that all is well, and no report would name it.
    """
    none = True
    for finding in findings:
        none = False
        yield finding
    if none:
        raise RuntimeError(f"{probe.id} has ended without a finding")


def _describe_failure(error: NoScoresError) -> str:
    if isinstance(error, TimeoutBudgetError):
        return f"The visit ended early: {error}."
    return f"The function gives no usable score: {error}"


def _ensure_failure(findings: Sequence[Finding], ended: str) -> list[Finding]:
    """Make the first probe that could not be measured a failure where there is none: no answer is not a good one."""
    if any(finding.severity is Severity.FAIL for finding in findings):
        return list(findings)
    place = next(place for place, finding in enumerate(findings) if finding.severity is Severity.SKIPPED)
    skipped = findings[place]
    failure = Finding(
        probe=skipped.probe,
        name=skipped.name,
        severity=Severity.FAIL,
        message=ended,
        measured="no score",
        threshold="a score for each rollout",
        fix="Make the function return one in time: `rft-sim doctor` without --only says what is wrong.",
    )
    return [*findings[:place], failure, *findings[place + 1 :]]
