"""S17: what a reward function does besides scoring, seen from within by a witness in a Lambda layer."""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import Answer, Asker
from simulator.doctor.probe_context import Examination
from simulator.doctor.probes.static.s10_determinism import change, first_answers
from simulator.doctor.reward_function import LocalPatient
from simulator.doctor.timeout_budget import HungError, NoAnswersError
from simulator.lambdas.errors import InvocationRejected
from simulator.lambdas.function import FunctionSpec
from simulator.lambdas.limits import MAX_LAYERS

_WITNESS: Final = Path(__file__).with_name("witness.py")
_MODULE: Final = "rft_doctor_witness"
_REPORT: Final = b'{"rft_witness":"report"}'
_SHOWN: Final = 5  # things that are named in a finding

EFFECTS: Final = Probe(
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
class Note:
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
    def name(self) -> str:
        """What it was, in a word or two."""
        return f"AWS ({self.call})" if self.call else self.what

    @property
    def told(self) -> str:
        """What it was and where in the function it was done."""
        return f"{self.name} ({self.place})" if self.place else self.name


def effects(exam: Examination) -> Iterator[Finding]:
    """S17: watch the function while it scores the visit's first calls again."""
    patient = exam.patient
    if not isinstance(patient, LocalPatient):
        yield EFFECTS.skipped(
            "Only a package that is run here can be watched, and this function is deployed already: give its folder."
        )
        return
    if len(patient.spec.layers) >= MAX_LAYERS:
        yield EFFECTS.skipped(f"The witness is a Lambda layer, and the function has {MAX_LAYERS} already.")
        return
    first = first_answers(exam)
    watched = replace(patient, spec=witnessed(patient.spec))
    asker = Asker(patient=watched, settings=exam.settings.grading, told=exam.ask.told, patience=exam.ask.patience)
    seen: list[tuple[Answer, ...]] = []
    try:
        for part in first:
            seen.append(asker.asked([answer.case for answer in part]))  # noqa: PERF401  what was asked is kept
    except HungError:
        raise
    except NoAnswersError:
        seen = [tuple(replace(answer, score=None) for answer in part) for part in first]
    exam.ask.calls += asker.calls + 1
    notes = _notes(watched)
    if notes is None:
        yield EFFECTS.skipped("The witness gave no report: the function ended or stopped its environment.")
        return
    harmed = bool(_of(notes, "write")) and not change(first, seen).none and _steady(exam, first)
    yield from judged(notes, harmed=harmed)


def judged(notes: Sequence[Note], *, harmed: bool) -> Iterator[Finding]:
    """Yield what is to be said of what was seen; `harmed` when it scored otherwise while it was watched."""
    found = [
        *_written(_of(notes, "write"), harmed=harmed),
        *_contacted(_of(notes, "network")),
        *_started(_of(notes, "process")),
        *_read(_of(notes, "read")),
        *_missed(_of(notes, "variable")),
    ]
    yield from found or [EFFECTS.fine("It did nothing but score: no network, no file outside /tmp, no program.")]


def _steady(exam: Examination, first: Sequence[Sequence[Answer]]) -> bool:
    """Whether it scores as before when nobody watches: else it cannot be told what a refused write did."""
    unwatched = [exam.ask.asked([answer.case for answer in part], kept=False) for part in first]
    return change(first, unwatched).none


def witnessed(spec: FunctionSpec) -> FunctionSpec:
    """Return the function with the witness around its handler, as another version with environments of its own."""
    layer = io.BytesIO()
    with zipfile.ZipFile(layer, "w") as archive:
        archive.writestr(zipfile.ZipInfo(f"python/{_MODULE}.py"), _WITNESS.read_text("utf-8"))
    return replace(
        spec,
        version="2",
        handler=f"{_MODULE}.handler",
        layers=(*spec.layers, layer.getvalue()),
        environment=(*spec.environment, ("RFT_WITNESS_HANDLER", spec.handler)),
    )


def _notes(watched: LocalPatient) -> list[Note] | None:
    try:
        invocation = watched.invoke(_REPORT)
        if invocation.function_error:
            return None
        taken: list[Mapping[str, Any]] = json.loads(invocation.payload)
    except (InvocationRejected, ValueError):
        return None
    return [Note(**note) for note in taken]


def _of(notes: Sequence[Note], kind: str) -> list[Note]:
    return [note for note in notes if note.kind == kind]


def _found(severity: Severity, what: str, notes: Sequence[Note], *, fix: str) -> Finding:
    told = list(dict.fromkeys(note.told for note in notes))
    return EFFECTS.found(
        severity,
        what,
        measured=", ".join(told[:_SHOWN]) + (f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""),
        threshold="none" if severity is not Severity.INFO else "",
        fix=fix,
        value=float(len(told)),
    )


def _written(notes: Sequence[Note], *, harmed: bool) -> Iterator[Finding]:
    if not notes:
        return
    yield _found(
        Severity.FAIL if harmed else Severity.WARN,
        "It writes outside /tmp, which AWS refuses, and then it scores otherwise or not at all."
        if harmed
        else "It writes outside /tmp, which AWS refuses; it scores as before without.",
        notes,
        fix="Write under /tmp, which lasts as long as the environment, or not at all.",
    )


def _contacted(notes: Sequence[Note]) -> Iterator[Finding]:
    scoring = _named_hosts([note for note in notes if note.phase == "scoring"])
    if scoring:
        yield _found(
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
        yield _found(
            Severity.INFO,
            "It uses the network when it is imported: every cold start waits for it.",
            importing,
            fix="Ship in the package what it fetches.",
        )


def _named_hosts(notes: Sequence[Note]) -> list[Note]:
    """Leave out the addresses that names were looked up for: who asks for a name connects to a number."""
    names = [note for note in notes if not _is_address(note.what)]
    ports = {note.what.rpartition(":")[2] for note in names}
    return [note for note in notes if not _is_address(note.what) or note.what.rpartition(":")[2] not in ports]


def _is_address(host_and_port: str) -> bool:
    host = host_and_port.rpartition(":")[0]
    return ":" in host or host.replace(".", "").isdigit()


def _started(notes: Sequence[Note]) -> Iterator[Finding]:
    foreign = [note for note in notes if note.what != "python"]
    if foreign:
        yield _found(
            Severity.WARN,
            "It starts programs, which Lambda's image may not have.",
            foreign,
            fix="Do it in Python, or ship the program in the package or a layer.",
        )
    elif notes:
        yield _found(
            Severity.INFO,
            "It starts another Python: that takes time in every call, and memory that counts.",
            notes,
            fix="Give it a time-out well below the function's own.",
        )


def _read(notes: Sequence[Note]) -> Iterator[Finding]:
    if notes:
        yield _found(
            Severity.WARN,
            "It reads files that are on this machine and not in its package.",
            notes,
            fix='Put them into the folder, and open them beside the code: Path(__file__).with_name("...").',
        )


def _missed(notes: Sequence[Note]) -> Iterator[Finding]:
    needed = [note for note in notes if note.need != "optional"]
    if needed:
        names = list(dict.fromkeys(note.what for note in needed))
        yield _found(
            Severity.WARN,
            "It looks for environment variables that are not set, and has no default for them.",
            needed,
            fix=f"Examine it with {' '.join(f'--env {name}=VALUE' for name in names)}, as it will be deployed.",
        )
    optional = [note for note in notes if note.need == "optional"]
    if optional:
        yield _found(
            Severity.INFO,
            "It looks for environment variables that are not set, and goes by its defaults.",
            optional,
            fix="If they will be set where it is deployed, set them here too: --env NAME=VALUE.",
        )
