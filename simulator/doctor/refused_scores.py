"""What refusals of the environment mean for the findings of a doctor run: which scores say nothing, and why."""

from collections.abc import Sequence
from dataclasses import dataclass

from simulator.doctor.failed_calls import SCORE_FREE_PROBES
from simulator.doctor.finding import Finding, Severity
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probes.static.s17_side_effects import (
    NO_SCORE,
    SIDE_EFFECTS,
    fallback_refusals,
    side_effect_findings,
)
from simulator.doctor.refusals import are_tied, describe_refusals, refused
from simulator.doctor.side_effects import SideEffect, hooked_function, recorded_side_effects, side_effects_of_event
from simulator.doctor.unjudged_paths import isolation_finding, reason_of_unjudged_paths
from simulator.grading.lambda_event import encode_element


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalExplanation:
    """How refusals explain the findings.

    Attributes:
        reason: why the probes of scores measured nothing; empty if they did.
        is_judged: False if only this machine refuses.
        side_effect_findings: the findings of S17 if it did not run.
        isolation: the finding that names what could not be judged, if anything.
    """

    reason: str = ""
    is_judged: bool = True
    side_effect_findings: tuple[Finding, ...] = ()
    isolation: Finding | None = None


def explain_refusal(context: ProbeContext, findings: Sequence[Finding], *, has_scores: bool) -> RefusalExplanation:
    """Return how refusals explain the findings of the static probes. `has_scores` is False after an early end."""
    hooked = hooked_function(context.reward_function)
    if hooked is None:
        return RefusalExplanation()
    fails = any(
        finding.severity is Severity.FAIL and finding.probe not in SCORE_FREE_PROBES - {"S1"} for finding in findings
    )
    has_run = any(finding.probe == SIDE_EFFECTS.id and finding.severity is not Severity.SKIPPED for finding in findings)
    side_effects: list[SideEffect] = []
    if has_run or fails or not has_scores:
        if fails and has_scores and not has_run and context.row_subset:
            side_effects = _side_effects_of_first_case(context)
        else:
            side_effects = recorded_side_effects(hooked) or []
    isolation = isolation_finding(context.reward_function, side_effects)
    if not has_scores:
        refusals = refused(side_effects)
        own = tuple(side_effect_findings(refusals, costs_scores=False, may_explain=NO_SCORE)) if refusals else ()
        return RefusalExplanation(side_effect_findings=own, isolation=isolation)
    if not fails:
        return RefusalExplanation(isolation=isolation)
    if refusals := fallback_refusals(context, side_effects):
        reason = f"The scores may be what the function returns after an error. {describe_refusals(refusals)}"
        return RefusalExplanation(reason=reason, isolation=isolation)
    unjudged = reason_of_unjudged_paths(context.reward_function, side_effects, only_raised=False)
    if unjudged and context.answerable_rows and are_tied(context.right_results, context.wrong_results):
        return RefusalExplanation(reason=unjudged, is_judged=False, isolation=isolation)
    return RefusalExplanation(isolation=isolation)


def _side_effects_of_first_case(context: ProbeContext) -> list[SideEffect]:
    """Return what the function does at import and while it scores a right answer."""
    case = context.right_results[0].case
    element = context.invoker.build_element(case, rollout_id=context.invoker.rollout_ids([case])[0])
    return side_effects_of_event(context.reward_function, b"[" + encode_element(element) + b"]")


def with_side_effects(findings: Sequence[Finding], refusal: RefusalExplanation) -> list[Finding]:
    """Return the findings with those of S17 that an early end left out, and with what could not be judged."""
    result: list[Finding] = []
    for finding in findings:
        is_left_out = finding.probe == SIDE_EFFECTS.id and finding.severity is Severity.SKIPPED
        result += refusal.side_effect_findings if is_left_out and refusal.side_effect_findings else [finding]
    last = max((index for index, finding in enumerate(result) if finding.probe == SIDE_EFFECTS.id), default=None)
    if refusal.isolation is not None and last is not None:
        result.insert(last + 1, refusal.isolation)
    return result


def with_first_side_effects(findings: Sequence[Finding], side_effects: Sequence[SideEffect]) -> list[Finding]:
    """Return the findings with those of S17 on what the first calls did, if S17 measured nothing."""
    own = list(side_effect_findings(side_effects, costs_scores=False))
    result: list[Finding] = []
    for finding in findings:
        is_left_out = finding.probe == SIDE_EFFECTS.id and finding.severity is Severity.SKIPPED
        result += own if is_left_out else [finding]
    return result
