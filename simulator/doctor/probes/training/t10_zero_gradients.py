"""T10: do the training steps change the model?"""

from collections.abc import Iterator
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.probes.training.rollout_groups import contrast_examples, group_rollouts, is_dead_group
from simulator.doctor.probes.training.trace_windows import NO_TRAINING
from simulator.doctor.training_trace import AS_CONFIGURED, TrainingTraces, find_trace

MAX_ZERO_GRADIENT_SHARE: Final = 0.5
"""The largest share of steps with a gradient of exactly 0. A run with more is mostly wasted."""

ZERO_GRADIENTS: Final = Probe(
    id="T10",
    name="zero gradients",
    question="Do the training steps change the model?",
    measured=(
        "The share of steps whose gradient norm (actor_grad_norm) is exactly 0. More than "
        f"{MAX_ZERO_GRADIENT_SHARE:.0%} is a failure."
    ),
    means=(
        "In a step with a gradient of zero, all groups are dead and the model does not change. Many questions about "
        'GRPO are about this log line: "loss 0.0, grad_norm 0.0".'
    ),
    remedy="See T1: rewards must differ within a group.",
    source="verl, TRL #3452 and #3857, ms-swift #4547.",
)


def check_zero_gradients(traces: TrainingTraces) -> Iterator[Finding]:
    """Count the steps that changed nothing."""
    trace = find_trace(traces, AS_CONFIGURED)
    if trace is None or not trace.metrics:
        yield ZERO_GRADIENTS.not_measured(trace.error if trace else NO_TRAINING)
        return
    zero_steps = sum(metrics.actor_grad_norm == 0.0 for metrics in trace.metrics)
    share, measured = zero_steps / trace.steps, f"{zero_steps} of {trace.steps} steps"
    if share <= MAX_ZERO_GRADIENT_SHARE:
        yield ZERO_GRADIENTS.ok("Most steps change the model.", measured=measured, value=share)
        return
    yield ZERO_GRADIENTS.finding(
        Severity.FAIL,
        "Most steps do not change the model: the gradient is exactly 0.",
        measured=measured,
        threshold=f"at most {MAX_ZERO_GRADIENT_SHARE:.0%}",
        fix=ZERO_GRADIENTS.remedy,
        value=share,
        examples=contrast_examples([group for group in group_rollouts(trace.rollouts) if is_dead_group(group)]),
    )
