"""S11: check that a rollout's score does not depend on the other rollouts in its call."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import BatchFailure, Case, CaseResult, usable_scores
from simulator.doctor.probe_context import FIRST_GROUPS, SCORE_TOLERANCE, ProbeContext
from simulator.doctor.probes.static.s10_determinism import DETERMINISM
from simulator.doctor.probes.static.score_change import compare_scores
from simulator.grading.lambda_event import response_text
from simulator.grading.lambda_response import finite_float
from simulator.training.random_draws import shuffle_lines

SINGLE_ROLLOUTS: Final = 16
"""How many rollouts are scored in calls of their own; each is a call."""


ORDER_AND_BATCH: Final = Probe(
    id="S11",
    name="order and batch",
    question="Does a rollout's score depend on the other rollouts in the call?",
    measured=(
        "Right and wrong answers are scored together, then in another order and other calls, then "
        f"up to {SINGLE_ROLLOUTS} of them alone, then in a call with one rollout whose content is null. A score that differs by "
        f"more than {SCORE_TOLERANCE:g}, joined by id, is a failure. So is any call of the visit up to here that failed though "
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
                measured=found.measured,
                threshold=f"at most {SCORE_TOLERANCE:g}",
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


def _mixed_cases(context: ProbeContext) -> list[Case]:
    """Right and wrong answers in turn, so that a call holds both; rollouts where no right answer is known."""
    cases = [
        Case(label="together", record=row.record, text=text)
        for row in context.answerable_rows
        for text in (row.right_response, row.wrong_response)
    ]
    return cases or [
        Case(label="together", record=group.prompt.record, text=response_text(rollout, context.settings.grading))
        for group in context.base_groups[:FIRST_GROUPS]
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
