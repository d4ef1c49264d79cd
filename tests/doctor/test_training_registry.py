"""All training probes together: their order, and what holds for each of them."""

from collections.abc import Sequence

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.probes.registry import TRAINING_PROBES
from simulator.doctor.probes.static.score_scale import ScoreScale
from simulator.doctor.probes.training.registry import TRACE_CHECKS, TraceCheck
from simulator.doctor.training_trace import (
    AS_CONFIGURED,
    HIGHER_RATE,
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


def test_the_catalogue_has_every_training_probe_in_order() -> None:
    """T1 to T14."""
    assert [probe.id for probe, _ in TRAINING_PROBES] == [f"T{number}" for number in range(1, 15)]


@pytest.mark.parametrize(("probe", "rule"), TRACE_CHECKS, ids=[probe.id for probe, _ in TRACE_CHECKS])
def test_every_rule_gives_the_reason_without_simulated_runs(probe: object, rule: TraceCheck) -> None:
    """No run at all: one finding, not measured."""
    assert severities_and_values(rule([])) == [(Severity.SKIPPED, None)]


@pytest.mark.parametrize(("lowest", "highest"), [(-1.0, 0.0), (-1.0, 1.0), (0.0, 100.0), (1.0, 5.0)])
@pytest.mark.parametrize(
    ("rewards", "group", "held_out"),
    [
        pytest.param((0.5, 0.8), RIGHT_AND_WRONG, 0.79, id="sound"),
        pytest.param((0.96, 1.0), BOTH_SCORE, 0.5, id="every attempt scores"),
        pytest.param((0.03, 0.1), PARTIAL_CREDIT, 0.1, id="sparse"),
        pytest.param((0.5, 0.52), RIGHT_AND_WRONG, 0.4, id="no rise"),
    ],
)
def test_findings_do_not_depend_on_the_scale_of_the_reward(
    lowest: float, highest: float, rewards: StartAndEnd, group: Sequence[tuple[float, bool | None]], held_out: float
) -> None:
    """Every rule has the same findings on 0 to 100 or a rubric from 1 to 5, for example, as on 0 to 1."""

    def rescale(score: float) -> float:
        return lowest + (highest - lowest) * score

    def scaled_trace(name: str, ends: StartAndEnd, *, scaled: bool) -> TrainingTrace:
        convert = rescale if scaled else float
        return make_trace(
            name,
            rewards=(convert(ends[0]), convert(ends[1])),
            group=tuple((convert(score), right) for score, right in group),
            held_out=convert(held_out),
            held_out_records=200,
            scale=ScoreScale(lowest=lowest, highest=highest) if scaled else None,
        )

    faster = (rewards[0], min(1.0, rewards[1] + 0.1))
    usual, scaled = (
        [scaled_trace(AS_CONFIGURED, rewards, scaled=is_scaled), scaled_trace(HIGHER_RATE, faster, scaled=is_scaled)]
        for is_scaled in (False, True)
    )
    assert [severities_and_values(rule(scaled)) for _, rule in TRACE_CHECKS] == [
        severities_and_values(rule(usual)) for _, rule in TRACE_CHECKS
    ]
