"""What the plan and the end of the budget leave out of a doctor run."""

from collections.abc import Mapping

from simulator.doctor.plan import Plan
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probes.training.registry import required_variants
from simulator.doctor.training_trace import AS_CONFIGURED, HIGHER_RATE, LOWER_RATE, RED_TEAM, TrainingTrace


class TrainingCutOffError(Exception):
    """The time of the doctor run ended during a simulated run. `traces` are those that are complete."""

    def __init__(self, message: str, *, traces: tuple[TrainingTrace, ...]) -> None:
        super().__init__(message)
        self.traces = traces


def left_out_reasons(context: ProbeContext, only: frozenset[str]) -> Mapping[str, str]:
    """Return why the plan leaves out probes, by their ids. A probe that the user chose is not left out."""
    reason = context.plan.not_measured_reason(context.plan_cause)
    return dict.fromkeys(sorted(context.plan.left_out - only), reason)


def variants_of(plan: Plan) -> frozenset[str]:
    """Return the variants of the planned run that a plan simulates."""
    return frozenset({RED_TEAM, LOWER_RATE, HIGHER_RATE} if plan.simulates_learning_rates else {RED_TEAM})


def required_runs(probe: str, plan: Plan) -> frozenset[str]:
    """Return the names of the simulated runs that a training probe reads, as far as the plan has them."""
    return frozenset({AS_CONFIGURED}) | (required_variants([probe]) & variants_of(plan))
