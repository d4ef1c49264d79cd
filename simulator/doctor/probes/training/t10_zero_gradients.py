"""T10: do the training steps change the model?"""

from collections.abc import Iterator, Sequence
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.probes.training.rollout_groups import contrast_examples, group_rollouts, is_dead_group
from simulator.doctor.probes.training.t04_no_learning import MIN_GAIN, NEAR_MAXIMUM_SHARE
from simulator.doctor.probes.training.trace_windows import MIN_STEPS, NO_TRAINING, reward_means
from simulator.doctor.training_trace import AS_CONFIGURED, TrainingTrace, TrainingTraces, find_trace
from simulator.training.convergence import WINDOW_STEPS

MAX_DEAD_STEP_SHARE: Final = 0.5
"""The largest share of steps in which all groups are dead. A run with more is mostly wasted."""

ZERO_GRADIENTS: Final = Probe(
    id="T10",
    name="zero gradients",
    question="Do the training steps change the model?",
    measured=(
        "The share of steps in which all groups are dead: the rewards within each group are equal. More than "
        f"{MAX_DEAD_STEP_SHARE:.0%} is a failure. It is for your information if the reward rose first, or was high "
        "from the start: then the model can do the task."
    ),
    means=(
        "In such a step the model learns nothing. Many questions about GRPO are about this log line: "
        '"loss 0.0, grad_norm 0.0". The gradient norm is often not exactly 0: the KL penalty pulls the model back, and '
        "the rounding of equal rewards such as 0.9 leaves small advantages, as in verl."
    ),
    remedy="See T1: rewards must differ within a group.",
    source="verl, TRL #3452 and #3857, ms-swift #4547.",
)


def check_zero_gradients(traces: TrainingTraces) -> Iterator[Finding]:
    """Count the steps that taught the model nothing."""
    trace = find_trace(traces, AS_CONFIGURED)
    if trace is None or not trace.metrics:
        yield ZERO_GRADIENTS.not_measured(trace.error if trace else NO_TRAINING)
        return
    dead = [truth.dead_groups == 1.0 for truth in trace.truths]
    share, measured = sum(dead) / trace.steps, f"{sum(dead)} of {trace.steps} steps"
    if share <= MAX_DEAD_STEP_SHARE:
        yield ZERO_GRADIENTS.ok("Most steps change the model.", measured=measured, value=share)
        return
    if _can_do_the_task(trace, dead):
        yield ZERO_GRADIENTS.finding(
            Severity.INFO,
            "In most steps nothing was left to learn: the model earns the reward.",
            measured=measured,
            threshold=f"at most {MAX_DEAD_STEP_SHARE:.0%}",
            fix="Fewer epochs, or harder prompts.",
            value=share,
        )
        return
    yield ZERO_GRADIENTS.finding(
        Severity.FAIL,
        "Most steps do not change the model: all rewards within a group are equal.",
        measured=measured,
        threshold=f"at most {MAX_DEAD_STEP_SHARE:.0%}",
        fix=ZERO_GRADIENTS.remedy,
        value=share,
        examples=contrast_examples(trace, [group for group in group_rollouts(trace.rollouts) if is_dead_group(group)]),
    )


def _can_do_the_task(trace: TrainingTrace, dead: Sequence[bool]) -> bool:
    """Whether the first steps were not dead and the reward rose, or the base model could do nearly all of the task."""
    reward = reward_means(trace)
    if reward.first >= NEAR_MAXIMUM_SHARE:
        return not all(dead)
    return (
        trace.steps >= MIN_STEPS
        and reward.gain >= MIN_GAIN
        and sum(dead[:WINDOW_STEPS]) <= MAX_DEAD_STEP_SHARE * WINDOW_STEPS
    )
