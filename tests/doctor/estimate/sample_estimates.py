"""Estimates of runs on prepared records."""

from simulator.doctor.estimate.calculation import Estimate
from simulator.doctor.estimate.measurement import CallMeasurement
from simulator.doctor.estimate.run_estimate import EstimateReport, FunctionProfile, estimate_run
from simulator.settings import Settings
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters

# Round numbers, so that the estimate can be calculated by hand.
ROUND_VALUES = (
    *("response_tokens=100", "memory_mb=1024", "call_seconds_low=1", "call_seconds_high=2", "log_bytes_per_call=1000"),
    *("start_seconds_low=100", "start_seconds_high=200", "step_seconds_low=10", "step_seconds_high=20"),
    *("tokens_per_second_low=100", "tokens_per_second_high=1000", "lambda_usd_per_gb_second=0.5"),
    *("lambda_usd_per_million_calls=1000000", "log_usd_per_gb=1000", "training_usd_per_hour=36"),
)

MEASUREMENT = CallMeasurement(
    median_seconds=0.0101,
    p95_seconds=0.0204,
    log_bytes=700.4,
    peak_memory_mb=40,
    is_remote=False,
    calls=20,
    seconds=0.2,
)


def sample_estimate(
    records: tuple[Record, ...],
    *assignments: str,
    batch_size: int = 4,
    validation: tuple[Record, ...] | None = None,
    function: FunctionProfile | None = None,
    settings: Settings | None = None,
) -> EstimateReport:
    """Estimate a run on these records."""
    return estimate_run(
        records,
        validation,
        data="train.jsonl",
        model="openai.gpt-oss-20b",
        run=Hyperparameters(batch_size=batch_size),
        settings=settings or Settings(),
        function=function or FunctionProfile(),
        assignments=assignments,
    )


def numbers_of(result: EstimateReport) -> Estimate:
    """Return the estimate of a run that has steps."""
    assert result.estimate is not None
    return result.estimate
