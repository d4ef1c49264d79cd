"""The inputs of a training run: data, reward function and held-out rows, checked but not yet uploaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from client.code_bucket import CodeBucket, find_code_bucket
from client.dataset import DatasetReport, Row, sample_rows
from client.dataset_issues import require_valid_dataset
from client.errors import UsageError
from client.job_spec import DEFAULT_LR_MULTIPLIER, HELD_OUT_DIVISOR
from client.reward import Reward, load_reward
from client.sdk_clients import AwsClients
from client.storage import download
from client.terminal import format_count
from client.train_options import TrainOptions

MAX_LR_MULTIPLIER = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInputs:
    """The inputs of a run, checked and not yet uploaded.

    Attributes:
        code_bucket: the bucket for a zip that is too large for a request.
        held_out: the rows to compare base and tuned on.
        held_out_source: where they come from, as text.
        may_overlap_training: True when the model may have been trained on these rows.
    """

    data: DatasetReport
    validation: DatasetReport | None
    reward: Reward
    code_bucket: CodeBucket | None
    held_out: tuple[Row, ...]
    held_out_source: str
    may_overlap_training: bool


def load_run_inputs(
    options: TrainOptions, *, aws_clients: AwsClients, download_folder: Path, console: Console
) -> RunInputs:
    """Download from S3 into `download_folder`, validate the data, load the reward function, choose the held-out rows.

    Raises:
        UsageError: a file is missing or invalid, or the reward function is not one.
    """
    path = download(options.data, folder=download_folder, s3_factory=lambda: aws_clients.s3)
    data = require_valid_dataset(options.data, path, console=console)
    validation = None
    if options.validation is not None:
        (download_folder / "validation").mkdir()
        validation_path = download(
            options.validation, folder=download_folder / "validation", s3_factory=lambda: aws_clients.s3
        )
        # INFERRED: the minimum of 100 is documented for training; a validation file may be smaller.
        validation = require_valid_dataset(options.validation, validation_path, console=console, min_rows=1)
    reward = load_reward(
        options.reward,
        options.function,
        region=aws_clients.target.region,
        lambda_client_factory=lambda: aws_clients.lambda_client,
        cache_folder=options.cache_folder,
        console=console,
    )
    rows, source, may_overlap = _choose_held_out_rows(
        options, data=data, validation=validation, is_local=aws_clients.target.config.is_local
    )
    return RunInputs(
        data=data,
        validation=validation,
        reward=reward,
        code_bucket=find_code_bucket(reward, options.function, aws_clients=aws_clients),
        held_out=rows,
        held_out_source=source,
        may_overlap_training=may_overlap,
    )


def require_trainable(options: TrainOptions, inputs: RunInputs) -> None:
    """Refuse options that cannot be trained with.

    Raises:
        UsageError: the learning rate multiplier is out of range, or the data does not fill one batch.
    """
    hyperparameters = options.hyperparameters
    multiplier = hyperparameters.learning_rate_multiplier
    # INFERRED: AWS documents no limits; outside these the model learns nothing or its weights diverge.
    if not 0.0 < multiplier <= MAX_LR_MULTIPLIER:
        raise UsageError(
            f"--lr-multiplier {multiplier:g} is out of range.",
            next_step=f"Give a number above 0, up to {MAX_LR_MULTIPLIER:g}; the default is {DEFAULT_LR_MULTIPLIER:g}.",
        )
    if not hyperparameters.step_count(rows=len(inputs.data.rows), has_validation_file=inputs.validation is not None):
        row_count = hyperparameters.training_row_count(
            rows=len(inputs.data.rows), has_validation_file=inputs.validation is not None
        )
        raise UsageError(
            f"The run would have no step: a batch of {format_count(hyperparameters.batch_size, 'prompt')} is more than "
            f"the {format_count(row_count, 'row')} that it trains on.",
            next_step=f"Give more data, or --batch-size {row_count} at most.",
        )


def _choose_held_out_rows(
    options: TrainOptions, *, data: DatasetReport, validation: DatasetReport | None, is_local: bool
) -> tuple[tuple[Row, ...], str, bool]:
    if validation is not None:
        return sample_rows(validation.rows, size=options.compare_rows), str(options.validation), False
    # INFERRED: a tenth is held out. The simulator holds out the last rows; Bedrock does not document which.
    last_tenth = data.rows[len(data.rows) - len(data.rows) // HELD_OUT_DIVISOR :]
    return sample_rows(last_tenth, size=options.compare_rows), f"the last tenth of {options.data}", not is_local
