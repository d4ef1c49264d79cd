"""S17: what a reward function does besides scoring, seen from within by a witness in a Lambda layer."""

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
_MAX_NAMED: Final = 5  # things that are named in a finding

SIDE_EFFECTS: Final = Probe(
    id="S17",
    name="side effects",
    question="Does the function do anything but score: speak to the network, write files, start programs?",
    measured=(
        "A Lambda layer with a witness is put around the function's handler, and the visit's first calls are made "
        "again. The witness hears of every connection, file and process from Python itself, and of every environment "
        "variable that the function's own code looks for; /tmp alone can be written, as at AWS. A refused write that "
        "costs a score is a failure, any other a warning; warnings are network and foreign programs while scoring, "
        "files of this machine, and variables that are looked for, have no default and are not set."
    ),
    means=(
        "What is reached over the network makes a call slow, can fail, and needs permissions, and in a VPC a way out. "
        "A package on Lambda cannot write beside itself, nor find what lies on this machine only. A variable that is "
        "not set here may decide what is scored, so that what was examined is not what will run."
    ),
    remedy=(
        "Ship what is read inside the package, write under /tmp only, set variables with --env NAME=VALUE here and in "
        "the function's configuration there, and keep calls of services to what cannot be scored without."
    ),
    source=(
        'DOCUMENTED: the file system is read-only but for /tmp ("Lambda execution environment"). How it is watched: '
        "audit events, PEP 578. That a call of a service while scoring is worth a warning: INFERRED."
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SideEffect:
    """One thing that the function did.

    Attributes:
        kind: network, write, read, process or variable.
        phase: import or scoring.
        what: the host and port, the path, the program or the name.
        call: the AWS operation that it was part of, such as bedrock-runtime:InvokeModel.
        place: the line of the function's own code.
        count: how often.
        need: of a variable: required, wanted (there is no default) or optional.
    """

    kind: str
    phase: str
    what: str
    call: str
    place: str
    count: int
    need: str = ""

    @property
    def label(self) -> str:
        """What it was, in a word or two."""
        return f"AWS ({self.call})" if self.call else self.what

    @property
    def description(self) -> str:
        """What it was and where in the function it was done."""
        return f"{self.label} ({self.place})" if self.place else self.label


def check_side_effects(context: ProbeContext) -> Iterator[Finding]:
    """S17: watch the function while it scores the visit's first calls again."""
    patient = context.reward_function
    if not isinstance(patient, LocalRewardFunction):
        yield SIDE_EFFECTS.not_measured(
            "Only a package that is run here can be watched, and this function is deployed already: give its folder."
        )
        return
    if len(patient.spec.layers) >= MAX_LAYERS:
        yield SIDE_EFFECTS.not_measured(f"The witness is a Lambda layer, and the function has {MAX_LAYERS} already.")
        return
    first = context.first_results
    watched = replace(patient, spec=with_audit_hook(patient.spec))
    asker = Invoker(
        reward_function=watched,
        settings=context.settings.grading,
        on_call=context.invoker.on_call,
        timeout_budget=context.invoker.timeout_budget,
    )
    seen: list[tuple[CaseResult, ...]] = []
    try:
        for part in first:
            seen.append(asker.score([answer.case for answer in part]))  # noqa: PERF401  what was asked is kept
    except TimeoutBudgetError:
        raise
    except NoScoresError:
        seen = [tuple(replace(answer, score=None) for answer in part) for part in first]
    context.invoker.call_count += asker.call_count + 1
    notes = _recorded_side_effects(watched)
    if notes is None:
        yield SIDE_EFFECTS.not_measured("The witness gave no report: the function ended or stopped its environment.")
        return
    harmed = (
        bool(_of_kind(notes, "write"))
        and not compare_scores(first, seen).is_unchanged
        and _is_deterministic(context, first)
    )
    yield from side_effect_findings(notes, scores_changed=harmed)


def side_effect_findings(side_effects: Sequence[SideEffect], *, scores_changed: bool) -> Iterator[Finding]:
    """Yield what is to be said of what was seen; `scores_changed` when it scored otherwise while it was watched."""
    found = [
        *_write_findings(_of_kind(side_effects, "write"), scores_changed=scores_changed),
        *_network_findings(_of_kind(side_effects, "network")),
        *_process_findings(_of_kind(side_effects, "process")),
        *_read_findings(_of_kind(side_effects, "read")),
        *_variable_findings(_of_kind(side_effects, "variable")),
    ]
    yield from found or [SIDE_EFFECTS.ok("It did nothing but score: no network, no file outside /tmp, no program.")]


def _is_deterministic(context: ProbeContext, first: Sequence[Sequence[CaseResult]]) -> bool:
    """Whether it scores as before when nobody watches: else it cannot be told what a refused write did."""
    unwatched = [context.invoker.score([answer.case for answer in part], keep=False) for part in first]
    return compare_scores(first, unwatched).is_unchanged


def with_audit_hook(spec: FunctionSpec) -> FunctionSpec:
    """Return the function with the witness around its handler, as another version with environments of its own."""
    layer = io.BytesIO()
    with zipfile.ZipFile(layer, "w") as archive:
        archive.writestr(zipfile.ZipInfo(f"python/{_HOOK_MODULE}.py"), _AUDIT_HOOK.read_text("utf-8"))
    return replace(
        spec,
        version="2",
        handler=f"{_HOOK_MODULE}.handler",
        layers=(*spec.layers, layer.getvalue()),
        environment=(*spec.environment, ("RFT_WITNESS_HANDLER", spec.handler)),
    )


def _recorded_side_effects(hooked: LocalRewardFunction) -> list[SideEffect] | None:
    try:
        invocation = hooked.invoke(_REPORT_EVENT)
        if invocation.function_error:
            return None
        taken: list[Mapping[str, Any]] = json.loads(invocation.payload)
    except (InvocationRejected, ValueError):
        return None
    return [SideEffect(**note) for note in taken]


def _of_kind(notes: Sequence[SideEffect], kind: str) -> list[SideEffect]:
    return [note for note in notes if note.kind == kind]


def _finding(severity: Severity, message: str, notes: Sequence[SideEffect], *, fix: str) -> Finding:
    told = list(dict.fromkeys(note.description for note in notes))
    return SIDE_EFFECTS.finding(
        severity,
        message,
        measured=", ".join(told[:_MAX_NAMED])
        + (f" and {len(told) - _MAX_NAMED} more" if len(told) > _MAX_NAMED else ""),
        threshold="none" if severity is not Severity.INFO else "",
        fix=fix,
        value=float(len(told)),
    )


def _write_findings(notes: Sequence[SideEffect], *, scores_changed: bool) -> Iterator[Finding]:
    if not notes:
        return
    yield _finding(
        Severity.FAIL if scores_changed else Severity.WARN,
        "It writes outside /tmp, which AWS refuses, and then it scores otherwise or not at all."
        if scores_changed
        else "It writes outside /tmp, which AWS refuses; it scores as before without.",
        notes,
        fix="Write under /tmp, which lasts as long as the environment, or not at all.",
    )


def _network_findings(notes: Sequence[SideEffect]) -> Iterator[Finding]:
    scoring = _named_hosts([note for note in notes if note.phase == "scoring"])
    if scoring:
        yield _finding(
            Severity.WARN,
            "It uses the network while it scores.",
            scoring,
            fix=(
                "If it must, give it a short time-out and a score for when there is no answer that cannot be taken for "
                "a verdict, allow the calls in the function's role, and see S15 for what it costs."
            ),
        )
    importing = _named_hosts([note for note in notes if note.phase == "import"])
    if importing:
        yield _finding(
            Severity.INFO,
            "It uses the network when it is imported: every cold start waits for it.",
            importing,
            fix="Ship in the package what it fetches.",
        )


def _named_hosts(notes: Sequence[SideEffect]) -> list[SideEffect]:
    """Leave out the addresses that names were looked up for: who asks for a name connects to a number."""
    names = [note for note in notes if not _is_address(note.what)]
    ports = {note.what.rpartition(":")[2] for note in names}
    return [note for note in notes if not _is_address(note.what) or note.what.rpartition(":")[2] not in ports]


def _is_address(host_and_port: str) -> bool:
    host = host_and_port.rpartition(":")[0]
    return ":" in host or host.replace(".", "").isdigit()


def _process_findings(notes: Sequence[SideEffect]) -> Iterator[Finding]:
    foreign = [note for note in notes if note.what != "python"]
    if foreign:
        yield _finding(
            Severity.WARN,
            "It starts programs, which Lambda's image may not have.",
            foreign,
            fix="Do it in Python, or ship the program in the package or a layer.",
        )
    elif notes:
        yield _finding(
            Severity.INFO,
            "It starts another Python: that takes time in every call, and memory that counts.",
            notes,
            fix="Give it a time-out well below the function's own.",
        )


def _read_findings(notes: Sequence[SideEffect]) -> Iterator[Finding]:
    if notes:
        yield _finding(
            Severity.WARN,
            "It reads files that are on this machine and not in its package.",
            notes,
            fix='Put them into the folder, and open them beside the code: Path(__file__).with_name("...").',
        )


def _variable_findings(notes: Sequence[SideEffect]) -> Iterator[Finding]:
    needed = [note for note in notes if note.need != "optional"]
    if needed:
        names = list(dict.fromkeys(note.what for note in needed))
        yield _finding(
            Severity.WARN,
            "It looks for environment variables that are not set, and has no default for them.",
            needed,
            fix=f"Examine it with {' '.join(f'--env {name}=VALUE' for name in names)}, as it will be deployed.",
        )
    optional = [note for note in notes if note.need == "optional"]
    if optional:
        yield _finding(
            Severity.INFO,
            "It looks for environment variables that are not set, and goes by its defaults.",
            optional,
            fix="If they will be set where it is deployed, set them here too: --env NAME=VALUE.",
        )
