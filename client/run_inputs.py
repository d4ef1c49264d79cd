"""What a run is made of: gathered from here and from S3, judged, packed, and not yet sent anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from client.dataset import DatasetIssue, DatasetReport, Row, sample_rows, validate_dataset
from client.deployment import DeploymentPackage, build_package
from client.errors import UsageError
from client.job_polling import DEFAULT_LR_MULTIPLIER, HELD_OUT_DIVISOR, Hyperparameters
from client.sdk_clients import AwsClients
from client.storage import download
from client.terminal import format_count, print_error, print_warning

_FINDINGS_SHOWN = 20
MAX_LR_MULTIPLIER = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """What `rft train` was asked for; `compare_rows` 0 leaves the comparison out."""

    data: str
    validation: str | None
    reward: Path
    model: str
    hyperparameters: Hyperparameters
    output: str
    compare_rows: int
    yes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInputs:
    """What a run is made of, all of it checked and none of it sent yet.

    Attributes:
        held_out: the rows to compare base and tuned on.
        held_out_source: where they are from, in words.
        seen_in_training: True when the held-out rows may have been trained on.
    """

    data: DatasetReport
    validation: DatasetReport | None
    package: DeploymentPackage
    held_out: tuple[Row, ...]
    held_out_source: str
    seen_in_training: bool


def print_issues(issues: Sequence[DatasetIssue], *, path: str, console: Console, as_errors: bool) -> None:
    """The first findings of a file, and how many more there are."""
    for finding in issues[:_FINDINGS_SHOWN]:
        (print_error if as_errors else print_warning)(console, f"{path}, {finding}")
    if len(issues) > _FINDINGS_SHOWN:
        (print_error if as_errors else print_warning)(
            console, f"{path}: {len(issues) - _FINDINGS_SHOWN:,} more like these"
        )


def require_valid_dataset(location: str, path: Path, *, console: Console, min_rows: int | None = None) -> DatasetReport:
    """Check a file and show what is wrong with it.

    Raises:
        Misuse: it has problems.
    """
    verdict = validate_dataset(path) if min_rows is None else validate_dataset(path, min_rows=min_rows)
    print_issues(verdict.problems, path=location, console=console, as_errors=True)
    if not verdict.is_valid:
        raise UsageError(
            f"{location} would be refused for {format_count(len(verdict.problems), 'problem')}.",
            next_step=f"Mend it and look again: rft check {location}",
        )
    return verdict


def load_run_inputs(
    options: TrainOptions, *, aws_clients: AwsClients, download_folder: Path, console: Console
) -> RunInputs:
    """Fetch what lies in S3 into `download_folder`, judge the data, pack the reward function, choose the held-out rows.

    Raises:
        Misuse: any of it is missing or would be refused.
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
    package = build_package(options.reward)
    rows, source, seen = _choose_held_out_rows(
        options, data=data, validation=validation, local=aws_clients.target.config.is_local
    )
    return RunInputs(
        data=data, validation=validation, package=package, held_out=rows, held_out_source=source, seen_in_training=seen
    )


def require_trainable(options: TrainOptions, inputs: RunInputs) -> None:
    """Refuse a plan that cannot become a run.

    Raises:
        Misuse: the learning rate is scaled by no usable number, or there is not one full batch.
    """
    chosen = options.hyperparameters
    scale = chosen.learning_rate_multiplier
    # INFERRED: AWS names no limits; beyond these nothing is learned, or everything is lost.
    if not 0.0 < scale <= MAX_LR_MULTIPLIER:
        raise UsageError(
            f"--lr-multiplier {scale:g} scales the learning rate by no usable number.",
            next_step=f"Give one above 0, up to {MAX_LR_MULTIPLIER:g}; the default is {DEFAULT_LR_MULTIPLIER:g}.",
        )
    if not chosen.step_count(rows=len(inputs.data.rows), has_validation_file=inputs.validation is not None):
        trained = chosen.training_row_count(
            rows=len(inputs.data.rows), has_validation_file=inputs.validation is not None
        )
        raise UsageError(
            f"The run would have no step: a batch of {format_count(chosen.batch_size, 'prompt')} is more than "
            f"the {format_count(trained, 'row')} that it trains on.",
            next_step=f"Give more data, or --batch-size {trained} at most.",
        )


def _choose_held_out_rows(
    options: TrainOptions, *, data: DatasetReport, validation: DatasetReport | None, local: bool
) -> tuple[tuple[Row, ...], str, bool]:
    if validation is not None:
        return sample_rows(validation.rows, size=options.compare_rows), str(options.validation), False
    # INFERRED: a tenth is held out. The simulator takes the file's last; Bedrock does not say which.
    tail = data.rows[len(data.rows) - len(data.rows) // HELD_OUT_DIVISOR :]
    return sample_rows(tail, size=options.compare_rows), f"the last tenth of {options.data}", not local
