"""S17: check what a reward function does besides scoring, with an audit hook in a Lambda layer."""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import CaseResult, Invoker
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probes.static.score_change import compare_scores
from simulator.doctor.reward_function import LocalRewardFunction
from simulator.doctor.timeout_budget import NoScoresError, TimeoutBudgetError
from simulator.lambdas.errors import InvocationRejected
from simulator.lambdas.function import FunctionSpec
from simulator.lambdas.limits import MAX_LAYERS

_AUDIT_HOOK: Final = Path(__file__).with_name("audit_hook.py")
_HOOK_MODULE: Final = "rft_doctor_witness"
_REPORT_EVENT: Final = b'{"rft_witness":"report"}'
_MAX_LISTED: Final = 5  # side effects in one finding

SIDE_EFFECTS: Final = Probe(
    id="S17",
    name="side effects",
    question="Does the function do anything besides scoring: use the network, write files, start programs?",
    measured=(
        "A Lambda layer with an audit hook is added to the function, and the first calls of the doctor are repeated. "
        "Python reports every connection, file and process to the hook, and the hook records every missing environment "
        "variable that the function's own code reads. Only /tmp can be written, as at AWS. A refused write is a "
        "failure if it changes a score, and otherwise a warning. It is also a warning when the function uses the "
        "network or starts programs while scoring, reads files of this machine, or reads a variable that is not set "
        "and has no default in the code."
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SideEffect:
    """Something that the function did, as `audit_hook.py` records it.

    Attributes:
        kind: network, write, read, process or variable.
        phase: import or scoring.
        subject: the host and port, the path, the program or the variable's name.
        call: the AWS operation that it was part of, such as bedrock-runtime:InvokeModel.
        source_line: the line of the function's own code.
        count: how often it happened.
        need: for a variable: required, without_default (read without a default) or optional.
    """

    kind: str
    phase: str
    subject: str
    call: str
    source_line: str
    count: int
    need: str = ""

    @property
    def label(self) -> str:
        """The AWS operation, or the subject."""
        return f"AWS ({self.call})" if self.call else self.subject

    @property
    def description(self) -> str:
        """The label with its source line."""
        return f"{self.label} ({self.source_line})" if self.source_line else self.label


def check_side_effects(context: ProbeContext) -> Iterator[Finding]:
    """S17: record what the function does while it scores the first calls again."""
    function = context.reward_function
    if not isinstance(function, LocalRewardFunction):
        yield SIDE_EFFECTS.not_measured(
            "Side effects can only be recorded for a package on this machine, and this function is deployed: name its "
            "folder."
        )
        return
    if len(function.spec.layers) >= MAX_LAYERS:
        yield SIDE_EFFECTS.not_measured(f"The audit hook is a Lambda layer, and the function has {MAX_LAYERS} already.")
        return
    first_results = context.first_results
    hooked_function = replace(function, spec=with_audit_hook(function.spec))
    hooked_results = _score_again(context, hooked_function, first_results)
    side_effects = _recorded_side_effects(hooked_function)
    if side_effects is None:
        yield SIDE_EFFECTS.not_measured("The audit hook gave no report: the function ended its environment.")
        return
    scores_changed = bool(_of_kind(side_effects, "write")) and (
        # With namespaces, the write was refused without the hook too.
        any(result.score is None for part in hooked_results for result in part)
        or (
            not compare_scores(first_results, hooked_results).is_unchanged and _is_deterministic(context, first_results)
        )
    )
    yield from side_effect_findings(side_effects, scores_changed=scores_changed)


def side_effect_findings(side_effects: Sequence[SideEffect], *, scores_changed: bool) -> Iterator[Finding]:
    """Yield the findings on side effects. `scores_changed` says that scores differ when writes are refused."""
    findings = [
        *_write_findings(_of_kind(side_effects, "write"), scores_changed=scores_changed),
        *_network_findings(_of_kind(side_effects, "network")),
        *_process_findings(_of_kind(side_effects, "process")),
        *_read_findings(_of_kind(side_effects, "read")),
        *_variable_findings(_of_kind(side_effects, "variable")),
    ]
    yield from findings or [SIDE_EFFECTS.ok("It only scores: no network, no file outside /tmp, no other program.")]


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


def with_audit_hook(spec: FunctionSpec) -> FunctionSpec:
    """Return the function with the audit hook around its handler, as another version with its own environments."""
    layer = io.BytesIO()
    hook = zipfile.ZipInfo(f"python/{_HOOK_MODULE}.py")
    hook.external_attr = 0o100644 << 16  # readable by every user, as Lambda requires
    with zipfile.ZipFile(layer, "w") as archive:
        archive.writestr(hook, _AUDIT_HOOK.read_text("utf-8"))
    return replace(
        spec,
        version="2",
        handler=f"{_HOOK_MODULE}.handler",
        layers=(*spec.layers, layer.getvalue()),
        environment=(*spec.environment, ("RFT_WITNESS_HANDLER", spec.handler)),
    )


def _recorded_side_effects(hooked_function: LocalRewardFunction) -> list[SideEffect] | None:
    try:
        invocation = hooked_function.invoke(_REPORT_EVENT)
        if invocation.function_error:
            return None
        records: list[Mapping[str, Any]] = json.loads(invocation.payload)
    except (InvocationRejected, ValueError):
        return None
    return [SideEffect(**record) for record in records]


def _of_kind(side_effects: Sequence[SideEffect], kind: str) -> list[SideEffect]:
    return [effect for effect in side_effects if effect.kind == kind]


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


def _write_findings(side_effects: Sequence[SideEffect], *, scores_changed: bool) -> Iterator[Finding]:
    if not side_effects:
        return
    yield _finding(
        Severity.FAIL if scores_changed else Severity.WARN,
        "It writes outside /tmp. AWS refuses that, and then the score changes or is lost."
        if scores_changed
        else "It writes outside /tmp. AWS refuses that, but the scores stay the same.",
        side_effects,
        fix="Write only under /tmp, which lasts as long as the environment.",
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
