"""T12: does a right rollout score higher than a wrong one?"""

from collections.abc import Iterator
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.probes.training.trace_windows import (
    ANSWER_CHECK_NOTE,
    NO_TRAINING,
    UNKNOWN_TRUTH,
    has_known_truth,
    highest_reward_example,
    is_truth_uncertain,
    truth_source_note,
)
from simulator.doctor.score_statistics import pairwise_accuracy
from simulator.doctor.training_trace import (
    AS_CONFIGURED,
    TrainingTraces,
    find_red_team_trace,
    find_trace,
)

WARN_AGREEMENT: Final = 0.8

FAIL_AGREEMENT: Final = 0.6
"""Share of pairs in which the right one is ahead; by chance it is a half."""

MIN_ROLLOUTS: Final = 20
"""Right ones, and wrong ones, that it takes to compare them."""

AGREEMENT: Final = Probe(
    id="T12",
    name="agreement with the truth",
    question="Does a right rollout score higher than a wrong one?",
    measured=(
        "Over all pairs of a really right and a really wrong rollout: the share in which the right one scores higher, "
        "a tie counting one half. They are those of the red team's run, which is long enough whatever the settings "
        "are, without its exploits (T9 and T13 look at these); or those of the run itself where they are recorded. "
        "Pairs in which both have the lowest score are left out: "
        f"a right answer in a form that is not accepted is S7's and S8's matter. Below {WARN_AGREEMENT} is a warning, below "
        f"{FAIL_AGREEMENT} a failure; 0.5 is chance. {ANSWER_CHECK_NOTE}"
    ),
    means="Training follows the score. Where it does not follow what is right, more training makes the model worse.",
    remedy="Look at the exhibit: find why the wrong one is not told from a right one, and compare with the reference.",
    source=(
        "The area under the ROC curve. Microsoft's azure-skills ask for an agreement of .8. What is left out: INFERRED."
    ),
)


def check_agreement(traces: TrainingTraces) -> Iterator[Finding]:
    """T12: compare right and wrong rollouts pair by pair."""
    usual = find_trace(traces, AS_CONFIGURED)
    course = usual if usual is not None and usual.recorded_kinds else find_red_team_trace(traces) or usual
    if course is None or not course.rollouts:
        yield AGREEMENT.not_measured((course.error if course else "") or NO_TRAINING)
        return
    if not has_known_truth(course):
        yield AGREEMENT.not_measured(UNKNOWN_TRUTH)
        return
    tried = [scored for scored in course.rollouts if scored.exploit is None]
    right = [scored.reward for scored in tried if scored.correct]
    wrong = [scored.reward for scored in tried if scored.correct is False]
    if min(len(right), len(wrong)) < MIN_ROLLOUTS:
        yield AGREEMENT.not_measured(f"{len(right)} right and {len(wrong)} wrong rollouts are too few to compare.")
        return
    share = pairwise_accuracy(right, wrong)
    if share is None:
        yield AGREEMENT.not_measured("Every rollout that tries scores the same.")
        return
    measured = f"{share:.2f}{truth_source_note(course)}"
    if share >= WARN_AGREEMENT:
        yield AGREEMENT.ok("Right rollouts score higher than wrong ones.", measured=measured, value=share)
        return
    yield AGREEMENT.finding(
        Severity.FAIL if share < FAIL_AGREEMENT and not is_truth_uncertain(course) else Severity.WARN,
        "The score hardly tells right from wrong."
        if share < FAIL_AGREEMENT
        else "Many wrong rollouts score like right ones.",
        measured=measured,
        threshold=f"at least {FAIL_AGREEMENT if share < FAIL_AGREEMENT else WARN_AGREEMENT}",
        fix=AGREEMENT.remedy,
        value=share,
        examples=highest_reward_example(tried, right=False),
    )
