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
from simulator.doctor.training_trace import AS_CONFIGURED, TrainingTraces, find_red_team_trace, find_trace

WARN_AGREEMENT: Final = 0.8

FAIL_AGREEMENT: Final = 0.6
"""Shares of pairs in which the right rollout scores higher. Chance gives 0.5."""

MIN_ROLLOUTS: Final = 20
"""The fewest right rollouts, and the fewest wrong ones, that can be compared."""

AGREEMENT: Final = Probe(
    id="T12",
    name="agreement with the truth",
    question="Does a right rollout score higher than a wrong one?",
    measured=(
        "Each pair has one really right and one really wrong rollout. The value is the share of pairs in which the "
        "right one gets the higher score. Equal scores count one half. The pairs come from the red team's run (see "
        "T13), because that run has enough rollouts with any settings. Rollouts that are exploits do not count: T9 and "
        "T13 measure these. With recorded responses, the pairs come from the run itself. Pairs in which both have the "
        "lowest score do not count: S7 and S8 measure right answers in a form that is not accepted. A value below "
        f"{WARN_AGREEMENT} is a warning. A value below {FAIL_AGREEMENT} is a failure. Random scores have a value of "
        f"0.5. {ANSWER_CHECK_NOTE}"
    ),
    means=(
        "Training follows the score. If wrong rollouts get higher scores than right ones, more training makes the "
        "model worse."
    ),
    remedy=(
        "Read the example, find out why the function scores the wrong response like a right one, and compare with the "
        "reference."
    ),
    source=(
        "The area under the ROC curve. Microsoft's azure-skills ask for an agreement of 0.8. INFERRED: which pairs do "
        "not count."
    ),
)


def check_agreement(traces: TrainingTraces) -> Iterator[Finding]:
    """Compare right and wrong rollouts in pairs."""
    configured_trace = find_trace(traces, AS_CONFIGURED)
    trace = (
        configured_trace
        if configured_trace is not None and configured_trace.recorded_kinds
        else find_red_team_trace(traces) or configured_trace
    )
    if trace is None or not trace.rollouts:
        yield AGREEMENT.not_measured((trace.error if trace else "") or NO_TRAINING)
        return
    if not has_known_truth(trace):
        yield AGREEMENT.not_measured(UNKNOWN_TRUTH)
        return
    attempts = [rollout for rollout in trace.rollouts if rollout.exploit is None]
    right = [rollout.reward for rollout in attempts if rollout.correct]
    wrong = [rollout.reward for rollout in attempts if rollout.correct is False]
    if min(len(right), len(wrong)) < MIN_ROLLOUTS:
        yield AGREEMENT.not_measured(f"{len(right)} right and {len(wrong)} wrong rollouts are too few to compare.")
        return
    share = pairwise_accuracy(right, wrong)
    if share is None:
        yield AGREEMENT.not_measured("Every rollout that is not an exploit scores the same.")
        return
    measured = f"{share:.2f}{truth_source_note(trace)}"
    if share >= WARN_AGREEMENT:
        yield AGREEMENT.ok("Right rollouts score higher than wrong ones.", measured=measured, value=share)
        return
    if is_truth_uncertain(trace):
        # A right answer in other words differs from the reference, so no such rollout is called wrong.
        severity, message = Severity.WARN, "Many responses that differ from the reference score like those that agree."
    elif share < FAIL_AGREEMENT:
        severity, message = Severity.FAIL, "The score hardly separates right from wrong answers."
    else:
        severity, message = Severity.WARN, "Many wrong rollouts score like right ones."
    yield AGREEMENT.finding(
        severity,
        message,
        measured=measured,
        threshold=f"at least {FAIL_AGREEMENT if share < FAIL_AGREEMENT else WARN_AGREEMENT}",
        fix=AGREEMENT.remedy,
        value=share,
        examples=highest_reward_example(trace, attempts, right=False),
    )
