"""S12 and S18: which scores occur, and whether the components beside them say what they are made of."""

from collections.abc import Iterator
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import scores_of
from simulator.doctor.probe_context import ProbeContext

MIN_SCORE, MAX_SCORE = 0.0, 1.0
"""The scale of the documentation's examples, which its advice and every threshold of this doctor are on."""

BINARY_VALUES: Final = 2
"""So few different scores say right or wrong, and nothing between."""

RANGE: Final = Probe(
    id="S12",
    name="range",
    question="Which scores occur?",
    measured=(
        f"Of all that was asked so far, a score outside {MIN_SCORE:g} to {MAX_SCORE:g} is a warning. Where right answers, "
        "wrong answers and rollouts of the base model all score one and the same value, that is a failure; where they "
        "score two values, that is worth knowing and no more."
    ),
    means=(
        "With one value there is no better and no worse rollout, and nothing is learned. Scores beyond the scale are "
        "allowed, but Amazon's advice (under 0.05 is too sparse, over 0.95 needs no training) is for 0 to 1."
    ),
    remedy="Scale the score to 0 to 1.",
    source='DOCUMENTED: "e.g. 0.0-1.0 or task-defined range". The failure is INFERRED from the GRPO advantage.',
)


def check_range(context: ProbeContext) -> Iterator[Finding]:
    """S12: look at every score so far."""
    ordinary = [
        *context.right_results,
        *context.wrong_results,
        *(answer for group in context.base_results for answer in group),
    ]
    asked = [answer for answers in context.invoker.results_by_label.values() for answer in answers]
    scored = [(answer.score, answer) for answer in asked if answer.score is not None]
    distinct = sorted(set(scores_of(ordinary)))
    if not distinct:
        yield RANGE.not_measured("No ordinary rollout has a score.")
        return
    lowest, highest = min(scored, key=lambda pair: pair[0]), max(scored, key=lambda pair: pair[0])
    unscored = len(asked) - len(scored)
    note = f"; {unscored} of {len(asked)} answers without a score" if unscored else ""
    measured = f"{lowest[0]:g} to {highest[0]:g}{note}"
    extremes = [answer.example() for score, answer in (lowest, highest) if not MIN_SCORE <= score <= MAX_SCORE]
    if extremes:
        yield RANGE.finding(
            Severity.WARN,
            f"Scores lie outside {MIN_SCORE:g} to {MAX_SCORE:g}.",
            measured=measured,
            threshold=f"{MIN_SCORE:g} to {MAX_SCORE:g}",
            fix=RANGE.remedy,
            examples=extremes,
        )
    if len(distinct) == 1:
        yield RANGE.finding(
            Severity.FAIL,
            "Right answers, wrong answers and rollouts of the base model all score the same.",
            measured=f"{distinct[0]:g} always{note}",
            threshold="at least 2 values",
            fix="Make the score depend on the response. Where S3 or S4 fails too, begin there.",
            value=1,
            examples=[
                answer.example()
                for answer in (*context.right_results[:1], *context.wrong_results[:1])
                if answer.score is not None
            ],
        )
    elif len(distinct) == BINARY_VALUES:
        values = " and ".join(f"{score:g}" for score in distinct) + note
        yield RANGE.finding(
            Severity.INFO, "Ordinary rollouts score one of two values.", measured=values, value=BINARY_VALUES
        )
    elif not extremes:
        yield RANGE.ok(
            "Scores differ, and lie on the usual scale.",
            measured=f"{measured}, {len(distinct)} values",
            value=len(distinct),
        )
