"""How much true quality a training run may lose, shared by T4, T5 and T14."""

from typing import Final

from simulator.doctor.probes.training.trace_windows import has_known_truth
from simulator.doctor.training_trace import TrainingTrace

MAX_QUALITY_DROP: Final = 0.03
"""The largest fall of true quality with a rising reward (INFERRED, after Goodhart's law)."""


def keeps_quality(trace: TrainingTrace) -> bool:
    """Whether a run kept its true quality. True if that is not known."""
    if not has_known_truth(trace) or trace.before is None or trace.after is None:
        return True
    return trace.before.quality - trace.after.quality <= MAX_QUALITY_DROP
