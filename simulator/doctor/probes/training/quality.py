"""How much true quality a training run may lose, shared by T4, T5 and T14."""

from typing import Final

from simulator.doctor.probes.training.trace_windows import (
    has_known_truth,
)
from simulator.doctor.training_trace import (
    TrainingTrace,
)

MAX_QUALITY_DROP: Final = 0.03
"""Goodhart (INFERRED): the reward rises by more than the one while true quality falls by more than the other."""


def keeps_quality(course: TrainingTrace) -> bool:
    """Whether a course has kept its quality while its reward rose, as far as that is known."""
    if not has_known_truth(course) or course.before is None or course.after is None:
        return True
    return course.before.quality - course.after.quality <= MAX_QUALITY_DROP
