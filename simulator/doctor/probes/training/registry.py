"""Every training probe with the rule that answers it from the rehearsed runs, in the order of their numbers."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

from simulator.doctor.finding import Finding, Probe
from simulator.doctor.probes.training import t01_dead_groups as dead_groups
from simulator.doctor.probes.training import t02_saturated as level
from simulator.doctor.probes.training import t04_no_learning as gain
from simulator.doctor.probes.training import t05_reward_vs_quality as honesty
from simulator.doctor.probes.training import t06_length as drift
from simulator.doctor.training_trace import FASTER, REDTEAM, SLOWER, Courses

Rule: TypeAlias = Callable[[Courses], Iterable[Finding]]

RULES: Final[tuple[tuple[Probe, Rule], ...]] = (
    (dead_groups.DEAD_GROUPS, dead_groups.dead_groups),
    (level.SATURATED, level.saturated),
    (level.SPARSE, level.sparse),
    (gain.LEARNING, gain.learning),
    (honesty.GOODHART, honesty.goodhart),
    (drift.LENGTH, drift.length),
    (drift.ENTROPY, drift.entropy),
    (drift.MEMORY, drift.memory),
    (honesty.EXPLOIT_SHARE, honesty.exploit_share),
    (dead_groups.ZERO_GRADIENTS, dead_groups.zero_gradients),
    (dead_groups.RESULTS, dead_groups.results),
    (honesty.AGREEMENT, honesty.agreement),
    (honesty.HACKABLE, honesty.hackable),
    (gain.LEARNING_RATE, gain.learning_rate),
)

READS: Final[Mapping[str, frozenset[str]]] = {
    gain.LEARNING.id: frozenset({REDTEAM, SLOWER, FASTER}),
    honesty.GOODHART.id: frozenset({SLOWER}),
    honesty.EXPLOIT_SHARE.id: frozenset({REDTEAM}),
    dead_groups.RESULTS.id: frozenset({REDTEAM, SLOWER, FASTER}),
    honesty.AGREEMENT.id: frozenset({REDTEAM}),
    honesty.HACKABLE.id: frozenset({REDTEAM}),
    gain.LEARNING_RATE.id: frozenset({SLOWER, FASTER}),
}
"""The runs that a rule looks at besides the one as it is; those that are not named look at that one alone."""


def read_by(probes: Iterable[str]) -> frozenset[str]:
    """Return which runs these rules look at, by their ids, besides the one as it is."""
    return frozenset().union(*(READS.get(probe, frozenset()) for probe in probes))
