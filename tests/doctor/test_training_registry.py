"""All training probes together: their order, the runs that they read, and reward scales."""

from collections.abc import Sequence

import pytest

from simulator.doctor.finding import Probe, Severity
from simulator.doctor.probes.registry import TRAINING_PROBES
from simulator.doctor.probes.static.score_scale import ScoreScale
from simulator.doctor.probes.training.registry import TRACE_CHECKS, TraceCheck, required_variants
from simulator.doctor.training_trace import (
    AS_CONFIGURED,
    HIGHER_RATE,
    LOWER_RATE,
    RED_TEAM,
    PolicyQuality,
    TrainingTrace,
)
from tests.doctor.training_traces import (
    BOTH_SCORE,
    PARTIAL_CREDIT,
    RIGHT_AND_WRONG,
    StartAndEnd,
    make_trace,
    severities_and_values,
)


def test_the_training_probes_are_t1_to_t14_in_order() -> None:
    """In the registry."""
    assert [probe.id for probe, _ in TRAINING_PROBES] == [f"T{number}" for number in range(1, 15)]


@pytest.mark.parametrize(("probe", "check"), TRACE_CHECKS, ids=[probe.id for probe, _ in TRACE_CHECKS])
def test_without_a_run_no_probe_is_measured(probe: Probe, check: TraceCheck) -> None:
    """It has one finding, which says why."""
    assert {finding.probe for finding in check([])} == {probe.id}
    assert severities_and_values(check([])) == [(Severity.SKIPPED, None)]


@pytest.mark.parametrize(("lowest", "highest"), [(-1.0, 0.0), (-1.0, 1.0), (0.0, 100.0), (1.0, 5.0)])
@pytest.mark.parametrize(
    ("rewards", "group", "held_out"),
    [
        pytest.param((0.5, 0.8), RIGHT_AND_WRONG, 0.79, id="sound"),
        pytest.param((0.96, 1.0), BOTH_SCORE, 0.5, id="every attempt is rewarded"),
        pytest.param((0.03, 0.1), PARTIAL_CREDIT, 0.1, id="sparse"),
        pytest.param((0.5, 0.52), RIGHT_AND_WRONG, 0.4, id="no rise"),
    ],
)
def test_every_check_gives_the_same_findings_on_every_scale(
    lowest: float, highest: float, rewards: StartAndEnd, group: Sequence[tuple[float, bool | None]], held_out: float
) -> None:
    """From -1 to 1, from 0 to 100 and from 1 to 5 they are the same as from 0 to 1."""

    def at(score: float) -> float:
        return lowest + (highest - lowest) * score

    def trace(name: str, ends: StartAndEnd, *, scaled: bool) -> TrainingTrace:
        convert = at if scaled else float
        return make_trace(
            name,
            rewards=(convert(ends[0]), convert(ends[1])),
            group=tuple((convert(score), right) for score, right in group),
            held_out=convert(held_out),
            held_out_records=200,
            scale=ScoreScale(lowest=lowest, highest=highest) if scaled else None,
        )

    faster = (rewards[0], min(1.0, rewards[1] + 0.1))
    unscaled, scaled = (
        [trace(AS_CONFIGURED, rewards, scaled=is_scaled), trace(HIGHER_RATE, faster, scaled=is_scaled)]
        for is_scaled in (False, True)
    )
    assert [severities_and_values(check(scaled)) for _, check in TRACE_CHECKS] == [
        severities_and_values(check(unscaled)) for _, check in TRACE_CHECKS
    ]


DEGRADED = PolicyQuality(quality=0.1, exploit_share=0.9)
FLAT_REWARDS = (0.5, 0.5)

# Each run changes the findings of some check.
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


def findings_with(check: TraceCheck, traces: tuple[TrainingTrace, ...], names: frozenset[str]) -> list[object]:
    """Return the findings of a check on the run as configured and the runs with these names."""
    return list(check([run for run in traces if run.name == AS_CONFIGURED or run.name in names]))


@pytest.mark.parametrize("traces", TRACES_BY_CASE.values(), ids=TRACES_BY_CASE)
@pytest.mark.parametrize(("probe", "check"), TRACE_CHECKS, ids=[probe.id for probe, _ in TRACE_CHECKS])
def test_a_check_does_not_read_runs_that_it_does_not_require(
    probe: Probe, check: TraceCheck, traces: tuple[TrainingTrace, ...]
) -> None:
    """So a selected probe has the same findings as in a full doctor run."""
    assert findings_with(check, traces, required_variants([probe.id])) == findings_with(
        check, traces, frozenset({RED_TEAM, LOWER_RATE, HIGHER_RATE})
    )


def test_a_check_requires_only_runs_that_change_its_findings() -> None:
    """In at least one of the cases above."""
    unnecessary = [
        (probe.id, name)
        for probe, check in TRACE_CHECKS
        for name in sorted(required_variants([probe.id]))
        if all(
            findings_with(check, traces, required_variants([probe.id]))
            == findings_with(check, traces, required_variants([probe.id]) - {name})
            for traces in TRACES_BY_CASE.values()
        )
    ]
    assert unnecessary == []
