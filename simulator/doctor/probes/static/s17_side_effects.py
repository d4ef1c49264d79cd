"""S17: check what a reward function does besides scoring, with an audit hook in a Lambda layer."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import CaseResult, Invoker
from simulator.doctor.isolation_reason import missing_isolation
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probes.static.score_change import compare_scores
from simulator.doctor.refusals import are_tied, fix_for, refused
from simulator.doctor.reward_function import LocalRewardFunction
from simulator.doctor.side_effects import SideEffect, hooked_function, recorded_side_effects
from simulator.doctor.timeout_budget import NoScoresError, TimeoutBudgetError
from simulator.lambdas.limits import MAX_LAYERS

TIES: Final = "right and wrong answers score the same"
NO_SCORE: Final = "no rollout has a score"

_MAX_LISTED: Final = 5  # side effects in one finding

SIDE_EFFECTS: Final = Probe(
    id="S17",
    name="side effects",
    question="Does the function do anything besides scoring: use the network, write files, start programs?",
    measured=(
        "A Lambda layer with an audit hook is added to the function, and the first calls of the doctor are repeated. "
        "Python reports every connection, file and process to the hook, and the hook records every missing environment "
        "variable that the function's own code reads. Only /tmp can be written, as at AWS, and the home folder and "
        "shared memory cannot be used. What is refused, and a connection or a program that fails, is named with the "
        "line of code. It is a failure if a call has no score or another score because of it, or if right and wrong "
        "answers then score the same, which may be what the function returns after an error. Otherwise it is a "
        "warning. It is also a warning when the function uses the network or starts programs while scoring, reads "
        "files of this machine, or reads a variable that is not set and has no default in the code. Where this machine "
        "forbids namespaces, a line of its own names the paths that could not be judged. Programs that the function "
        "starts are not observed."
    ),
    means=(
        "A network request makes a call slow, can fail, and needs permissions, and in a VPC also a route. A package "
        "on Lambda cannot write to its own folder, and does not find files of this machine. A variable that is not "
        "set here may change the score, so that the deployed function behaves differently from the tested one."
    ),
    remedy=(
        "Put every file that the function reads into the package, write only under /tmp, set variables with --env "
        "NAME=VALUE here and in the function's configuration at AWS, and call services only where a score needs them."
    ),
    source=(
        'DOCUMENTED: the file system is read-only except for /tmp ("Lambda execution environment"). Audit events are '
        "described in PEP 578. INFERRED: a service call while scoring is a warning."
    ),
)


def check_side_effects(context: ProbeContext) -> Iterator[Finding]:
    """S17: record what the function does while it scores the first calls again."""
    function = context.reward_function
    if not isinstance(function, LocalRewardFunction):
        yield SIDE_EFFECTS.not_measured(
            "Side effects can only be recorded for a package on this machine, and this function is deployed: name its "
            "folder."
        )
        return
    hooked = hooked_function(function)
    if hooked is None:
        yield SIDE_EFFECTS.not_measured(f"The audit hook is a Lambda layer, and the function has {MAX_LAYERS} already.")
        return
    first_results = context.first_results
    # A slow function was called with the hook already, before its plan was chosen.
    hooked_results = _score_again(context, hooked, first_results) if context.plan.starts_environments else None
    side_effects = recorded_side_effects(hooked)
    if side_effects is None:
        yield SIDE_EFFECTS.not_measured("The audit hook gave no report: the function ended its environment.")
        return
    costs_scores = (
        hooked_results is not None
        and bool(refused(side_effects))
        and _scores_change(context, first_results, hooked_results)
    )
    may_explain = TIES if fallback_refusals(context, side_effects) else ""
    yield from side_effect_findings(side_effects, costs_scores=costs_scores, may_explain=may_explain)


def fallback_refusals(context: ProbeContext, side_effects: Sequence[SideEffect]) -> list[SideEffect]:
    """Return what was refused to a function whose right and wrong answers score the same, which may be the reason."""
    if not context.answerable_rows:
        return []
    # Without namespaces, only the hook refuses writes, so the scores do not depend on it.
    is_refused_always = missing_isolation(context.reward_function) is None
    refusals = [effect for effect in refused(side_effects) if is_refused_always or effect.kind != "write"]
    return refusals if refusals and are_tied(context.right_results, context.wrong_results) else []


def side_effect_findings(
    side_effects: Sequence[SideEffect], *, costs_scores: bool, may_explain: str = ""
) -> Iterator[Finding]:
    """Yield the findings on side effects.

    Args:
        side_effects: what the function did.
        costs_scores: scores change or are lost by what is refused.
        may_explain: what is perhaps a result of what is refused, `TIES` or `NO_SCORE`.
    """
    findings = [
        *_refusal_findings(side_effects, costs_scores=costs_scores, may_explain=may_explain),
        *_network_findings(_allowed(side_effects, "network")),
        *_process_findings(_allowed(side_effects, "process")),
        *_read_findings(_allowed(side_effects, "read")),
        *_variable_findings(_allowed(side_effects, "variable")),
    ]
    yield from findings or [SIDE_EFFECTS.ok("It only scores: no network, no file outside /tmp, no other program.")]


def _scores_change(
    context: ProbeContext,
    first_results: Sequence[Sequence[CaseResult]],
    hooked_results: Sequence[Sequence[CaseResult]],
) -> bool:
    """Return whether the scores differ with the hook, although they are repeatable without it."""
    return not compare_scores(first_results, hooked_results).is_unchanged and _is_deterministic(context, first_results)


def _score_again(
    context: ProbeContext, function: LocalRewardFunction, first_results: Sequence[Sequence[CaseResult]]
) -> list[tuple[CaseResult, ...]]:
    """Score the cases of the first results with the hooked function. If it always fails, no result has a score."""
    invoker = Invoker(
        reward_function=function,
        settings=context.settings.grading,
        on_call=context.invoker.on_call,
        timeout_budget=context.invoker.timeout_budget,
    )
    try:
        results = [invoker.score([result.case for result in part]) for part in first_results]
    except TimeoutBudgetError:
        raise
    except NoScoresError:
        results = [tuple(replace(result, score=None) for result in part) for part in first_results]
    context.invoker.call_count += invoker.call_count + 1
    return results


def _is_deterministic(context: ProbeContext, first_results: Sequence[Sequence[CaseResult]]) -> bool:
    """Return whether repeated calls without the hook give the same scores. If not, refused writes are not the cause."""
    repeated_results = [context.invoker.score([result.case for result in part], keep=False) for part in first_results]
    return compare_scores(first_results, repeated_results).is_unchanged


def _allowed(side_effects: Sequence[SideEffect], kind: str) -> list[SideEffect]:
    return [effect for effect in side_effects if effect.kind == kind and not effect.refused]


def _finding(severity: Severity, message: str, side_effects: Sequence[SideEffect], *, fix: str) -> Finding:
    descriptions = list(dict.fromkeys(effect.description for effect in side_effects))
    more_note = f" and {len(descriptions) - _MAX_LISTED} more" if len(descriptions) > _MAX_LISTED else ""
    return SIDE_EFFECTS.finding(
        severity,
        message,
        measured=", ".join(descriptions[:_MAX_LISTED]) + more_note,
        threshold="none" if severity is not Severity.INFO else "",
        fix=fix,
        value=float(len(descriptions)),
    )


_REFUSALS: Final = {
    "write": "It writes outside /tmp. AWS refuses that,",
    "memory": "It uses shared memory, which Lambda does not have. AWS refuses that,",
    "read": "It reads files that are not in its package. Lambda does not have them,",
    "unreadable": "It reads files whose mode in the zip lets only their owner read them. AWS refuses that,",
    "process": "It starts programs that are not there. That fails,",
    "network": "It uses the network, and no answer comes. That fails,",
}
"""What is refused, by kind of side effect."""


def _refusal_findings(side_effects: Sequence[SideEffect], *, costs_scores: bool, may_explain: str) -> Iterator[Finding]:
    for kind, sentence in _REFUSALS.items():
        refusals = [effect for effect in refused(side_effects) if effect.kind == kind]
        if kind == "network":
            refusals = _named_hosts(refusals)
        if not refusals:
            continue
        if costs_scores or any(effect.raised for effect in refusals):
            severity, result = Severity.FAIL, "and then the score changes or is lost."
        elif may_explain:
            severity, result = Severity.FAIL, f"which may be why {may_explain}."
        else:
            severity, result = Severity.WARN, "but the scores stay the same."
        yield _finding(
            severity,
            f"{sentence} {result}",
            refusals,
            fix=fix_for(refusals),
        )


def _network_findings(side_effects: Sequence[SideEffect]) -> Iterator[Finding]:
    scoring_effects = _named_hosts([effect for effect in side_effects if effect.phase == "scoring"])
    if scoring_effects:
        yield _finding(
            Severity.WARN,
            "It uses the network while it scores.",
            scoring_effects,
            fix=(
                "If it needs the network, set a short time-out, return a score that has no other meaning when there "
                "is no answer, allow the calls in the function's role, and see S15 for the time that they take."
            ),
        )
    import_effects = _named_hosts([effect for effect in side_effects if effect.phase == "import"])
    if import_effects:
        yield _finding(
            Severity.INFO,
            "It uses the network at import, so every cold start waits for it.",
            import_effects,
            fix="Include what it downloads in the package.",
        )


def _named_hosts(side_effects: Sequence[SideEffect]) -> list[SideEffect]:
    """Leave out addresses with the port of a host name, because a name is resolved before the connection."""
    names = [effect for effect in side_effects if not _is_address(effect.subject)]
    ports = {effect.subject.rpartition(":")[2] for effect in names}
    return [
        effect
        for effect in side_effects
        if not _is_address(effect.subject) or effect.subject.rpartition(":")[2] not in ports
    ]


def _is_address(host_and_port: str) -> bool:
    host = host_and_port.rpartition(":")[0]
    return ":" in host or host.replace(".", "").isdigit()


def _process_findings(side_effects: Sequence[SideEffect]) -> Iterator[Finding]:
    other_programs = [effect for effect in side_effects if effect.subject != "python"]
    if other_programs:
        yield _finding(
            Severity.WARN,
            "It starts programs that Lambda's image may not have.",
            other_programs,
            fix="Do it in Python, or include the program in the package or a layer.",
        )
    elif side_effects:
        yield _finding(
            Severity.INFO,
            "It starts another Python process, which takes time in every call and part of the function's memory.",
            side_effects,
            fix="Give that process a time-out well below the function's own.",
        )


def _read_findings(side_effects: Sequence[SideEffect]) -> Iterator[Finding]:
    if side_effects:
        yield _finding(
            Severity.WARN,
            "It reads files of this machine that are not in its package.",
            side_effects,
            fix='Put them into the package folder, and open them next to the code: Path(__file__).with_name("...").',
        )


def _variable_findings(side_effects: Sequence[SideEffect]) -> Iterator[Finding]:
    needed_variables = [effect for effect in side_effects if effect.need != "optional"]
    if needed_variables:
        options = dict.fromkeys(f"--env {effect.subject}=VALUE" for effect in needed_variables)
        yield _finding(
            Severity.WARN,
            "It reads environment variables that are not set, and has no default for them.",
            needed_variables,
            fix=f"Run the doctor with {' '.join(options)}, as the function will be deployed.",
        )
    optional_variables = [effect for effect in side_effects if effect.need == "optional"]
    if optional_variables:
        yield _finding(
            Severity.INFO,
            "It reads environment variables that are not set, and uses its defaults.",
            optional_variables,
            fix="If the deployed function has them, set them here too: --env NAME=VALUE.",
        )
