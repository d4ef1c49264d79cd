"""S10: check that the same rollout always gets the same score."""

from collections.abc import Iterator, Sequence
from statistics import pstdev
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import CaseResult, usable_scores
from simulator.doctor.probe_context import SCORE_TOLERANCE, ProbeContext
from simulator.doctor.probes.static.clock_shift import SHIFTS, ClockChange, clock_changes
from simulator.doctor.probes.static.score_change import ScoreChange, compare_scores
from simulator.doctor.probes.static.score_scale import MIN_MATERIAL_DIFFERENCE, ScoreScale, score_scale
from simulator.doctor.reward_function import restarts
from simulator.doctor.timeout_budget import NoScoresError
from simulator.grading.grader import MAX_PAYLOAD_BYTES
from simulator.grading.lambda_event import encode_element, split_into_batches

FAIL_NOISE: Final = MIN_MATERIAL_DIFFERENCE
"""More noise than this share of the scale hides the differences between the rollouts of a group."""

REPEATS: Final = 10
"""How often one call is repeated, to find rare noise (INFERRED)."""

DETERMINISM: Final = Probe(
    id="S10",
    name="determinism",
    question="Does the same rollout always get the same score, at any time, in any environment and under any id?",
    measured=(
        "Some rollouts are scored in an environment whose clock is moved by "
        f"{', '.join(list(SHIFTS)[:-1])} and {list(SHIFTS)[-1]}, if the function runs on this machine. A function that "
        "only logs the time scores the same. Then the first calls of the doctor are repeated. All calls are sent "
        f"twice, and one call {REPEATS} times, with the same bytes. If scores differ, the repeats are made again in "
        "new environments: scores that change there in the same way depend on the number of calls, and other "
        "differences are noise. All calls are sent once with other rollout ids, and once in a new environment, which "
        "has no state of earlier calls, and once more after the simulated training. The value is the largest "
        "difference between two scores of a rollout. A difference of more than "
        f"{SCORE_TOLERANCE:g} is a warning. A difference of more than {FAIL_NOISE:g} of the scale of the scores "
        "is a failure. A rollout that has a score in one call and not in another is a failure too."
    ),
    means=(
        "Advantages are differences within a group of rollouts. Training treats noise in the score like any other "
        "difference: the policy moves at random, and two runs cannot be compared. Lambda keeps an environment "
        "between calls and starts new ones at any time, so state that a function keeps is noise too."
    ),
    remedy=(
        "Seed or remove random numbers, keep no state between calls that changes a score, and use neither the clock "
        "nor the id in the score. Call a judge model at temperature 0, or average several verdicts."
    ),
    source=(
        "INFERRED from the GRPO advantage (r - mean) / std: a group that differs only by noise is not dead. "
        'DOCUMENTED: environments are reused and replaced ("Lambda runtime environment lifecycle").'
    ),
)


def check_determinism(context: ProbeContext) -> Iterator[Finding]:
    """S10: move the clock, and repeat the first calls of the doctor run."""
    first_results = context.first_results
    changes_by_time = clock_changes(context)
    if changes_by_time:
        yield _clock_finding(context, changes_by_time)
        return
    repeated_results = _repeat(context, first_results)
    # The first time, the rollouts of a failed call were sent again one by one. Here they are not.
    change_since_first = compare_scores(first_results, repeated_results, scored_only=True)
    if not change_since_first.compared_count:
        yield DETERMINISM.not_measured("No rollout has a score that could be compared with another.")
        return
    noise = _noise(context, first_results, repeated_results)
    if noise is not None:
        yield noise
        return
    changes = (
        (change_since_first, "A score depends on earlier calls: it differs from the first time."),
        (
            compare_scores(repeated_results, _repeat_with_other_ids(context, repeated_results)),
            "A score depends on the rollout's id.",
        ),
        (
            compare_scores(repeated_results, _repeat_after_restart(context, repeated_results)),
            "A score changes in a new environment: the function keeps state between calls.",
        ),
    )
    if all(change.is_unchanged for change, _ in changes):
        conditions = ["under other ids"]
        conditions += ["in a new environment"] if restarts(context.reward_function) else []
        conditions += ["at other times"] if changes_by_time is not None else []
        listed = f"{', '.join(conditions[:-1])} and {conditions[-1]}" if len(conditions) > 1 else conditions[0]
        yield DETERMINISM.ok(f"The same rollouts got the same scores again, {listed}.", measured="0", value=0.0)
        return
    for change, message in changes:
        if not change.is_unchanged:
            yield _change_finding(context, change, message)


def check_after_training(context: ProbeContext, findings: Sequence[Finding]) -> list[Finding]:
    """Repeat the first calls after the simulated training. Report a difference that no finding of S10 reports."""
    if [finding.severity for finding in findings if finding.probe == DETERMINISM.id] != [Severity.OK]:
        return []
    first_results = context.first_results
    try:
        change = compare_scores(first_results, _repeat(context, first_results), scored_only=True)
    except NoScoresError:
        return []
    if change.is_unchanged or not change.compared_count:
        return []
    message = "A score depends on the number of calls: it differs from the first time after the simulated training."
    return [_change_finding(context, change, message)]


def _clock_finding(context: ProbeContext, changes: Sequence[ClockChange]) -> Finding:
    largest = max((clock_change.change for clock_change in changes), key=lambda change: change.max_difference)
    return _change_finding(
        context, largest, f"The score follows the clock: the same rollouts score differently {changes[0].shift} later."
    )


def _noise(
    context: ProbeContext,
    first_results: Sequence[Sequence[CaseResult]],
    repeated_results: Sequence[Sequence[CaseResult]],
) -> Finding | None:
    """Return a finding when calls that are repeated at once give other scores."""
    all_calls = compare_scores(repeated_results, _repeat(context, repeated_results))
    first_call = first_results[0][: context.settings.grading.rollouts_per_call]
    one_call = [_score_again(context, first_call) for _ in range(REPEATS)]
    changes = [all_calls, *(compare_scores([one_call[0]], [other]) for other in one_call[1:])]
    largest = max(changes, key=lambda change: (change.missing_count, change.max_difference))
    if largest.is_unchanged:
        return None
    drift = _drift(context, first_call)
    if drift is not None:
        message = "A score depends on the number of calls before it: it changes in the same way in a new environment."
        return _change_finding(context, drift, message, note=f" within {REPEATS} repeats of one call")
    deviation = f", standard deviation {_max_deviation(one_call):.2g} over {REPEATS} repeats of one call"
    return _change_finding(
        context, largest, "The same rollout scores differently when it is scored again.", note=deviation
    )


def _drift(context: ProbeContext, first_call: Sequence[CaseResult]) -> ScoreChange | None:
    """Return how scores change with the number of calls; None if they do not, or change in another way each time."""
    runs = []
    for _ in ("one environment", "another"):
        context.reward_function.restart()
        runs.append([_score_again(context, first_call) for _ in range(REPEATS)])
    if not compare_scores(*runs).is_unchanged:
        return None
    change = compare_scores([runs[0][0]], [runs[0][-1]])
    return None if change.is_unchanged else change


def _change_finding(context: ProbeContext, change: ScoreChange, message: str, *, note: str = "") -> Finding:
    if change.missing_count:
        message = "The same rollout has a score in one call and not in another."
    scale = ScoreScale() if change.missing_count else score_scale(context)
    fails = change.missing_count or scale.normalize_difference(change.max_difference) > FAIL_NOISE
    return DETERMINISM.finding(
        Severity.FAIL if fails else Severity.WARN,
        message,
        measured=change.measured + note,
        threshold=f"at most {FAIL_NOISE if fails else SCORE_TOLERANCE:g}{scale.note if fails else ''}",
        fix=DETERMINISM.remedy,
        value=change.max_difference,
        examples=change.examples,
    )


def _max_deviation(repeats: Sequence[Sequence[CaseResult]]) -> float:
    """Return the largest standard deviation of one rollout's scores."""
    deviations = [0.0]
    for results in zip(*repeats, strict=True):
        scores = [result.score for result in results if result.score is not None]
        deviations.append(pstdev(scores) if scores else 0.0)
    return max(deviations)


def _score_again(
    context: ProbeContext, results: Sequence[CaseResult], ids: Sequence[str] = ()
) -> tuple[CaseResult, ...]:
    """Score cases again in the same calls. Rollouts of a failed call are not sent alone, so that its failure counts."""
    cases = [result.case for result in results]
    ids = ids or context.invoker.rollout_ids(cases)
    elements = [context.invoker.build_element(case, rollout_id=id_) for case, id_ in zip(cases, ids, strict=True)]

    def score_span(span: range) -> list[CaseResult]:
        batch = slice(span.start, span.stop)
        call = context.invoker.invoke(elements[batch], ids=ids[batch])
        scores = usable_scores(call, function_name=context.reward_function.name)
        if isinstance(scores, str):
            return [CaseResult(case=case, score=None, error=scores) for case in cases[batch]]
        return [CaseResult(case=case, score=score) for case, score in zip(cases[batch], scores, strict=True)]

    spans = split_into_batches(
        [encode_element(element) for element in elements],
        max_elements=context.settings.grading.rollouts_per_call,
        max_bytes=MAX_PAYLOAD_BYTES,
    )
    return tuple(
        result for batch_results in context.invoker.map_in_waves(score_span, spans) for result in batch_results
    )


def _repeat(context: ProbeContext, parts: Sequence[Sequence[CaseResult]]) -> list[tuple[CaseResult, ...]]:
    return [_score_again(context, part) for part in parts]


def _repeat_with_other_ids(
    context: ProbeContext, parts: Sequence[Sequence[CaseResult]]
) -> list[tuple[CaseResult, ...]]:
    results_with_other_ids = []
    for part in parts:
        ids = context.invoker.rollout_ids([result.case for result in part])
        # These ids belong to another step and are longer. Neither may change a score.
        results_with_other_ids.append(
            _score_again(context, part, [id_.replace("train-1-", "train-1024-") for id_ in ids])
        )
    return results_with_other_ids


def _repeat_after_restart(context: ProbeContext, parts: Sequence[Sequence[CaseResult]]) -> list[tuple[CaseResult, ...]]:
    context.reward_function.restart()
    return _repeat(context, parts)
