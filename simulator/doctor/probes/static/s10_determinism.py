"""S10 and S11: the same rollout scores the same, whenever, in whatever company and under whatever id."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import pstdev
from typing import Any, Final

from simulator.doctor.finding import Exhibit, Finding, Probe, Severity
from simulator.doctor.invocation import Answer, Case, Stumble, usable_scores
from simulator.doctor.probe_context import TOLD_APART, Examination
from simulator.doctor.probes.static.score_scale import MATTERS, Scale, scale_of
from simulator.grading.grader import ROOM
from simulator.grading.lambda_event import batched, encoded, shown
from simulator.grading.lambda_response import finite
from simulator.training.random_draws import shuffled

NOISE: Final = TOLD_APART
"""Two scores that differ by more are different scores."""

LARGE_NOISE: Final = MATTERS
"""Noise beyond this part of the scale drowns the differences that a group of rollouts is to be told apart by."""

REPEATS: Final = 10
"""How often one call is made again, to meet noise that comes seldom (INFERRED)."""

ALONE: Final = 16
"""How many rollouts are scored in calls of their own; each is a call."""

_GROUPS: Final = 8  # of the base model's rollouts, which are asked again where no right answer is known
_SHOWN: Final = 3  # exhibits

DETERMINISM: Final = Probe(
    id="S10",
    name="determinism",
    question="Does the same rollout score the same whenever it is scored, in any environment and under any id?",
    measured=(
        f"The first calls of the visit are made again, byte by byte: twice now, one of them {REPEATS} times, once with "
        "other rollout ids, and once in a fresh environment, which has forgotten all calls before. The largest "
        f"difference of two scores is taken. More than {NOISE:g} is a warning, more than {LARGE_NOISE:g} of the scale "
        "that scores lie on a failure; "
        "so is a rollout that is scored one time and not the other."
    ),
    means=(
        "Advantages are differences within a group of rollouts. Noise in the score is trained on like any other "
        "difference: the policy walks at random, and two runs cannot be compared. Lambda keeps an environment between "
        "calls and starts others when it likes, so what a function remembers is noise too."
    ),
    remedy=(
        "Seed or remove what is random, keep nothing between calls that changes a score, and leave the id out of it; "
        "ask a judge model at temperature 0, or average several verdicts."
    ),
    source=(
        "INFERRED from the GRPO advantage (r - mean) / std: a group that differs by noise alone is not dead. That "
        'environments are reused and replaced: "Lambda runtime environment lifecycle" (DOCUMENTED).'
    ),
)

COMPANY: Final = Probe(
    id="S11",
    name="order and batch",
    question="Does a rollout's score depend on the other rollouts in the call?",
    measured=(
        "Right and wrong answers are scored together, then in another order and other calls, then "
        f"up to {ALONE} of them alone, then in a call with one rollout whose content is null. A score that differs by "
        f"more than {NOISE:g}, joined by id, is a failure. So is any call of the visit up to here that failed though "
        "each of its rollouts then scored when it was sent alone."
    ),
    means=(
        "A job ends with the first call that fails, however well its rollouts would do one by one. "
        "Nobody has told which rollouts the service sends in one call, or in which order. A score that depends on it "
        "is noise; one that is returned at the wrong place belongs to another rollout, and training learns from it."
    ),
    remedy=(
        "Score each element of the event by itself, take its id from that element, and carry nothing from one to the "
        "next: no ranks, no averages over the event, no variable that outlives a turn of the loop. Where calls fail "
        "now and then, look for what is used up or times out: connections, memory, a service's quota."
    ),
    source="DOCUMENTED: results are joined by id. INFERRED: how rollouts are put into calls.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How two scorings of the same cases differ.

    Attributes:
        gap: the largest difference of two scores of one case.
        lost: how many cases were scored in one of them only.
        compared: how many were scored in both.
        exhibits: the cases that show it, the clearest first.
    """

    gap: float
    lost: int
    compared: int
    exhibits: tuple[Exhibit, ...]

    @property
    def none(self) -> bool:
        """Whether they are alike."""
        return not self.lost and self.gap <= NOISE


def determinism(exam: Examination) -> Iterator[Finding]:
    """S10: make the visit's first calls again."""
    first = first_answers(exam)
    now = _again(exam, first)
    # What failed in a call together with others was asked alone at first, and is not now.
    since = change(first, now, scored_only=True)
    if not since.compared:
        yield DETERMINISM.skipped("No rollout was scored that could be scored again.")
        return
    at_once = change(now, _again(exam, now))
    repeats = [_asked(exam, first[0][: exam.settings.grading.rollouts_per_call]) for _ in range(REPEATS)]
    seldom = max((change([repeats[0]], [other]) for other in repeats[1:]), key=lambda found: (found.lost, found.gap))
    noise = max(at_once, seldom, key=lambda found: (found.lost, found.gap))
    if not noise.none:
        spread = f", standard deviation {_spread(repeats):.2g} over {REPEATS} repeats of one call"
        yield _unsteady(noise, "The same rollout scores differently when it is scored again.", exam, also=spread)
        return
    changes = (
        (since, "A score depends on what was scored before it: it is not what it was at first."),
        (change(now, _renamed(exam, now)), "A score depends on the rollout's id."),
        (change(now, _fresh(exam, now)), "A score changes in a fresh environment: the function remembers something."),
    )
    if all(found.none for found, _ in changes):
        everywhere = "then, now, under other ids" + (" and in a fresh environment" if exam.patient.spec else "")
        yield DETERMINISM.fine(f"The same rollouts scored the same {everywhere}.", measured="0", value=0.0)
        return
    for found, what in changes:
        if not found.none:
            yield _unsteady(found, what, exam)


def company(exam: Examination) -> Iterator[Finding]:
    """S11: score rollouts in other company, and look at calls that have failed for none of their rollouts."""
    found = tuple(_in_other_company(exam))
    stumbles = exam.ask.stumbles
    if stumbles:
        yield _stumbled(exam, stumbles)
        found = tuple(finding for finding in found if finding.severity is Severity.FAIL)
    yield from found


def _in_other_company(exam: Examination) -> Iterator[Finding]:
    """Score the same rollouts in another order, alone, and beside a broken one."""
    cases = _mixed(exam)
    names = exam.ask.ids(cases)
    together = exam.ask.asked(cases, names=names, kept=False)
    again = exam.ask.asked(cases, names=names, kept=False)
    if not change([together], [again]).none:
        yield COMPANY.skipped(f"Its scores change by themselves ({DETERMINISM.id}), whatever the company.")
        return
    order = shuffled(range(len(cases)), exam.seed, "doctor", "order")
    moved = exam.ask.asked([cases[at] for at in order], names=[names[at] for at in order], kept=False)
    few = range(min(ALONE, len(cases)))
    alone = exam.ask.asked([cases[at] for at in few], names=[names[at] for at in few], most=1, kept=False)
    size = max(1, exam.settings.grading.rollouts_per_call - 1)
    beside = _beside_a_broken_one(exam, cases[:size], names[:size])
    changes = (
        (change([[together[at] for at in order]], [moved]), "A score depends on the order of the rollouts."),
        (change([together[: len(few)]], [alone]), "A rollout scores otherwise alone than together with others."),
        # That the whole call may fail of it is S14's to say; who is scored nevertheless has to keep the score.
        (change([together[:size]], [beside], scored_only=True), "A score depends on a broken rollout beside it."),
    )
    if not changes[0][0].compared:
        yield COMPANY.skipped("No rollout was scored twice.")
        return
    if all(found.none for found, _ in changes):
        yield COMPANY.fine("The same rollouts scored the same in another order and alone.", measured="0", value=0.0)
    for found, what in changes:
        if not found.none:
            yield COMPANY.found(
                Severity.FAIL,
                what,
                measured=_measured(found),
                threshold=f"at most {NOISE:g}",
                fix=COMPANY.remedy,
                value=found.gap,
                exhibits=found.exhibits,
            )


def _stumbled(exam: Examination, stumbles: Sequence[Stumble]) -> Finding:
    """Tell of calls that failed for no rollout of theirs; the first is made again, to tell chance from company."""
    first = stumbles[0]
    count = len(first.call.ids)
    again = exam.ask.repeated(first.call)
    faults = isinstance(usable_scores(again, function=exam.patient.name), str)
    why = "in company" if faults else "now and then"
    then = "it failed again" if faults else "it gave scores"
    return COMPANY.found(
        Severity.FAIL,
        f"Calls fail {why}: their rollouts all score when each is sent alone. A job would have ended there.",
        measured=f"{len(stumbles)} of {exam.ask.calls - 1:,} calls; the first, of {count} rollouts, made again: {then}",
        threshold="none",
        fix=COMPANY.remedy,
        value=float(len(stumbles)),
        exhibits=[first.first.exhibit(f"alone; in a call with {count - 1} others: {first.fault}")],
    )


def change(
    first: Sequence[Sequence[Answer]], second: Sequence[Sequence[Answer]], *, scored_only: bool = False
) -> Change:
    """Return how two scorings of the same cases in the same order differ; `scored_only` leaves out the lost ones."""
    pairs = [pair for one, other in zip(first, second, strict=True) for pair in zip(one, other, strict=True)]
    lost = [(one, other) for one, other in pairs if (one.score is None) != (other.score is None) and not scored_only]
    gaps = [
        (abs(one.score - other.score), one, other)
        for one, other in pairs
        if one.score is not None and other.score is not None
    ]
    widest = sorted(gaps, key=lambda gap: -gap[0])
    shown = [(one, other) for gap, one, other in widest if gap > NOISE]
    return Change(
        gap=widest[0][0] if widest else 0.0,
        lost=len(lost),
        compared=len(gaps),
        exhibits=tuple(_exhibit(one, other) for one, other in [*lost, *shown][:_SHOWN]),
    )


def _exhibit(one: Answer, other: Answer) -> Exhibit:
    then = f"then {other.score}" if other.score is not None else f"then no score: {other.fault}"
    return one.exhibit(then)


def _unsteady(found: Change, what: str, exam: Examination, *, also: str = "") -> Finding:
    if found.lost:
        what = "The same rollout is scored one time and not another."
    scale = Scale() if found.lost else scale_of(exam)
    failed = found.lost or scale.width_of(found.gap) > LARGE_NOISE
    return DETERMINISM.found(
        Severity.FAIL if failed else Severity.WARN,
        what,
        measured=_measured(found) + also,
        threshold=f"at most {LARGE_NOISE if failed else NOISE:g}{scale.note if failed else ''}",
        fix=DETERMINISM.remedy,
        value=found.gap,
        exhibits=found.exhibits,
    )


def _measured(found: Change) -> str:
    return f"{found.lost} of {found.lost + found.compared} without a score" if found.lost else f"{found.gap:.3g}"


def _spread(repeats: Sequence[Sequence[Answer]]) -> float:
    """Return the largest standard deviation of one rollout's scores."""
    spreads = [0.0]
    for answers in zip(*repeats, strict=True):
        scores = [answer.score for answer in answers if answer.score is not None]
        spreads.append(pstdev(scores) if scores else 0.0)
    return max(spreads)


def first_answers(exam: Examination) -> list[tuple[Answer, ...]]:
    """Return the visit's first answers, in parts that were each asked in calls of their own."""
    if exam.known:
        return [exam.right, exam.wrong]
    return [tuple(answer for group in exam.base[:_GROUPS] for answer in group)]


def _asked(exam: Examination, answers: Sequence[Answer], names: Sequence[str] = ()) -> tuple[Answer, ...]:
    """Ask again, in the same calls; where one fails nobody asks by themselves, so that it shows."""
    cases = [answer.case for answer in answers]
    names = names or exam.ask.ids(cases)
    elements = [exam.ask.element(case, name=name) for case, name in zip(cases, names, strict=True)]
    sizes = [encoded(element) for element in elements]

    def asked(span: range) -> list[Answer]:
        chosen = slice(span.start, span.stop)
        scores = usable_scores(exam.ask.call(elements[chosen], ids=names[chosen]), function=exam.patient.name)
        if isinstance(scores, str):
            return [Answer(case=case, score=None, fault=scores) for case in cases[chosen]]
        return [Answer(case=case, score=score) for case, score in zip(cases[chosen], scores, strict=True)]

    spans = batched(sizes, most=exam.settings.grading.rollouts_per_call, room=ROOM)
    return tuple(answer for some in exam.ask.in_waves(asked, spans) for answer in some)


def _again(exam: Examination, parts: Sequence[Sequence[Answer]]) -> list[tuple[Answer, ...]]:
    return [_asked(exam, part) for part in parts]


def _renamed(exam: Examination, parts: Sequence[Sequence[Answer]]) -> list[tuple[Answer, ...]]:
    renamed = []
    for part in parts:
        names = exam.ask.ids([answer.case for answer in part])
        # As those of another step, and of other length: both are no business of the score.
        renamed.append(_asked(exam, part, [name.replace("train-1-", "train-1024-") for name in names]))
    return renamed


def _fresh(exam: Examination, parts: Sequence[Sequence[Answer]]) -> list[tuple[Answer, ...]]:
    exam.patient.restart()
    return _again(exam, parts)


def _mixed(exam: Examination) -> list[Case]:
    """Right and wrong answers in turn, so that a call holds both; rollouts where no right answer is known."""
    cases = [
        Case(label="together", record=row.record, text=text) for row in exam.known for text in (row.perfect, row.wrong)
    ]
    return cases or [
        Case(label="together", record=group.prompt.record, text=shown(rollout, exam.settings.grading))
        for group in exam.base_groups[:_GROUPS]
        for rollout in group.rollouts
    ]


def _beside_a_broken_one(exam: Examination, cases: Sequence[Case], names: Sequence[str]) -> list[Answer]:
    """Return what the cases score in one call with a rollout whose content is null; without it, what it says of it."""
    broken = exam.ask.element(replace(cases[0], text=""), name="broken") if cases else {}
    for message in broken.get("messages", [])[-1:]:
        message["content"] = None
    elements = [broken, *(exam.ask.element(case, name=name) for case, name in zip(cases, names, strict=True))]
    call = exam.ask.call(elements, ids=["broken", *names])
    scores = _scores_anyhow(call.invocation.payload) if call.invocation and not call.invocation.function_error else {}
    return [Answer(case=case, score=scores.get(name)) for case, name in zip(cases, names, strict=True)]


def _scores_anyhow(payload: bytes) -> dict[str, float]:
    """Return the scores of an answer by id, whatever else is wrong with it."""
    try:
        items: Any = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    found = {}
    for item in items if isinstance(items, list) else []:
        score = finite(item.get("aggregate_reward_score")) if isinstance(item, dict) else None
        if score is not None:
            found[str(item.get("id"))] = score
    return found
