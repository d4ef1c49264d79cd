"""S11: check that a rollout's score does not depend on the other rollouts in its call."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from simulator.doctor.finding import ExampleCall, Finding, Probe, Severity
from simulator.doctor.invocation import BatchFailure, Case, CaseResult, usable_scores
from simulator.doctor.probe_context import FIRST_GROUPS, SCORE_TOLERANCE, ProbeContext
from simulator.doctor.probes.static.s10_determinism import DETERMINISM
from simulator.doctor.probes.static.score_change import compare_scores
from simulator.grading.lambda_event import response_text
from simulator.grading.lambda_response import finite_float
from simulator.training.random_draws import shuffle_lines

SINGLE_ROLLOUTS: Final = 16
"""How many rollouts are scored alone. Each is a call."""

_LONG_TEXT: Final = "Let me go through this once more. " * 50

ORDER_AND_BATCH: Final = Probe(
    id="S11",
    name="order and batch",
    question="Does a rollout's score depend on the other rollouts in the call?",
    measured=(
        "Right and wrong answers are scored together, then in another order and in other calls, then up to "
        f"{SINGLE_ROLLOUTS} of them alone, and, if that changes a score, with other rollouts of the same prompt, then "
        "in a call with a rollout whose content is null. Scores are compared by id. A difference of more than "
        f"{SCORE_TOLERANCE:g} is a failure. It is also a failure when an earlier call of the doctor failed, although "
        "each of its rollouts gets a score alone."
    ),
    means=(
        "A job ends at the first call that fails, even if each of its rollouts would get a score alone. It is "
        "unknown which rollouts the service sends in one call, and in which order. A score that depends on them is "
        "noise. A score under the wrong id belongs to another rollout, and training learns from it."
    ),
    remedy=(
        "Score each element of the event alone, take its id from that element, and use nothing from other elements: "
        "no ranks, no averages over the event, no variable that is set in an earlier iteration. If some calls fail, "
        "check connections, memory, time-outs and service quotas."
    ),
    source="DOCUMENTED: results are joined by id. INFERRED: how rollouts are put into calls.",
)


def check_order_and_batch(context: ProbeContext) -> Iterator[Finding]:
    """S11: score rollouts in other batches, and report calls that failed although each of their rollouts scores."""
    findings = tuple(_score_in_other_batches(context))
    failures = context.invoker.batch_failures
    if failures:
        yield _batch_failure_finding(context, failures)
        findings = tuple(finding for finding in findings if finding.severity is Severity.FAIL)
    yield from findings


def _score_in_other_batches(context: ProbeContext) -> Iterator[Finding]:
    """Score the same rollouts in another order, alone, and in one call with a broken one."""
    cases = _mixed_cases(context)
    ids = context.invoker.rollout_ids(cases)
    together_results = context.invoker.score(cases, ids=ids, keep=False)
    together_again = context.invoker.score(cases, ids=ids, keep=False)
    if not compare_scores([together_results], [together_again]).is_unchanged:
        yield ORDER_AND_BATCH.not_measured(
            f"The same calls give other scores when they are repeated: see {DETERMINISM.id}."
        )
        return
    order = shuffle_lines(range(len(cases)), context.seed, "doctor", "order")
    reordered_results = context.invoker.score(
        [cases[index] for index in order], ids=[ids[index] for index in order], keep=False
    )
    single_slice = slice(0, min(SINGLE_ROLLOUTS, len(cases)))
    alone_results = context.invoker.score(cases[single_slice], ids=ids[single_slice], batch_size=1, keep=False)
    batch_slice = slice(0, max(1, context.settings.grading.rollouts_per_call - 1))
    results_beside_broken = _score_beside_broken_rollout(context, cases[batch_slice], ids[batch_slice])
    change_alone = compare_scores([together_results[single_slice]], [alone_results])
    changes = (
        (
            compare_scores([[together_results[index] for index in order]], [reordered_results]),
            "A score depends on the order of the rollouts.",
        ),
        (
            change_alone,
            "" if change_alone.is_unchanged else _describe_neighbours(context, alone_results),
        ),
        # S14 reports that the whole call may fail. Rollouts that still get a score must keep it.
        (
            compare_scores([together_results[batch_slice]], [results_beside_broken], scored_only=True),
            "A score depends on a broken rollout in the same call.",
        ),
    )
    if not changes[0][0].compared_count:
        yield ORDER_AND_BATCH.not_measured("No rollout has a score in two calls.")
        return
    if all(change.is_unchanged for change, _ in changes):
        yield ORDER_AND_BATCH.ok(
            "The same rollouts scored the same in another order and alone.", measured="0", value=0.0
        )
    for change, message in changes:
        if not change.is_unchanged:
            yield ORDER_AND_BATCH.finding(
                Severity.FAIL,
                message,
                measured=change.measured,
                threshold=f"at most {SCORE_TOLERANCE:g}",
                fix=ORDER_AND_BATCH.remedy,
                value=change.max_difference,
                examples=change.examples,
            )


def _describe_neighbours(context: ProbeContext, alone_results: Sequence[CaseResult]) -> str:
    """Return what a score depends on, if it differs alone: other prompts in the call, or any other rollout."""
    groups: dict[int, list[Case]] = {}
    for result in alone_results:
        groups.setdefault(result.case.record.line, []).append(result.case)
    # The rollouts of a prompt follow each other, so the order stays the same.
    group_results = [
        result
        for cases in groups.values()
        for result in context.invoker.score([*cases, *_other_rollouts(cases[0])], keep=False)[: len(cases)]
    ]
    if compare_scores([alone_results], [group_results]).is_unchanged:
        return "A score depends on rollouts of other prompts in its call: it holds only while a call has one prompt."
    return "A rollout scores differently alone and with others."


def _other_rollouts(case: Case) -> tuple[Case, Case]:
    """Return an empty and a long rollout of the same prompt."""
    return replace(case, text=""), replace(case, text=f"{_LONG_TEXT}\n{case.text}")


def _batch_failure_finding(context: ProbeContext, failures: Sequence[BatchFailure]) -> Finding:
    """Return the finding on failed calls whose rollouts score alone.

    The first call is repeated. If it fails again, the batch is the cause. If not, calls fail at random.
    """
    first_failure = failures[0]
    count = len(first_failure.call.ids)
    repeated_call = context.invoker.repeat_call(first_failure.call)
    fails_again = isinstance(usable_scores(repeated_call, function_name=context.reward_function.name), str)
    when = "because of the batch" if fails_again else "sometimes"
    outcome = "it failed again" if fails_again else "it gave scores"
    example = first_failure.first_result.example(f"alone; in a call with {count - 1} others: {first_failure.error}")
    whole_call = ExampleCall(elements=json.loads(first_failure.call.event), rollout_id=first_failure.call.ids[0])
    return ORDER_AND_BATCH.finding(
        Severity.FAIL,
        f"Calls fail {when}: each of their rollouts gets a score alone. A job would end there.",
        measured=f"{len(failures)} of {context.invoker.call_count - 1:,} calls; "
        f"the first, of {count} rollouts, was repeated: {outcome}",
        threshold="none",
        fix=ORDER_AND_BATCH.remedy,
        value=float(len(failures)),
        examples=[replace(example, call=whole_call)],
    )


def _mixed_cases(context: ProbeContext) -> list[Case]:
    """Return right and wrong answers alternately, so that a call has both; without right answers, base rollouts."""
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


def _score_beside_broken_rollout(context: ProbeContext, cases: Sequence[Case], ids: Sequence[str]) -> list[CaseResult]:
    """Score the cases in one call with a rollout whose content is null. Return only the results of the cases."""
    broken_element = context.invoker.build_element(replace(cases[0], text=""), rollout_id="broken") if cases else {}
    for message in broken_element.get("messages", [])[-1:]:
        message["content"] = None
    elements = [
        broken_element,
        *(context.invoker.build_element(case, rollout_id=id_) for case, id_ in zip(cases, ids, strict=True)),
    ]
    invocation = context.invoker.invoke(elements, ids=["broken", *ids]).invocation
    scores = _scores_by_id(invocation.payload) if invocation and not invocation.function_error else {}
    return [CaseResult(case=case, score=scores.get(id_)) for case, id_ in zip(cases, ids, strict=True)]


def _scores_by_id(payload: bytes) -> dict[str, float]:
    """Return the scores of a response by id. Items without a usable score are ignored."""
    try:
        items: Any = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    scores = {}
    for item in items if isinstance(items, list) else []:
        score = finite_float(item.get("aggregate_reward_score")) if isinstance(item, dict) else None
        if score is not None:
            scores[str(item.get("id"))] = score
    return scores
