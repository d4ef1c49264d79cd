"""The plans of a doctor run: how much it measures.

A smaller plan measures a part of what a larger one measures, on rows that the larger one has too. So the scores of two
plans can be compared where both have them.
"""

from dataclasses import dataclass
from typing import Final

from simulator.doctor.rows import DEFAULT_ROW_COUNT
from simulator.doctor.run_budget import LONG_BUDGET_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a doctor run measures.

    Attributes:
        name: the name, which --plan takes. Reports and golden files hold it.
        rows: the number of rows that the static probes use.
        left_out: the ids of the probes that are not measured.
        training_steps: the most steps of each simulated run. 0 simulates no training.
        simulates_learning_rates: whether the planned run is simulated with two other learning rates too.
        timed_calls: the number of calls that are timed.
        measures_time_growth: whether the time for long responses is measured.
        starts_environments: whether probes may use versions of the function, such as one with another clock.
    """

    name: str
    rows: int
    left_out: frozenset[str] = frozenset()
    training_steps: int
    simulates_learning_rates: bool = False
    timed_calls: int
    measures_time_growth: bool = False
    starts_environments: bool = False

    def not_measured_reason(self, cause: str) -> str:
        """Return why a probe is left out, and how to measure it. `cause` is why this plan was chosen."""
        because = f", because {cause}" if cause else ""
        return (
            f"The plan “{self.name}” leaves it out{because}. `--plan {FULL.name} --budget {LONG_BUDGET_SECONDS:g}` "
            "measures it."
        )


_RATE_PROBES: Final = frozenset({"T4", "T14"})
"""Probes that compare the planned run with other learning rates."""

_TRAINING_PROBES: Final = frozenset(f"T{number}" for number in range(1, 15))
_DETAIL_PROBES: Final = frozenset({"S4", "S7", "S8", "S10", "S11", "S13", "S14", "S16", "S18"})

FULL: Final = Plan(
    name="full",
    rows=DEFAULT_ROW_COUNT,
    training_steps=200,
    simulates_learning_rates=True,
    timed_calls=20,
    measures_time_growth=True,
    starts_environments=True,
)
REDUCED: Final = Plan(name="reduced", rows=16, left_out=_RATE_PROBES, training_steps=100, timed_calls=8)
BRIEF: Final = Plan(name="brief", rows=8, left_out=_TRAINING_PROBES, training_steps=0, timed_calls=4)
MINIMAL: Final = Plan(
    name="minimal", rows=4, left_out=_TRAINING_PROBES | _DETAIL_PROBES, training_steps=0, timed_calls=2
)

PLANS: Final = (FULL, REDUCED, BRIEF, MINIMAL)
"""The plans, the largest first."""

PLAN_NAMES: Final = tuple(plan.name for plan in PLANS)


def find_plan(name: str) -> Plan | None:
    """Return the plan with this name, or None."""
    return next((plan for plan in PLANS if plan.name == name), None)
