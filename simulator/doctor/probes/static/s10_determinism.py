"""S10 and S11: the same rollout scores the same, whenever, in whatever company and under whatever id."""

from collections.abc import Iterator, Sequence
from statistics import pstdev
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import CaseResult, usable_scores
from simulator.doctor.probe_context import SCORE_TOLERANCE, ProbeContext
from simulator.doctor.probes.static.score_change import ScoreChange, compare_scores
from simulator.doctor.probes.static.score_scale import MIN_MATERIAL_DIFFERENCE, ScoreScale, score_scale
from simulator.grading.grader import MAX_PAYLOAD_BYTES
from simulator.grading.lambda_event import encode_element, split_into_batches

FAIL_NOISE: Final = MIN_MATERIAL_DIFFERENCE
"""Noise beyond this part of the scale drowns the differences that a group of rollouts is to be told apart by."""

REPEATS: Final = 10
"""How often one call is made again, to meet noise that comes seldom (INFERRED)."""


DETERMINISM: Final = Probe(
    id="S10",
    name="determinism",
    question="Does the same rollout score the same whenever it is scored, in any environment and under any id?",
    measured=(
        f"The first calls of the visit are made again, byte by byte: twice now, one of them {REPEATS} times, once with "
        "other rollout ids, and once in a fresh environment, which has forgotten all calls before. The largest "
        f"difference of two scores is taken. More than {SCORE_TOLERANCE:g} is a warning, more than {FAIL_NOISE:g} of the scale "
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


def check_determinism(context: ProbeContext) -> Iterator[Finding]:
    """S10: make the visit's first calls again."""
    first = context.first_results
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


def _nondeterminism_finding(found: ScoreChange, message: str, context: ProbeContext, *, also: str = "") -> Finding:
    if found.missing:
        message = "The same rollout is scored one time and not another."
    scale = ScoreScale() if found.missing else score_scale(context)
    failed = found.missing or scale.normalize_difference(found.max_difference) > FAIL_NOISE
    return DETERMINISM.finding(
        Severity.FAIL if failed else Severity.WARN,
        message,
        measured=found.measured + also,
        threshold=f"at most {FAIL_NOISE if failed else SCORE_TOLERANCE:g}{scale.note if failed else ''}",
        fix=DETERMINISM.remedy,
        value=found.max_difference,
        examples=found.examples,
    )


def _max_deviation(repeats: Sequence[Sequence[CaseResult]]) -> float:
    """Return the largest standard deviation of one rollout's scores."""
    spreads = [0.0]
    for answers in zip(*repeats, strict=True):
        scores = [answer.score for answer in answers if answer.score is not None]
        spreads.append(pstdev(scores) if scores else 0.0)
    return max(spreads)


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
