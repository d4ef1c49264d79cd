"""A whole visit: every probe in order, until one says that the rest cannot be measured."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import Answer, Call
from simulator.doctor.probe_context import Examination, Examine
from simulator.doctor.timeout_budget import HungError, NoAnswersError
from simulator.doctor.training_trace import Course, Courses
from simulator.settings import GradingSettings
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.profiles import CALIBRATED, profile_for

GROUNDWORK: Final = frozenset({"S3"})
"""Probes that are taken even when others are asked for: they find where the right answers stand."""

HANGING: Final = "S15"
"""The probe that a call which runs into the time-out belongs to, whichever probe made it."""

UNREHEARSED: Final = "Training was not rehearsed."

SIMULATED: Final = "simulated"
"""Where the base model's rollouts come from when nobody recorded any."""

Judge: TypeAlias = Callable[[Examination, Courses], Iterable[Finding]]
"""What a training probe is, and what it finds."""

Told: TypeAlias = Callable[[str, int, int], None]
Rehearse: TypeAlias = Callable[[Examination, Told], Courses]
"""Rehearses training on the function's rewards, and tells of each step: the course's name, the step, of how many."""


class Watch:
    """Is told how a visit goes. This one looks away."""

    def called(self, call: Call, /) -> None:
        """Take note of an invocation."""

    def probing(self, probe: Probe, *, place: int, of: int) -> None:
        """Take note that a static probe begins: which of how many, from 1."""

    def trained(self, course: str, *, step: int, of: int, calls: int) -> None:
        """Take note that a rehearsed run has taken a step, and how often the function was invoked till then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What a visit found.

    Attributes:
        patient: the reward function's name.
        data: the data file's name.
        records: how many records the file holds.
        hyperparameters: of the run that is being considered.
        questions: all that the questions depend on, in words by name: the scores of two visits may be held against
            each other where these are alike.
        findings: of every probe, in the order in which they were taken.
        courses: the rehearsed training runs.
        answered: every answer by what was asked, in order.
        calls: how often the function was invoked.
        chosen: some probes were asked for, and the others left out.
    """

    patient: str
    data: str
    records: int
    hyperparameters: Hyperparameters
    questions: Mapping[str, str]
    findings: tuple[Finding, ...]
    courses: tuple[Course, ...]
    answered: Mapping[str, Sequence[Answer]]
    calls: int
    chosen: bool = False

    def count(self, severity: Severity) -> int:
        """How many findings there are of a severity."""
        return sum(finding.severity is severity for finding in self.findings)

    @property
    def verdict(self) -> str:
        """Whether to pay for the run, in a sentence or two."""
        failures, warnings, skipped = map(self.count, (Severity.FAIL, Severity.WARN, Severity.SKIPPED))
        counts = ", ".join(
            counted(number, noun) for number, noun in ((failures, "failure"), (warnings, "warning")) if number
        )
        if skipped == len(self.findings):
            said = "Nothing was measured, so nothing speaks for or against paying for this run."
        elif failures:
            said = f"{counts}: do not pay for this run yet."
        elif warnings:
            said = f"{counts}: look at {'it' if warnings == 1 else 'them'} before you pay for this run."
        else:
            said = "Nothing was found that speaks against paying for this run."
        if self.chosen:
            said += f" No more was asked than {', '.join(self.probes)}."
        some = skipped and skipped < len(self.findings)
        return f"{said} Not measured: {skipped} of {len(self.probes)} probes." if some else said

    @property
    def recorded(self) -> str:
        """Whose recorded responses stood for the base model's rollouts, in words; empty when they were simulated."""
        rollouts = self.questions.get("rollouts", SIMULATED)
        return "" if rollouts == SIMULATED else rollouts

    @property
    def guess(self) -> str:
        """That nobody has calibrated the simulated model, in a sentence; empty for one that is fitted to real runs."""
        model = self.questions["model"]
        if profile_for(model) in CALIBRATED:
            return ""
        fitted = " and ".join(profile.model for profile in CALIBRATED)
        return f"How {model} behaves is a guess: only {fitted} are fitted to published runs."

    @property
    def probes(self) -> tuple[str, ...]:
        """The ids of the probes, in the order in which they were taken."""
        return tuple(dict.fromkeys(finding.probe for finding in self.findings))

    def passed(self, *, strict: bool) -> bool:
        """Whether nothing failed; when strict, whether nothing was warned of either."""
        return not self.count(Severity.FAIL) and not (strict and self.count(Severity.WARN))


def visited(
    exam: Examination,
    *,
    data: str,
    data_sha256: str,
    static: Sequence[tuple[Probe, Examine]],
    training: Sequence[tuple[Probe, Judge]] = (),
    rehearse: Rehearse | None = None,
    only: frozenset[str] = frozenset(),
    rollouts: str = SIMULATED,
    rollouts_sha256: str = "",
    watch: Watch | None = None,
) -> Visit:
    """Take every probe in order.

    Args:
        exam: whom and what to examine.
        data: the data file's name.
        data_sha256: of its bytes.
        static: probes that ask, in order.
        training: probes that look at the rehearsed runs, in order.
        rehearse: makes those runs; without it their probes are not measured.
        only: ids of the probes to take; none means all.
        rollouts: where the base model's rollouts come from, in words.
        rollouts_sha256: of the recorded ones.
        watch: is told how it goes.
    """
    watch = watch or Watch()
    asked = [entry for entry in static if _wanted(entry[0], only) or entry[0].id in GROUNDWORK]
    judged = [entry for entry in training if _wanted(entry[0], only)]
    questions = {
        "answer_path": exam.settings.answer_path or "looked for",
        "data_sha256": data_sha256,
        "event": in_words(exam.settings.grading),
        "model": exam.model,
        # Not their names: what a later release asks besides makes no other questions of these.
        "probes": ",".join(probe.id for probe, _ in [*static, *training] if probe.id in only) or "all",
        "rollouts": rollouts,
        "rows": str(len(exam.rows)),
        "seed": str(exam.seed),
    }
    if rollouts_sha256:
        questions["rollouts_sha256"] = rollouts_sha256
    findings, ended = _asked(exam, asked, watch)
    courses: tuple[Course, ...] = ()
    if judged and rehearse and not ended:
        courses = tuple(
            rehearse(exam, lambda name, step, of: watch.trained(name, step=step, of=of, calls=exam.ask.calls))
        )
    for probe, judge in judged:
        if ended or not rehearse:
            findings.append(probe.skipped(ended or UNREHEARSED))
        else:
            findings += _of(probe, judge(exam, courses))
    reported = [finding for finding in findings if not only or finding.probe in only]
    return Visit(
        patient=exam.patient.name,
        data=data,
        records=len(exam.records),
        hyperparameters=exam.hyperparameters,
        questions=questions,
        findings=tuple(_with_a_failure(reported, ended) if ended else reported),
        courses=courses,
        answered=exam.ask.answered,
        calls=exam.ask.calls,
        chosen=bool(only),
    )


def counted(number: int, noun: str) -> str:
    """Return a count with its noun: 1 failure, 2 failures."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def in_words(grading: GradingSettings) -> str:
    """Return how a rollout is laid out in the event."""
    strings = "wrapped" if grading.wrap_strings else "verbatim"
    thinking = "shown" if grading.include_reasoning else "hidden"
    return f"{grading.event_shape} shape, bare strings {strings}, thinking {thinking}"


def _wanted(probe: Probe, only: frozenset[str]) -> bool:
    return not only or probe.id in only


def _asked(exam: Examination, entries: Sequence[tuple[Probe, Examine]], watch: Watch) -> tuple[list[Finding], str]:
    """Return what the static probes find, and why the visit ended with one of them; empty when it did not."""
    findings: list[Finding] = []
    ended = ""
    for place, (probe, examine) in enumerate(entries, start=1):
        if ended:
            findings.append(probe.skipped(ended))
            continue
        watch.probing(probe, place=place, of=len(entries))
        try:
            for finding in _of(probe, examine(exam)):
                findings.append(finding)  # noqa: PERF402  what was found before a probe gives up is kept
        except NoAnswersError as error:
            ended = _no_answers(error)
            if not findings or findings[-1].probe != probe.id:
                findings.append(probe.skipped(ended))
            if isinstance(error, HungError):
                return _with_a_hang(findings, error, entries, ended), ended
    return findings, ended


def _with_a_hang(
    findings: Sequence[Finding], error: HungError, entries: Sequence[tuple[Probe, Examine]], ended: str
) -> list[Finding]:
    """Put what hung under the probe of latency, where that one was asked for, and skip those that were not taken."""
    told: list[Finding] = []
    for probe, _ in entries:
        own = [finding for finding in findings if finding.probe == probe.id]
        if probe.id == HANGING:
            own = [finding for finding in own if finding.severity is not Severity.SKIPPED]
            own.append(
                probe.found(
                    Severity.FAIL,
                    "A call runs into the function's time-out. The visit ends with it, as the next may do so too.",
                    measured=f"more than {error.seconds:g} s",
                    threshold="an answer within the time-out",
                    fix=(
                        "Find what takes so long on this response: a regular expression that backtracks, a loop that "
                        "does not end, a service that does not answer. Let it look at the response's end only, or "
                        "bound it."
                    ),
                    value=error.seconds,
                    exhibits=[error.exhibit],
                )
            )
        told += own or [probe.skipped(ended)]
    return told


def _of(probe: Probe, findings: Iterable[Finding]) -> Iterator[Finding]:
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


def _no_answers(error: NoAnswersError) -> str:
    if isinstance(error, HungError):
        return f"The visit ended early: {error}."
    return f"The function gives no usable score: {error}"


def _with_a_failure(findings: Sequence[Finding], ended: str) -> list[Finding]:
    """Make the first probe that could not be measured a failure where there is none: no answer is not a good one."""
    if any(finding.severity is Severity.FAIL for finding in findings):
        return list(findings)
    place = next(place for place, finding in enumerate(findings) if finding.severity is Severity.SKIPPED)
    skipped = findings[place]
    failure = Finding(
        probe=skipped.probe,
        name=skipped.name,
        severity=Severity.FAIL,
        what=ended,
        measured="no score",
        threshold="a score for each rollout",
        fix="Make the function return one in time: `rft-sim doctor` without --only says what is wrong.",
    )
    return [*findings[:place], failure, *findings[place + 1 :]]
