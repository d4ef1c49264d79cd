"""S7: a right answer that is written differently is still right."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import Answer, Case
from simulator.doctor.probe_context import Examination
from simulator.doctor.probes.static.answer_variants import WAYS, Way
from simulator.doctor.probes.static.base_rollouts import Attempt, in_asked_format
from simulator.doctor.probes.static.score_scale import SHOWN, Scale, left_out, scale_of, spread
from simulator.training.reference_answer import Kind

ACCEPTED: Final = 0.5
"""A way of writing is accepted when it scores this part of the same rows' plain right answers (INFERRED)."""

MISSED: Final = 0.1
"""A greater share of right rollouts that are not accepted is a failure (INFERRED)."""

WAY_ROWS: Final = 8
"""Each way is tried on so many rows."""

FEWEST: Final = 20
"""Of fewer right rollouts no share is told (INFERRED)."""

PLAIN_STYLES: Final[Mapping[Kind, frozenset[str]]] = {
    "number": frozenset({"plain", "comma", "decimal", "period"}),
    "label": frozenset({"plain", "period"}),
    "boolean": frozenset({"plain", "period"}),
    "json": frozenset({"plain", "decimal"}),
    "code": frozenset({"plain", "decimal", "fullwidth"}),
    "text": frozenset({"plain", "decimal", "fullwidth"}),
    "none": frozenset(),
}
"""The policy's styles, by their names there, that are counted as lost. How often a real model puts a label in quotes,
an amount behind a `$` or JSON in a fence depends on the model too much for a failure; S7's ways warn of those."""

EQUIVALENTS: Final = Probe(
    id="S7",
    name="false negatives",
    question="Does a right answer that is written differently still count as right?",
    measured=(
        "Each row's right answer is written in other ways, by the kind of task: "
        + "; ".join(f"{kind}: {', '.join(way.name for way in ways if way.owed)}" for kind, ways in WAYS.items() if ways)
        + f". A way that scores less than {ACCEPTED:g} of the plain right answer is a warning. Others are a matter of "
        "choice and are listed without one, such as $72 or full-width digits. Of the base model's rollouts those are "
        "taken that are really right and in the format that the prompt asks for (any that is accepted, where it asks "
        "for none), without currency signs, quotes or fences: when more than "
        f"{MISSED:.0%} of them score less than {ACCEPTED:g} of the row's right answer, it is a failure."
    ),
    means=(
        "A right answer that scores 0 teaches the policy to avoid it, and its whole group is shifted. Such misses "
        "grow with the policy, because better answers are written in more ways."
    ),
    remedy=(
        "Read the value, not the characters: strip blanks, marks, quotes and fences, compare numbers as numbers and "
        "JSON as parsed, and labels without regard to case."
    ),
    source=(
        "Math-Verify found 13.3 % right where a weak extractor found 8.0 % on the same outputs; TinyV (arXiv "
        "2505.14625) counts 38 % false negatives on Big-Math; arXiv 2505.22203. INFERRED: which ways must count, and "
        "to leave `$72` to the function, as Amazon's own sample does not take it and trains."
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A way of writing, tried.

    Attributes:
        kind: of task.
        ratio: its mean score as a part of that of the same rows' plain right answers.
        answers: what it scored, the lowest first.
    """

    kind: Kind
    way: Way
    ratio: float
    answers: tuple[Answer, ...]

    @property
    def accepted(self) -> bool:
        """Whether it counts as right."""
        return self.ratio >= ACCEPTED


def equivalents(exam: Examination) -> Iterator[Finding]:
    """S7: are right answers found however they are written?"""
    if not exam.known:
        yield EQUIVALENTS.skipped("No right answer was found in the rows, so it cannot be written differently.")
        return
    scale = scale_of(exam)
    usual = {
        answer.case.record.line: scale.part(answer.score)
        for answer in exam.right
        if answer.score is not None and scale.part(answer.score) > 0
    }
    if not usual:
        yield EQUIVALENTS.skipped("No right answer scores in its plainest form, so other ways cannot be compared.")
        return
    trials = _trials(exam, scale, usual)
    right = [
        attempt
        for attempt in in_asked_format(exam)
        if attempt.correct and attempt.style in PLAIN_STYLES[attempt.row.gold.kind] and attempt.row.record.line in usual
    ]
    lost = [attempt for attempt in right if _part(attempt.answer, scale) < ACCEPTED * usual[attempt.row.record.line]]
    share = len(lost) / len(right) if len(right) >= FEWEST else None
    found = [*_mass(lost, share, of=len(right)), *_listed(trials)]
    if not any(finding.severity in (Severity.FAIL, Severity.WARN) for finding in found):
        yield EQUIVALENTS.fine(
            "Right answers count however they are written.",
            measured=f"{sum(trial.way.owed for trial in trials)} ways accepted; "
            + (f"{share:.0%} of right rollouts lost" if share is not None else "too few rollouts to tell a share"),
            threshold=f"{MISSED:.0%}",
            value=share,
        )
    yield from found


def _part(answer: Answer, scale: Scale) -> float:
    """A right answer that the function breaks on is lost like one that scores nothing."""
    return 0.0 if answer.score is None else scale.part(answer.score)


def _trials(exam: Examination, scale: Scale, usual: Mapping[int, float]) -> list[Trial]:
    asked: list[tuple[Kind, Way, tuple[Case, ...]]] = []
    for kind, ways in WAYS.items():
        rows = [row for row in exam.known if row.gold.kind == kind and row.record.line in usual]
        for way in ways:
            possible = [
                Case(label=f"right answer, {kind}: {way.name}", record=row.record, text=text)
                for row in rows
                if (text := way.write(row)) is not None and text != row.perfect
            ]
            chosen = spread(possible, WAY_ROWS)
            if chosen:
                asked.append((kind, way, chosen))
    answers = iter(exam.ask.asked([case for _, _, cases in asked for case in cases]))
    trials = []
    for kind, way, cases in asked:
        answered = [next(answers) for _ in cases]
        plain = fmean(usual[case.record.line] for case in cases)
        trials.append(
            Trial(
                kind=kind,
                way=way,
                ratio=fmean(_part(answer, scale) for answer in answered) / plain,
                answers=tuple(sorted(answered, key=lambda answer: _part(answer, scale))),
            )
        )
    return trials


def _mass(lost: Sequence[Attempt], share: float | None, *, of: int) -> Iterator[Finding]:
    if share is not None and share > MISSED:
        yield EQUIVALENTS.found(
            Severity.FAIL,
            "Right answers in the asked format do not count.",
            measured=f"{share:.0%} of right rollouts, {len(lost)} of {of}",
            threshold=f"at most {MISSED:.0%}",
            fix=EQUIVALENTS.remedy,
            value=share,
            exhibits=[attempt.answer.exhibit("right") for attempt in lost[:SHOWN]],
        )


def _listed(trials: Sequence[Trial]) -> Iterator[Finding]:
    for owed, severity, what, fix in (
        (True, Severity.WARN, "Right answers do not count when they are written differently.", EQUIVALENTS.remedy),
        (False, Severity.INFO, "These ways of writing a right answer do not count; that may be meant.", ""),
    ):
        refused = [trial for trial in trials if trial.way.owed is owed and not trial.accepted]
        if refused:
            tried = sum(trial.way.owed is owed for trial in trials)
            yield EQUIVALENTS.found(
                severity,
                what,
                measured=f"{len(refused)} of {tried} ways: "
                + ", ".join(f"{trial.way.name} ({trial.ratio:.2f})" for trial in refused)
                + left_out([answer for trial in refused for answer in trial.answers], counted="counted as nothing"),
                threshold=f"at least {ACCEPTED:g} of the plain right answer" if owed else "",
                fix=fix,
                value=float(len(refused)),
                exhibits=[trial.answers[0].exhibit(f"right: {trial.way.name}") for trial in refused[:SHOWN]],
            )
