"""Every training probe with its check, in the order of their ids, and the simulated runs that each check reads."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

from simulator.doctor.finding import Finding, Probe
from simulator.doctor.probes.training.t01_dead_groups import DEAD_GROUPS, check_dead_groups
from simulator.doctor.probes.training.t02_saturated import SATURATED, check_saturated
from simulator.doctor.probes.training.t03_sparse import SPARSE, check_sparse
from simulator.doctor.probes.training.t04_no_learning import NO_LEARNING, check_no_learning
from simulator.doctor.probes.training.t05_reward_vs_quality import REWARD_VS_QUALITY, check_reward_vs_quality
from simulator.doctor.probes.training.t06_length import LENGTH, check_length
from simulator.doctor.probes.training.t07_entropy import ENTROPY, check_entropy
from simulator.doctor.probes.training.t08_held_out_gap import HELD_OUT_GAP, check_held_out_gap
from simulator.doctor.probes.training.t09_exploit_share import EXPLOIT_SHARE, check_exploit_share
from simulator.doctor.probes.training.t10_zero_gradients import ZERO_GRADIENTS, check_zero_gradients
from simulator.doctor.probes.training.t11_invalid_results import INVALID_RESULTS, check_invalid_results
from simulator.doctor.probes.training.t12_agreement import AGREEMENT, check_agreement
from simulator.doctor.probes.training.t13_hackable import HACKABLE, check_hackable
from simulator.doctor.probes.training.t14_learning_rate import LEARNING_RATE, check_learning_rate
from simulator.doctor.training_trace import HIGHER_RATE, LOWER_RATE, RED_TEAM, TrainingTraces

TraceCheck: TypeAlias = Callable[[TrainingTraces], Iterable[Finding]]

TRACE_CHECKS: Final[tuple[tuple[Probe, TraceCheck], ...]] = (
    (DEAD_GROUPS, check_dead_groups),
    (SATURATED, check_saturated),
    (SPARSE, check_sparse),
    (NO_LEARNING, check_no_learning),
    (REWARD_VS_QUALITY, check_reward_vs_quality),
    (LENGTH, check_length),
    (ENTROPY, check_entropy),
    (HELD_OUT_GAP, check_held_out_gap),
    (EXPLOIT_SHARE, check_exploit_share),
    (ZERO_GRADIENTS, check_zero_gradients),
    (INVALID_RESULTS, check_invalid_results),
    (AGREEMENT, check_agreement),
    (HACKABLE, check_hackable),
    (LEARNING_RATE, check_learning_rate),
)

REQUIRED_VARIANTS: Final[Mapping[str, frozenset[str]]] = {
    NO_LEARNING.id: frozenset({RED_TEAM, LOWER_RATE, HIGHER_RATE}),
    REWARD_VS_QUALITY.id: frozenset({LOWER_RATE}),
    EXPLOIT_SHARE.id: frozenset({RED_TEAM}),
    INVALID_RESULTS.id: frozenset({RED_TEAM, LOWER_RATE, HIGHER_RATE}),
    AGREEMENT.id: frozenset({RED_TEAM}),
    HACKABLE.id: frozenset({RED_TEAM}),
    LEARNING_RATE.id: frozenset({LOWER_RATE, HIGHER_RATE}),
}
"""The runs that a check reads besides the run as configured. A check that is not named reads only that run."""


def required_variants(probe_ids: Iterable[str]) -> frozenset[str]:
    """Return the runs that these checks read besides the run as configured."""
    return frozenset().union(*(REQUIRED_VARIANTS.get(probe, frozenset()) for probe in probe_ids))
