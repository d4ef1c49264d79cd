"""The estimate of a run, from the data to the numbers."""

from dataclasses import replace

import pytest

from simulator.doctor.estimate.calculation import Estimate, Range
from simulator.settings import GradingSettings, Settings
from simulator.training.dataset import Record
from tests.doctor.estimate.sample_estimates import ROUND_VALUES, numbers_of, sample_estimate


def test_the_estimate_follows_from_the_assumptions(sums: tuple[Record, ...]) -> None:
    """67 steps of 4 prompts with 8 rollouts each, and 5 evaluations of 30 records: 268 and 20 calls of 8 rollouts."""
    assert sample_estimate(sums, *ROUND_VALUES).estimate == Estimate(
        steps=67,
        steps_per_epoch=67,
        checkpoints=4,
        evaluations=5,
        rollouts=2_144,
        held_out_rollouts=150,
        calls=268,
        held_out_calls=20,
        peak_concurrency=4,
        tokens=229_400.0,
        gb_seconds=Range(low=288.0, high=576.0),
        lambda_usd=Range(low=144.0 + 288.0, high=288.0 + 288.0),
        log_bytes=288_000.0,
        log_usd=288_000 / 1e9 * 1_000,
        # The start, the steps, the tokens, and 72 steps or evaluations with concurrent calls.
        wall_seconds=Range(low=100 + 670 + 229.4 + 72, high=200 + 1_340 + 2_294 + 144),
        training_usd=Range(low=(100 + 670 + 229.4 + 72) / 3600 * 36, high=3_978 / 3600 * 36),
    )


def test_calls_over_the_concurrency_limit_wait(sums: tuple[Record, ...]) -> None:
    """With two at once, the four calls of a step take twice as long."""
    estimate = numbers_of(sample_estimate(sums, *ROUND_VALUES, "concurrent_calls=2"))
    assert (estimate.peak_concurrency, estimate.wall_seconds.low) == (2, 100 + 670 + 229.4 + 144)


def test_a_validation_file_replaces_the_held_out_tenth(sums: tuple[Record, ...]) -> None:
    """All records are training records, and each evaluation scores the whole validation file."""
    result = sample_estimate(sums[:200], validation=sums)
    assert (numbers_of(result).steps, numbers_of(result).held_out_rollouts) == (50, 4 * 300)
    assert "held_out_share" not in result.assumptions


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("rollouts_per_prompt=16", (67, 4_288, 536, 20, 8)),
        ("rollouts_per_call=32", (67, 2_144, 67, 5, 1)),
        ("held_out_share=0.5", (37, 1_184, 148, 3 * 19, 19)),
        ("evaluations=1", (67, 2_144, 268, 4, 4)),
        ("rollouts_per_held_out_record=2", (67, 2_144, 268, 40, 8)),
    ],
)
def test_a_given_assumption_changes_the_estimate(
    sums: tuple[Record, ...], assignment: str, expected: tuple[int, ...]
) -> None:
    """Its basis is GIVEN."""
    result = sample_estimate(sums, assignment)
    estimate = numbers_of(result)
    assert (
        estimate.steps,
        estimate.rollouts,
        estimate.calls,
        estimate.held_out_calls,
        estimate.peak_concurrency,
    ) == expected
    given = [assumption.name for assumption in result.assumptions.values() if assumption.basis == "GIVEN"]
    assert given == [assignment.partition("=")[0]]


def test_settings_change_the_default_assumptions(sums: tuple[Record, ...]) -> None:
    """The estimate assumes what the simulator does."""
    settings = replace(Settings(), grading=GradingSettings(rollouts_per_call=16))
    assert numbers_of(sample_estimate(sums, settings=settings)).calls == 134


def test_the_cost_of_training_is_unknown_without_a_price(sums: tuple[Record, ...]) -> None:
    """The price is not published."""
    assert numbers_of(sample_estimate(sums)).training_usd is None


def test_a_run_without_steps_has_no_estimate(sums: tuple[Record, ...]) -> None:
    """The batch is larger than the number of training records. The findings say so."""
    result = sample_estimate(sums, batch_size=300)
    assert (result.estimate, [finding.probe for finding in result.findings if finding.severity == "fail"]) == (
        None,
        ["E2"],
    )
