"""S12: check the range and the number of different scores."""

from collections.abc import Iterator
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import scores_of
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probes.static.component_results import component_results, follows_from_components

MIN_SCORE, MAX_SCORE = 0.0, 1.0
"""The range in the documentation's examples and advice. All thresholds of the probes assume it."""

MIN_USUAL_SCORE: Final = -1.0
"""SAMPLE: Amazon's quickstart of Nova Forge returns -1.0, and its blog of 2026-04-14 calls -1 to 1 typical."""

BINARY_VALUES: Final = 2
"""With two different scores, the function distinguishes only right and wrong."""

RANGE: Final = Probe(
    id="S12",
    name="range",
    question="Which scores occur?",
    measured=(
        f"A score outside {MIN_SCORE:g} to {MAX_SCORE:g}, among all scores of the probes before this, is information "
        f"if all are within {MIN_USUAL_SCORE:g} to {MAX_SCORE:g}, if the score is a mean or a sum of the components in "
        "metrics_list, or if no response scores more than the right answers, most of which have the same score. "
        "Otherwise it is a warning, because the scale has no upper end. It is a failure when right answers, wrong "
        "answers and rollouts of the base model all have the same score. If only two different scores occur, the "
        "severity is info."
    ),
    means=(
        "If all scores are equal, no rollout is better than another, and training changes nothing. Scores outside "
        "0 to 1 are allowed, but Amazon's advice assumes 0 to 1: a mean under 0.05 is too sparse, and a mean over 0.95 "
        "needs no training. On a scale without an upper end, a response can always earn more than a right answer."
    ),
    remedy="Scale the scores to 0 to 1.",
    source=(
        'DOCUMENTED: "e.g. 0.0-1.0 or task-defined range". SAMPLE: "typically -1 to 1" (AWS blog of 2026-04-14 on '
        "reward functions for Nova). The failure is INFERRED from the GRPO advantage."
    ),
)


def check_range(context: ProbeContext) -> Iterator[Finding]:
    """S12: check every score of the probes that ran before this one."""
    common_results = [
        *context.right_results,
        *context.wrong_results,
        *(result for group in context.base_results for result in group),
    ]
    results = [result for results in context.invoker.results_by_label.values() for result in results]
    scored_results = [(result.score, result) for result in results if result.score is not None]
    different_scores = sorted(set(scores_of(common_results)))
    if not different_scores:
        yield RANGE.not_measured("No right answer, wrong answer or rollout of the base model has a score.")
        return
    lowest, highest = min(scored_results, key=lambda pair: pair[0]), max(scored_results, key=lambda pair: pair[0])
    unscored_count = len(results) - len(scored_results)
    note = f"; {unscored_count} of {len(results)} responses without a score" if unscored_count else ""
    measured = f"{lowest[0]:g} to {highest[0]:g}{note}"
    out_of_range_examples = [
        result.example() for score, result in (lowest, highest) if not MIN_SCORE <= score <= MAX_SCORE
    ]
    if out_of_range_examples:
        reason = _reason_of_range(context, lowest=lowest[0], highest=highest[0])
        yield RANGE.finding(
            Severity.INFO if reason else Severity.WARN,
            f"Scores are outside {MIN_SCORE:g} to {MAX_SCORE:g}{reason and f', which is allowed: {reason}'}.",
            measured=measured,
            threshold=f"{MIN_SCORE:g} to {MAX_SCORE:g}",
            fix="" if reason else RANGE.remedy,
            examples=out_of_range_examples,
        )
    if len(different_scores) == 1 and not context.answerable_rows:
        yield RANGE.not_measured(context.unknown_answers_reason)
    elif len(different_scores) == 1:
        yield RANGE.finding(
            Severity.FAIL,
            "Right answers, wrong answers and rollouts of the base model all have the same score.",
            measured=f"always {different_scores[0]:g}{note}",
            threshold="at least 2 values",
            fix="Make the score depend on the response. If S3 or S4 fails too, start there.",
            value=1,
            examples=[
                result.example()
                for result in (*context.right_results[:1], *context.wrong_results[:1])
                if result.score is not None
            ],
        )
    elif len(different_scores) == BINARY_VALUES:
        values = " and ".join(f"{score:g}" for score in different_scores) + note
        yield RANGE.finding(Severity.INFO, "Only two different scores occur.", measured=values, value=BINARY_VALUES)
    elif not out_of_range_examples:
        yield RANGE.ok(
            "Scores differ and are within the usual range.",
            measured=f"{measured}, {len(different_scores)} values",
            value=len(different_scores),
        )


def _reason_of_range(context: ProbeContext, *, lowest: float, highest: float) -> str:
    """Return why scores outside 0 to 1 are a scale with two ends, in words; empty when they are not."""
    if lowest >= MIN_USUAL_SCORE and highest <= MAX_SCORE:
        return f"{MIN_USUAL_SCORE:g} to {MAX_SCORE:g} is usual too"
    right_scores = scores_of(context.right_results)
    full_marks = right_scores.count(highest)
    if full_marks > len(right_scores) / 2 and lowest >= -abs(highest):
        return "no response scores more than right answers"
    results = component_results(context)
    if results and any(result.components for result in results) and follows_from_components(results):
        return "it follows from the components in metrics_list"
    return ""
