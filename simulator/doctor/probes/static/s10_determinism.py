"""S10 and S11: the same rollout scores the same, whenever, in whatever company and under whatever id."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import pstdev
from typing import Any, Final

from simulator.doctor.finding import Example, Finding, Probe, Severity
from simulator.doctor.invocation import BatchFailure, Case, CaseResult, usable_scores
from simulator.doctor.probe_context import SCORE_TOLERANCE, ProbeContext
from simulator.doctor.probes.static.score_scale import MIN_MATERIAL_DIFFERENCE, ScoreScale, score_scale
from simulator.grading.grader import MAX_PAYLOAD_BYTES
from simulator.grading.lambda_event import encode_element, response_text, split_into_batches
from simulator.grading.lambda_response import finite_float
from simulator.training.random_draws import shuffle_lines

MAX_NOISE: Final = SCORE_TOLERANCE
"""Two scores that differ by more are different scores."""

FAIL_NOISE: Final = MIN_MATERIAL_DIFFERENCE
"""Noise beyond this part of the scale drowns the differences that a group of rollouts is to be told apart by."""

REPEATS: Final = 10
"""How often one call is made again, to meet noise that comes seldom (INFERRED)."""

SINGLE_ROLLOUTS: Final = 16
"""How many rollouts are scored in calls of their own; each is a call."""

_GROUPS: Final = 8  # of the base model's rollouts, which are asked again where no right answer is known
_MAX_EXAMPLES: Final = 3  # exhibits

DETERMINISM: Final = Probe(
    id="S10",
    name="determinism",
    question="Does the same rollout score the same whenever it is scored, in any environment and under any id?",
    measured=(
        f"The first calls of the visit are made again, byte by byte: twice now, one of them {REPEATS} times, once with "
        "other rollout ids, and once in a fresh environment, which has forgotten all calls before. The largest "
        f"difference of two scores is taken. More than {MAX_NOISE:g} is a warning, more than {FAIL_NOISE:g} of the scale "
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

ORDER_AND_BATCH: Final = Probe(
    id="S11",
    name="order and batch",
    question="Does a rollout's score depend on the other rollouts in the call?",
    measured=(
        "Right and wrong answers are scored together, then in another order and other calls, then "
        f"up to {SINGLE_ROLLOUTS} of them alone, then in a call with one rollout whose content is null. A score that differs by "
        f"more than {MAX_NOISE:g}, joined by id, is a failure. So is any call of the visit up to here that failed though "
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
class ScoreChange:
    """How two scorings of the same cases differ.

    Attributes:
        max_difference: the largest difference of two scores of one case.
        missing: how many cases were scored in one of them only.
        compared: how many were scored in both.
        examples: the cases that show it, the clearest first.
    """

    max_difference: float
    missing: int
    compared: int
    examples: tuple[Example, ...]

    @property
    def is_unchanged(self) -> bool:
        """Whether they are alike."""
        return not self.missing and self.max_difference <= MAX_NOISE


def check_determinism(context: ProbeContext) -> Iterator[Finding]:
    """S10: make the visit's first calls again."""
    first = first_results(context)
    now = _repeat(context, first)
    # What failed in a call together with others was asked alone at first, and is not now.
    since = compare_scores(first, now, scored_only=True)
    if not since.compared:
        yield DETERMINISM.not_measured("No rollout was scored that could be scored again.")
        return
    at_once = compare_scores(now, _repeat(context, now))
    repeats = [_score_again(context, first[0][: context.settings.grading.rollouts_per_call]) for _ in range(REPEATS)]
    seldom = max(
        (compare_scores([repeats[0]], [other]) for other in repeats[1:]),
        key=lambda found: (found.missing, found.max_difference),
    )
    noise = max(at_once, seldom, key=lambda found: (found.missing, found.max_difference))
    if not noise.is_unchanged:
        spread = f", standard deviation {_max_deviation(repeats):.2g} over {REPEATS} repeats of one call"
        yield _nondeterminism_finding(
            noise, "The same rollout scores differently when it is scored again.", context, also=spread
        )
        return
    changes = (
        (since, "A score depends on what was scored before it: it is not what it was at first."),
        (compare_scores(now, _repeat_with_other_ids(context, now)), "A score depends on the rollout's id."),
        (
            compare_scores(now, _repeat_after_restart(context, now)),
            "A score changes in a fresh environment: the function remembers something.",
        ),
    )
    if all(found.is_unchanged for found, _ in changes):
        everywhere = "then, now, under other ids" + (
            " and in a fresh environment" if context.reward_function.spec else ""
        )
        yield DETERMINISM.ok(f"The same rollouts scored the same {everywhere}.", measured="0", value=0.0)
        return
    for found, what in changes:
        if not found.is_unchanged:
            yield _nondeterminism_finding(found, what, context)


def check_order_and_batch(context: ProbeContext) -> Iterator[Finding]:
    """S11: score rollouts in other company, and look at calls that have failed for none of their rollouts."""
    found = tuple(_score_in_other_batches(context))
    stumbles = context.invoker.batch_failures
    if stumbles:
        yield _batch_failure_finding(context, stumbles)
        found = tuple(finding for finding in found if finding.severity is Severity.FAIL)
    yield from found


def _score_in_other_batches(context: ProbeContext) -> Iterator[Finding]:
    """Score the same rollouts in another order, alone, and beside a broken one."""
    cases = _mixed_cases(context)
    names = context.invoker.rollout_ids(cases)
    together = context.invoker.score(cases, ids=names, keep=False)
    again = context.invoker.score(cases, ids=names, keep=False)
    if not compare_scores([together], [again]).is_unchanged:
        yield ORDER_AND_BATCH.not_measured(f"Its scores change by themselves ({DETERMINISM.id}), whatever the company.")
        return
    order = shuffle_lines(range(len(cases)), context.seed, "doctor", "order")
    moved = context.invoker.score([cases[at] for at in order], ids=[names[at] for at in order], keep=False)
    few = range(min(SINGLE_ROLLOUTS, len(cases)))
    alone = context.invoker.score([cases[at] for at in few], ids=[names[at] for at in few], batch_size=1, keep=False)
    size = max(1, context.settings.grading.rollouts_per_call - 1)
    beside = _score_beside_broken_rollout(context, cases[:size], names[:size])
    changes = (
        (compare_scores([[together[at] for at in order]], [moved]), "A score depends on the order of the rollouts."),
        (
            compare_scores([together[: len(few)]], [alone]),
            "A rollout scores otherwise alone than together with others.",
        ),
        # That the whole call may fail of it is S14's to say; who is scored nevertheless has to keep the score.
        (
            compare_scores([together[:size]], [beside], scored_only=True),
            "A score depends on a broken rollout beside it.",
        ),
    )
    if not changes[0][0].compared:
        yield ORDER_AND_BATCH.not_measured("No rollout was scored twice.")
        return
    if all(found.is_unchanged for found, _ in changes):
        yield ORDER_AND_BATCH.ok(
            "The same rollouts scored the same in another order and alone.", measured="0", value=0.0
        )
    for found, what in changes:
        if not found.is_unchanged:
            yield ORDER_AND_BATCH.finding(
                Severity.FAIL,
                what,
                measured=_measured(found),
                threshold=f"at most {MAX_NOISE:g}",
                fix=ORDER_AND_BATCH.remedy,
                value=found.max_difference,
                examples=found.examples,
            )


def _batch_failure_finding(context: ProbeContext, failures: Sequence[BatchFailure]) -> Finding:
    """Tell of calls that failed for no rollout of theirs; the first is made again, to tell chance from company."""
    first = failures[0]
    count = len(first.call.ids)
    again = context.invoker.repeat_call(first.call)
    faults = isinstance(usable_scores(again, function_name=context.reward_function.name), str)
    why = "in company" if faults else "now and then"
    then = "it failed again" if faults else "it gave scores"
    return ORDER_AND_BATCH.finding(
        Severity.FAIL,
        f"Calls fail {why}: their rollouts all score when each is sent alone. A job would have ended there.",
        measured=f"{len(failures)} of {context.invoker.call_count - 1:,} calls; the first, of {count} rollouts, made again: {then}",
        threshold="none",
        fix=ORDER_AND_BATCH.remedy,
        value=float(len(failures)),
        examples=[first.first_result.example(f"alone; in a call with {count - 1} others: {first.error}")],
    )


def compare_scores(
    first: Sequence[Sequence[CaseResult]], second: Sequence[Sequence[CaseResult]], *, scored_only: bool = False
) -> ScoreChange:
    """Return how two scorings of the same cases in the same order differ; `scored_only` leaves out the lost ones."""
    pairs = [pair for one, other in zip(first, second, strict=True) for pair in zip(one, other, strict=True)]
    lost = [(one, other) for one, other in pairs if (one.score is None) != (other.score is None) and not scored_only]
    gaps = [
        (abs(one.score - other.score), one, other)
        for one, other in pairs
        if one.score is not None and other.score is not None
    ]
    widest = sorted(gaps, key=lambda gap: -gap[0])
    shown = [(one, other) for gap, one, other in widest if gap > MAX_NOISE]
    return ScoreChange(
        max_difference=widest[0][0] if widest else 0.0,
        missing=len(lost),
        compared=len(gaps),
        examples=tuple(_example(one, other) for one, other in [*lost, *shown][:_MAX_EXAMPLES]),
    )


def _example(one: CaseResult, other: CaseResult) -> Example:
    then = f"then {other.score}" if other.score is not None else f"then no score: {other.error}"
    return one.example(then)


def _nondeterminism_finding(found: ScoreChange, message: str, context: ProbeContext, *, also: str = "") -> Finding:
    if found.missing:
        message = "The same rollout is scored one time and not another."
    scale = ScoreScale() if found.missing else score_scale(context)
    failed = found.missing or scale.normalize_difference(found.max_difference) > FAIL_NOISE
    return DETERMINISM.finding(
        Severity.FAIL if failed else Severity.WARN,
        message,
        measured=_measured(found) + also,
        threshold=f"at most {FAIL_NOISE if failed else MAX_NOISE:g}{scale.note if failed else ''}",
        fix=DETERMINISM.remedy,
        value=found.max_difference,
        examples=found.examples,
    )


def _measured(found: ScoreChange) -> str:
    return (
        f"{found.missing} of {found.missing + found.compared} without a score"
        if found.missing
        else f"{found.max_difference:.3g}"
    )


def _max_deviation(repeats: Sequence[Sequence[CaseResult]]) -> float:
    """Return the largest standard deviation of one rollout's scores."""
    spreads = [0.0]
    for answers in zip(*repeats, strict=True):
        scores = [answer.score for answer in answers if answer.score is not None]
        spreads.append(pstdev(scores) if scores else 0.0)
    return max(spreads)


def first_results(context: ProbeContext) -> list[tuple[CaseResult, ...]]:
    """Return the visit's first answers, in parts that were each asked in calls of their own."""
    if context.answerable_rows:
        return [context.right_results, context.wrong_results]
    return [tuple(answer for group in context.base_results[:_GROUPS] for answer in group)]


def _score_again(
    context: ProbeContext, results: Sequence[CaseResult], names: Sequence[str] = ()
) -> tuple[CaseResult, ...]:
    """Ask again, in the same calls; where one fails nobody asks by themselves, so that it shows."""
    cases = [answer.case for answer in results]
    names = names or context.invoker.rollout_ids(cases)
    elements = [context.invoker.build_element(case, rollout_id=name) for case, name in zip(cases, names, strict=True)]
    sizes = [encode_element(element) for element in elements]

    def asked(span: range) -> list[CaseResult]:
        chosen = slice(span.start, span.stop)
        scores = usable_scores(
            context.invoker.invoke(elements[chosen], ids=names[chosen]), function_name=context.reward_function.name
        )
        if isinstance(scores, str):
            return [CaseResult(case=case, score=None, error=scores) for case in cases[chosen]]
        return [CaseResult(case=case, score=score) for case, score in zip(cases[chosen], scores, strict=True)]

    spans = split_into_batches(
        sizes, max_elements=context.settings.grading.rollouts_per_call, max_bytes=MAX_PAYLOAD_BYTES
    )
    return tuple(answer for some in context.invoker.map_in_batches(asked, spans) for answer in some)


def _repeat(context: ProbeContext, parts: Sequence[Sequence[CaseResult]]) -> list[tuple[CaseResult, ...]]:
    return [_score_again(context, part) for part in parts]


def _repeat_with_other_ids(
    context: ProbeContext, parts: Sequence[Sequence[CaseResult]]
) -> list[tuple[CaseResult, ...]]:
    renamed = []
    for part in parts:
        names = context.invoker.rollout_ids([answer.case for answer in part])
        # As those of another step, and of other length: both are no business of the score.
        renamed.append(_score_again(context, part, [name.replace("train-1-", "train-1024-") for name in names]))
    return renamed


def _repeat_after_restart(context: ProbeContext, parts: Sequence[Sequence[CaseResult]]) -> list[tuple[CaseResult, ...]]:
    context.reward_function.restart()
    return _repeat(context, parts)


def _mixed_cases(context: ProbeContext) -> list[Case]:
    """Right and wrong answers in turn, so that a call holds both; rollouts where no right answer is known."""
    cases = [
        Case(label="together", record=row.record, text=text)
        for row in context.answerable_rows
        for text in (row.right_response, row.wrong_response)
    ]
    return cases or [
        Case(label="together", record=group.prompt.record, text=response_text(rollout, context.settings.grading))
        for group in context.base_groups[:_GROUPS]
        for rollout in group.rollouts
    ]


def _score_beside_broken_rollout(
    context: ProbeContext, cases: Sequence[Case], names: Sequence[str]
) -> list[CaseResult]:
    """Return what the cases score in one call with a rollout whose content is null; without it, what it says of it."""
    broken = context.invoker.build_element(replace(cases[0], text=""), rollout_id="broken") if cases else {}
    for message in broken.get("messages", [])[-1:]:
        message["content"] = None
    elements = [
        broken,
        *(context.invoker.build_element(case, rollout_id=name) for case, name in zip(cases, names, strict=True)),
    ]
    call = context.invoker.invoke(elements, ids=["broken", *names])
    scores = (
        _scores_from_payload(call.invocation.payload) if call.invocation and not call.invocation.function_error else {}
    )
    return [CaseResult(case=case, score=scores.get(name)) for case, name in zip(cases, names, strict=True)]


def _scores_from_payload(payload: bytes) -> dict[str, float]:
    """Return the scores of an answer by id, whatever else is wrong with it."""
    try:
        items: Any = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    found = {}
    for item in items if isinstance(items, list) else []:
        score = finite_float(item.get("aggregate_reward_score")) if isinstance(item, dict) else None
        if score is not None:
            found[str(item.get("id"))] = score
    return found
