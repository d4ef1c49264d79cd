"""T10: do the training steps change the model?"""

from collections.abc import Iterator
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.probes.training.rollout_groups import contrast_examples, group_rollouts, is_dead_group
from simulator.doctor.probes.training.trace_windows import NO_TRAINING
from simulator.doctor.training_trace import AS_CONFIGURED, TrainingTraces, find_trace

MAX_ZERO_GRADIENT_SHARE: Final = 0.5
"""A run of which more steps have a gradient of exactly 0 is mostly a waste."""

ZERO_GRADIENTS: Final = Probe(
    id="T10",
    name="zero gradients",
    question="Do the steps change the model?",
    measured=(
        f"The share of steps whose gradient (actor_grad_norm) is exactly 0. More than {MAX_ZERO_GRADIENT_SHARE:.0%} is a failure."
    ),
    means='All groups of such a step are dead: "loss 0.0, grad_norm 0.0", the commonest question about GRPO.',
    remedy="See T1: rewards must differ within a group.",
    source="verl, TRL #3452 and #3857, ms-swift #4547.",
)


def check_zero_gradients(traces: TrainingTraces) -> Iterator[Finding]:
    """T10: count the steps that changed nothing."""
    course = find_trace(traces, AS_CONFIGURED)
    if course is None or not course.metrics:
        yield ZERO_GRADIENTS.not_measured(course.error if course else NO_TRAINING)
        return
    zero = sum(metrics.actor_grad_norm == 0.0 for metrics in course.metrics)
    share, measured = zero / course.steps, f"{zero} of {course.steps} steps"
    if share <= MAX_ZERO_GRADIENT_SHARE:
        yield ZERO_GRADIENTS.ok("Most steps have something to learn from.", measured=measured, value=share)
        return
    yield ZERO_GRADIENTS.finding(
        Severity.FAIL,
        "In most steps there is nothing to learn: the gradient is exactly 0.",
        measured=measured,
        threshold=f"at most {MAX_ZERO_GRADIENT_SHARE:.0%}",
        fix=ZERO_GRADIENTS.remedy,
        value=share,
        examples=contrast_examples([group for group in group_rollouts(course.rollouts) if is_dead_group(group)]),
    )
