"""Runs the probes in order and collects their findings in a report.

When the function gives no usable score, the remaining probes are not measured. When its calls to an AWS service fail,
its scores are a fallback, so no probe of scores measures anything. The same holds when the environment refuses
something, and right and wrong answers then score the same. Probes that the plan leaves out, and those that the budget
does not reach, are not measured.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from simulator.doctor.doctor_report import SIMULATED_ROLLOUTS, DoctorReport, describe_event
from simulator.doctor.failed_calls import not_measured_reason, without_fallback_scores
from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.foreign_modules import reason_not_judged
from simulator.doctor.headline_numbers import HeadlineNumbers, measure_headline_numbers, not_measured
from simulator.doctor.invocation import Call
from simulator.doctor.plan import Plan
from simulator.doctor.plan_limits import TrainingCutOffError, left_out_reasons, required_runs
from simulator.doctor.probe_context import ProbeContext, ProbeFunction
from simulator.doctor.probes.static.s10_determinism import check_after_training
from simulator.doctor.refused_scores import (
    RefusalExplanation,
    explain_refusal,
    with_first_side_effects,
    with_side_effects,
)
from simulator.doctor.run_budget import LONG_BUDGET_SECONDS, BudgetUsedUpError
from simulator.doctor.side_effects import SideEffect
from simulator.doctor.timeout_budget import NoScoresError, NotJudgedError, TimeoutBudgetError
from simulator.doctor.training_trace import RED_TEAM, SIMULATED_RED_TEAM, StepCallback, TrainingTrace, TrainingTraces

PREREQUISITE_PROBES: Final = frozenset({"S3"})
"""Probes that run even if only others are selected, because they find the field of the right answers."""

TIMEOUT_PROBE: Final = "S15"
"""The probe that reports a call that times out, even if another probe made the call."""

ANSWER_FREE_PROBES: Final = frozenset({"T11"})
"""Training probes that measure something although the simulated policy knows no right answer."""

TRAINING_SKIPPED: Final = "Training was not simulated."

TrainingCheck: TypeAlias = Callable[[ProbeContext, TrainingTraces], Iterable[Finding]]
"""The check of a training probe: returns its findings on the simulated runs."""

TrainingSimulator: TypeAlias = Callable[[ProbeContext, StepCallback], TrainingTraces]
"""Simulates training on the function's rewards, and calls the callback after each step."""


class ProgressListener:
    """Receives the progress of a doctor run. This class ignores it."""

    def on_call(self, call: Call, /) -> None:
        """Receive an invocation."""

    def on_first_call(self) -> None:
        """Receive the start of the first call, which may take long."""

    def on_plan(self, plan: Plan, *, cause: str, notices: Sequence[str]) -> None:
        """Receive the plan, why it is not the full one, and what a user should know first."""

    def on_calls(self, done: int, total: int) -> None:
        """Receive how many of the calls that are made side by side are done."""

    def on_probe_start(self, probe: Probe, *, index: int, total: int) -> None:
        """Receive the start of a static probe: its position, from 1, and the number of probes."""

    def on_training_step(self, trace: str, *, step: int, total: int, calls: int) -> None:
        """Receive the end of a simulated step: the run, the step, the number of steps, and the calls so far."""


class _ProbeListener(ProgressListener):
    """Tells which probe runs."""

    def __init__(self, on_probe: Callable[[str], None]) -> None:
        self._on_probe = on_probe

    def on_probe_start(self, probe: Probe, *, index: int, total: int) -> None:  # noqa: ARG002  as declared
        """Tell the id of the probe."""
        self._on_probe(probe.id)


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
    notices: Sequence[str] = (),
    plan_changes: Sequence[str] = (),
    first_side_effects: Sequence[SideEffect] | None = None,
) -> DoctorReport:
    """Run every selected probe, and return the report.

    Args:
        context: the function, the records and the settings.
        data_name: the data file's name.
        data_sha256: the SHA-256 of its bytes.
        static_probes: the static probes, in order.
        training_probes: the training probes, in order.
        simulate_training: simulates the training runs. Without it the training probes are not measured.
        only: the ids of the selected probes. Empty selects all.
        rollouts_source: the source of the base model's rollouts, in words.
        rollouts_sha256: the SHA-256 of the recorded responses.
        listener: receives the progress.
        notices: what a user should know first, as sentences.
        plan_changes: the options that overrule the plan.
        first_side_effects: what the function did in the first calls. S17 reports them if the budget ends before it.
    """
    listener = listener or ProgressListener()
    selected_static = [
        entry for entry in static_probes if _is_selected(entry[0], only) or entry[0].id in PREREQUISITE_PROBES
    ]
    selected_training = [entry for entry in training_probes if _is_selected(entry[0], only)]
    probe_ids = [probe.id for probe, _ in [*static_probes, *training_probes]]
    inputs = _inputs(context, data_sha256, probe_ids=probe_ids, only=only) | {"rollouts": rollouts_source}
    if rollouts_sha256:
        inputs["rollouts_sha256"] = rollouts_sha256
    left_out = left_out_reasons(context, only)
    findings, end_reason, is_judged, budget_reason = _run_static_probes(context, selected_static, left_out, listener)
    try:
        refusal = explain_refusal(context, findings, has_scores=not end_reason)
    except BudgetUsedUpError as error:
        refusal, budget_reason = RefusalExplanation(), str(error)
    is_judged = is_judged and refusal.is_judged
    traces: tuple[TrainingTrace, ...] = ()
    has_own_scores = not end_reason and not context.invoker.failed_calls and not refusal.reason
    trains = any(probe.id not in left_out for probe, _ in selected_training)
    if trains and simulate_training and has_own_scores and not budget_reason:
        traces, more_findings, budget_reason = _simulate(context, simulate_training, findings, listener)
        findings += more_findings
    failed_calls = context.invoker.failed_calls
    fallback_reason = not_measured_reason(failed_calls) if failed_calls else refusal.reason
    simulated = {RED_TEAM if trace.name == SIMULATED_RED_TEAM else trace.name for trace in traces}
    for probe, check in selected_training:
        reason = end_reason or fallback_reason
        if not reason and not simulate_training:
            findings.append(probe.not_measured(TRAINING_SKIPPED, is_left_out=True))
            continue
        reason = reason or _unknown_answers_reason(context, probe) or left_out.get(probe.id, "")
        if budget_reason and not required_runs(probe.id, context.plan) <= simulated:
            reason = reason or budget_reason
        findings += [probe.not_measured(reason)] if reason else _require_findings(probe, check(context, traces))
    if budget_reason and first_side_effects is not None:
        findings = with_first_side_effects(findings, first_side_effects)
    if fallback_reason and not end_reason:
        findings = without_fallback_scores(findings, reason=fallback_reason)
    findings = with_side_effects(findings, refusal)
    missing_reason = end_reason or ("" if failed_calls else refusal.reason)
    if budget_reason and not context.invoker.call_count and context.first_seconds is None:
        findings, missing_reason = _report_no_answer(context, findings), budget_reason
    reported = [finding for finding in findings if not only or finding.probe in only]
    return DoctorReport(
        function_name=context.reward_function.name,
        data_name=data_name,
        record_count=len(context.records),
        hyperparameters=context.hyperparameters,
        inputs=inputs,
        findings=tuple(_ensure_failure(reported, missing_reason) if missing_reason and is_judged else reported),
        traces=traces,
        results_by_label=context.invoker.results_by_label,
        call_count=context.invoker.call_count,
        is_partial=bool(only),
        differences=context.reward_function.differences,
        failed_calls=failed_calls,
        has_refused_scores=bool(refusal.reason),
        is_judged=is_judged,
        headline=None if only else _headline_numbers(context, reason=fallback_reason or end_reason),
        plan=context.plan.name,
        plan_cause=context.plan_cause,
        notices=tuple(notices),
        plan_changes=tuple(plan_changes),
        is_cut_off=bool(budget_reason),
    )


def _inputs(
    context: ProbeContext, data_sha256: str, *, probe_ids: Sequence[str], only: frozenset[str]
) -> dict[str, str]:
    """Return what the scored cases depend on, by name."""
    return {
        "answer_path": context.settings.answer_path or "looked for",
        "data_sha256": data_sha256,
        "event": describe_event(context.settings.grading),
        "model": context.model,
        "plan": context.plan.name,
        # "all" and no ids: a golden file stays comparable when a later release adds probes.
        "probes": ",".join(probe_id for probe_id in probe_ids if probe_id in only) or "all",
        "rows": str(len(context.rows)),
        "seed": str(context.seed),
        **(context.given.inputs if context.given else {}),
    }


def _simulate(
    context: ProbeContext, simulate_training: TrainingSimulator, findings: Sequence[Finding], listener: ProgressListener
) -> tuple[tuple[TrainingTrace, ...], list[Finding], str]:
    """Return the simulated runs, findings on the calls after them, and how the budget ended or ""."""
    traces: tuple[TrainingTrace, ...] = ()
    try:
        traces = tuple(
            simulate_training(
                context,
                lambda name, step, total: listener.on_training_step(
                    name, step=step, total=total, calls=context.invoker.call_count
                ),
            )
        )
        return traces, list(check_after_training(context, findings)) if traces else [], ""
    except TrainingCutOffError as error:
        return error.traces, [], str(error)
    except BudgetUsedUpError as error:
        return traces, [], str(error)


def _unknown_answers_reason(context: ProbeContext, probe: Probe) -> str:
    """Return why a training probe measures nothing: the simulated policy knows no right answer. Else ""."""
    if context.recorded is not None or context.answerable_rows or probe.id in ANSWER_FREE_PROBES:
        return ""
    return context.unknown_answers_reason


def _headline_numbers(context: ProbeContext, *, reason: str) -> HeadlineNumbers:
    """Return the numbers on top of the report. `reason`: why the scores say nothing about the rewards, if they do."""
    if reason:
        return not_measured(reason)
    return measure_headline_numbers(context, context.invoker.results_by_label)


def collect_calls(
    context: ProbeContext,
    static_probes: Sequence[tuple[Probe, ProbeFunction]],
    *,
    only: frozenset[str],
    on_probe: Callable[[str], None],
) -> None:
    """Run the static probes as `run_probes` does, for the calls that they make. Their findings are dropped."""
    entries = [entry for entry in static_probes if _is_selected(entry[0], only) or entry[0].id in PREREQUISITE_PROBES]
    _run_static_probes(context, entries, left_out_reasons(context, only), _ProbeListener(on_probe))


def _is_selected(probe: Probe, only: frozenset[str]) -> bool:
    return not only or probe.id in only


def _run_static_probes(
    context: ProbeContext,
    entries: Sequence[tuple[Probe, ProbeFunction]],
    left_out: Mapping[str, str],
    listener: ProgressListener,
) -> tuple[list[Finding], str, bool, str]:
    """Return the findings of the static probes, and how they ended.

    That is: why the doctor run ended early or "", whether the function can run, and how the budget ended or "". A
    function that only this machine cannot run is not judged.
    """
    findings: list[Finding] = []
    end_reason, is_judged, budget_reason = "", True, ""
    for index, (probe, find) in enumerate(entries, start=1):
        # Stored answers need no time, so a later probe may have all that it needs.
        used_up = "" if context.replays else budget_reason
        reason = end_reason or left_out.get(probe.id, "") or used_up
        if reason and not (probe.id == TIMEOUT_PROBE and context.first_call_suffices):
            findings.append(probe.not_measured(reason))
            continue
        listener.on_probe_start(probe, index=index, total=len(entries))
        try:
            for finding in _require_findings(probe, find(context)):
                findings.append(finding)  # noqa: PERF402  keeps the findings before an error
        except BudgetUsedUpError as error:
            budget_reason = str(error)
            if not findings or findings[-1].probe != probe.id:
                findings.append(probe.not_measured(budget_reason))
        except NoScoresError as error:
            reason = (
                str(error)
                if isinstance(error, NotJudgedError)
                else reason_not_judged(str(error), context.reward_function)
            )
            end_reason, is_judged = reason or _describe_failure(error), not reason
            if not findings or findings[-1].probe != probe.id:
                findings.append(probe.not_measured(end_reason))
            if isinstance(error, TimeoutBudgetError):
                return _report_timeout(findings, error, entries, end_reason), end_reason, True, ""
    return findings, end_reason, is_judged, budget_reason


def _report_timeout(
    findings: Sequence[Finding],
    error: TimeoutBudgetError,
    entries: Sequence[tuple[Probe, ProbeFunction]],
    end_reason: str,
) -> list[Finding]:
    """Report the time-out under the latency probe, if it is selected. Mark probes that did not run as not measured."""
    reported: list[Finding] = []
    for probe, _ in entries:
        own = [finding for finding in findings if finding.probe == probe.id]
        if probe.id == TIMEOUT_PROBE:
            own = [finding for finding in own if finding.severity is not Severity.SKIPPED]
            own.append(
                probe.finding(
                    Severity.FAIL,
                    "A call reaches the function's time-out. The doctor run ends here, because the next calls may too."
                    if error.usual_seconds is None
                    else "A call takes far longer than all others, and the doctor did not wait for its end. The doctor "
                    "run ends here, because the next calls may be as slow.",
                    measured=f"more than {error.timeout:.3g} s"
                    + ("" if error.usual_seconds is None else f", and {error.usual_seconds:.2g} s at most otherwise"),
                    threshold="an answer within the time-out",
                    fix=(
                        "Find what takes so long on this response: a regular expression that backtracks, a loop that "
                        "does not end, or a service that does not answer. Read only the end of the response, or limit "
                        "its length."
                    ),
                    value=error.timeout,
                    examples=[error.example],
                )
            )
        reported += own or [probe.not_measured(end_reason)]
    return reported


def _report_no_answer(context: ProbeContext, findings: Sequence[Finding]) -> list[Finding]:
    """Report under the latency probe that no call ended within the budget."""
    budget = context.invoker.timeout_budget.run_budget
    seconds = budget.cut_off_seconds or budget.seconds
    return [
        replace(
            finding,
            severity=Severity.FAIL,
            message=f"No call ended within the budget of {budget.seconds:g} s, so nothing could be measured.",
            measured=f"more than {seconds:.3g} s for the first call",
            threshold="an answer",
            fix=(
                "Find what the function waits for: a loop that does not end, a service that does not answer, or a long "
                f"import. If it needs that long, give the doctor more time: --budget {LONG_BUDGET_SECONDS:g}."
            ),
            value=seconds,
        )
        if finding.probe == TIMEOUT_PROBE
        else finding
        for finding in findings
    ]


def _require_findings(probe: Probe, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the findings of a probe.

    Raises:
        RuntimeError: the probe yields no finding, so no report would name it.
    """
    is_empty = True
    for finding in findings:
        is_empty = False
        yield finding
    if is_empty:
        raise RuntimeError(f"{probe.id} ended without a finding")


def _describe_failure(error: NoScoresError) -> str:
    if isinstance(error, TimeoutBudgetError):
        return f"The doctor run ended early: {error}."
    return f"The function gives no usable score: {error}"


def _ensure_failure(findings: Sequence[Finding], end_reason: str) -> list[Finding]:
    """If nothing failed, make the first probe that was not measured a failure, so that the exit code is 1."""
    if any(finding.severity is Severity.FAIL for finding in findings):
        return list(findings)
    index = next(index for index, finding in enumerate(findings) if finding.severity is Severity.SKIPPED)
    skipped = findings[index]
    failure = Finding(
        probe=skipped.probe,
        name=skipped.name,
        severity=Severity.FAIL,
        message=end_reason,
        measured="no score",
        threshold="a score for each rollout",
        fix="Make the function return one in time. `rft-sim doctor` without --only says what is wrong.",
    )
    return [*findings[:index], failure, *findings[index + 1 :]]
