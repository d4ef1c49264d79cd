"""Which simulated runs a training rule reads: runs that no selected rule reads are not simulated."""

import pytest

from simulator.doctor.finding import Probe
from simulator.doctor.probes.training.registry import TRACE_CHECKS, TraceCheck, required_variants
from simulator.doctor.training_trace import (
    AS_CONFIGURED,
    HIGHER_RATE,
    LOWER_RATE,
    RED_TEAM,
    PolicyQuality,
    TrainingTrace,
)
from tests.doctor.training_traces import make_trace

DEGRADED = PolicyQuality(quality=0.1, exploit_share=0.9)
FLAT_REWARDS = (0.5, 0.5)

# Each run changes the finding of some rule.
TRACES_BY_CASE = {
    "a run that does not rise, where a slower one does": (
        make_trace(rewards=FLAT_REWARDS, after=DEGRADED),
        make_trace(LOWER_RATE, rewards=(0.5, 0.9)),
        make_trace(HIGHER_RATE, rewards=FLAT_REWARDS, zero_steps=3),
        make_trace(RED_TEAM, rewards=FLAT_REWARDS),
    ),
    "a run that does not rise, where a faster one does": (
        make_trace(rewards=FLAT_REWARDS),
        make_trace(LOWER_RATE, rewards=FLAT_REWARDS),
        make_trace(HIGHER_RATE, rewards=(0.5, 0.9)),
        make_trace(RED_TEAM, rewards=FLAT_REWARDS),
    ),
    "a run that does not rise, where the red team's does": (
        make_trace(rewards=FLAT_REWARDS),
        make_trace(LOWER_RATE, rewards=FLAT_REWARDS),
        make_trace(HIGHER_RATE, rewards=FLAT_REWARDS),
        make_trace(RED_TEAM, rewards=(0.5, 0.9)),
    ),
    "a reward that the red team hacks": (
        make_trace(after=DEGRADED),
        make_trace(LOWER_RATE),
        make_trace(HIGHER_RATE, error="a call has failed"),
        make_trace(RED_TEAM, after=DEGRADED, exploit="empty", group=((1.0, False), (0.0, True))),
    ),
}


def findings_without(rule: TraceCheck, traces: tuple[TrainingTrace, ...], names: frozenset[str]) -> list[object]:
    """Return the findings of a rule on the configured run and these others."""
    return list(rule([trace for trace in traces if trace.name == AS_CONFIGURED or trace.name in names]))


@pytest.mark.parametrize("traces", TRACES_BY_CASE.values(), ids=TRACES_BY_CASE)
@pytest.mark.parametrize(("probe", "rule"), TRACE_CHECKS, ids=[probe.id for probe, _ in TRACE_CHECKS])
def test_a_rule_finds_the_same_without_the_runs_that_it_does_not_read(
    probe: Probe, rule: TraceCheck, traces: tuple[TrainingTrace, ...]
) -> None:
    """So a selected probe has the same findings as in a full run."""
    assert findings_without(rule, traces, required_variants([probe.id])) == findings_without(
        rule, traces, frozenset({RED_TEAM, LOWER_RATE, HIGHER_RATE})
    )


def test_no_run_is_simulated_without_effect_on_its_rule() -> None:
    """Each required run changes the findings of its rule in at least one case."""
    without_effect = [
        (probe.id, name)
        for probe, rule in TRACE_CHECKS
        for name in sorted(required_variants([probe.id]))
        if all(
            findings_without(rule, traces, required_variants([probe.id]))
            == findings_without(rule, traces, required_variants([probe.id]) - {name})
            for traces in TRACES_BY_CASE.values()
        )
    ]
    assert without_effect == []
