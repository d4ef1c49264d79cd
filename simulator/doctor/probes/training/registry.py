"""Every training probe with the rule that answers it from the rehearsed runs, in the order of their numbers."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

from simulator.doctor.finding import Finding, Probe
from simulator.doctor.probes.training import t01_dead_groups as dead_groups
from simulator.doctor.probes.training import t02_saturated as level
from simulator.doctor.probes.training import t04_no_learning as gain
from simulator.doctor.probes.training import t05_reward_vs_quality as honesty
from simulator.doctor.probes.training import t06_length as drift
from simulator.doctor.training_trace import HIGHER_RATE, LOWER_RATE, RED_TEAM, TrainingTraces

TraceCheck: TypeAlias = Callable[[TrainingTraces], Iterable[Finding]]

TRACE_CHECKS: Final[tuple[tuple[Probe, TraceCheck], ...]] = (
    (dead_groups.DEAD_GROUPS, dead_groups.check_dead_groups),
    (level.SATURATED, level.check_saturated),
    (level.SPARSE, level.check_sparse),
    (gain.NO_LEARNING, gain.check_no_learning),
    (honesty.REWARD_VS_QUALITY, honesty.check_reward_vs_quality),
    (drift.LENGTH, drift.check_length),
    (drift.ENTROPY, drift.check_entropy),
    (drift.HELD_OUT_GAP, drift.check_held_out_gap),
    (honesty.EXPLOIT_SHARE, honesty.check_exploit_share),
    (dead_groups.ZERO_GRADIENTS, dead_groups.check_zero_gradients),
    (dead_groups.INVALID_RESULTS, dead_groups.check_invalid_results),
    (honesty.AGREEMENT, honesty.check_agreement),
    (honesty.HACKABLE, honesty.check_hackable),
    (gain.LEARNING_RATE, gain.check_learning_rate),
)

REQUIRED_VARIANTS: Final[Mapping[str, frozenset[str]]] = {
    gain.NO_LEARNING.id: frozenset({RED_TEAM, LOWER_RATE, HIGHER_RATE}),
    honesty.REWARD_VS_QUALITY.id: frozenset({LOWER_RATE}),
    honesty.EXPLOIT_SHARE.id: frozenset({RED_TEAM}),
    dead_groups.INVALID_RESULTS.id: frozenset({RED_TEAM, LOWER_RATE, HIGHER_RATE}),
    honesty.AGREEMENT.id: frozenset({RED_TEAM}),
    honesty.HACKABLE.id: frozenset({RED_TEAM}),
    gain.LEARNING_RATE.id: frozenset({LOWER_RATE, HIGHER_RATE}),
}
"""The runs that a rule looks at besides the one as it is; those that are not named look at that one alone."""


def required_variants(probe_ids: Iterable[str]) -> frozenset[str]:
    """Return which runs these rules look at, by their ids, besides the one as it is."""
    return frozenset().union(*(REQUIRED_VARIANTS.get(probe, frozenset()) for probe in probe_ids))
