"""S12: check the range and the number of different scores."""

from collections.abc import Iterator
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import scores_of
from simulator.doctor.probe_context import ProbeContext

MIN_SCORE, MAX_SCORE = 0.0, 1.0
"""The range in the documentation's examples and advice. All thresholds of the probes assume it."""

BINARY_VALUES: Final = 2
"""With two different scores, the function distinguishes only right and wrong."""

RANGE: Final = Probe(
    id="S12",
    name="range",
    question="Which scores occur?",
    measured=(
        f"A score outside {MIN_SCORE:g} to {MAX_SCORE:g}, among all scores of the probes before this, is a warning. "
        "It is a failure when right answers, wrong answers and rollouts of the base model all have the same score. "
        "If only two different scores occur, the severity is info."
    ),
    means=(
        "If all scores are equal, no rollout is better than another, and training changes nothing. Scores outside "
        "0 to 1 are allowed, but Amazon's advice assumes 0 to 1: a mean under 0.05 is too sparse, and a mean over 0.95 "
        "needs no training."
    ),
    remedy="Scale the scores to 0 to 1.",
    source='DOCUMENTED: "e.g. 0.0-1.0 or task-defined range". The failure is INFERRED from the GRPO advantage.',
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
        yield RANGE.finding(
            Severity.WARN,
            f"Scores are outside {MIN_SCORE:g} to {MAX_SCORE:g}.",
            measured=measured,
            threshold=f"{MIN_SCORE:g} to {MAX_SCORE:g}",
            fix=RANGE.remedy,
            examples=out_of_range_examples,
        )
    if len(different_scores) == 1:
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
