"""`rft-sim preview`: print the exact Lambda event of a row and rollout. No function is needed."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from simulator.cli import reward_options
from simulator.cli.exit_codes import exit_with_error
from simulator.cli.files import parse_records, read_file
from simulator.cli.serve_options import SettingChanges
from simulator.settings import Settings

if TYPE_CHECKING:
    from simulator.doctor.preview import Preview
    from simulator.training.training_run import TrainingRun

_ALL_SHAPES: Final = "all"

_DEPLOYED_NAME: Final = "rft-reward-lambda"
"""The name that `rft deploy` gives the folder reward_lambda."""


def preview(
    *,
    data: Annotated[Path, typer.Option(help="The training file.", metavar="FILE")],
    validation: reward_options.Validation = None,
    row: Annotated[
        int | None,
        typer.Option(
            "--row", "--line", help="The line number of the row. Default: print the first call of step 1.", min=1
        ),
    ] = None,
    rollout: Annotated[
        int | None, typer.Option(help="Print only this rollout of the row, counted from 0.", min=0)
    ] = None,
    text: Annotated[str | None, typer.Option(help="A response to send instead of the simulated one.")] = None,
    shape: Annotated[
        str | None,
        typer.Option(
            help="The layout of the event: superset, documented, sample, verbatim (as in the file) or all. "
            "`rft-sim settings` explains the first three. Default: grading.event_shape."
        ),
    ] = None,
    compact: Annotated[bool, typer.Option("--compact", help="Print the exact bytes, one event per line.")] = False,
    model: reward_options.Model = reward_options.DEFAULT_MODEL,
    epochs: reward_options.Epochs = reward_options.DEFAULT_HYPERPARAMETERS.n_epochs,
    batch_size: reward_options.BatchSize = reward_options.DEFAULT_HYPERPARAMETERS.batch_size,
    lr_multiplier: reward_options.LrMultiplier = reward_options.DEFAULT_HYPERPARAMETERS.learning_rate_multiplier,
    function: Annotated[
        str, typer.Option(help="The function's name or ARN. The random draws of a job depend on it.")
    ] = _DEPLOYED_NAME,
    changes: SettingChanges = None,
) -> None:
    """Print the Lambda event that a job would send, as indented JSON. Notes about it are on standard error."""
    settings = reward_options.parse_settings(changes)
    if row is None and (rollout is not None or text is not None):
        exit_with_error("--rollout and --text need --row LINE")
    from simulator.doctor.preview import PreviewError, PreviewShape, preview_first_call, preview_row  # noqa: PLC0415  as above
    from simulator.grading.grader_error import GraderError  # noqa: PLC0415  as above

    shapes = [preview_shape for preview_shape in PreviewShape if shape in (preview_shape, _ALL_SHAPES)]
    if shape is not None and not shapes:
        exit_with_error(f"--shape {shape}: no such shape. The shapes are {', '.join(PreviewShape)} and {_ALL_SHAPES}")
    hyperparameters: dict[str, int | float | str] = {
        "n_epochs": epochs,
        "batch_size": batch_size,
        "learning_rate_multiplier": lr_multiplier,
    }
    run = _prepare_run(
        data, validation, model=model, function=function, settings=settings, hyperparameters=hyperparameters
    )
    grading = settings.grading
    try:
        preview_result = (
            preview_first_call(run, grading=grading)
            if row is None
            else preview_row(run, row, rollout=rollout, text=text, grading=grading)
        )
        for note in preview_result.notes:
            typer.echo(note, err=True)
        if not shapes:
            _print_events(preview_result, preview_result.render_events(grading), "as configured", compact=compact)
        for preview_shape in shapes:
            events = preview_result.render_events(preview_shape.apply_to(grading))
            _print_events(preview_result, events, preview_shape.value, preview_shape.evidence, compact=compact)
    except PreviewError as error:
        exit_with_error(str(error))
    except GraderError as error:
        exit_with_error(error.reason)


def _prepare_run(
    data: Path,
    validation: Path | None,
    *,
    model: str,
    function: str,
    settings: Settings,
    hyperparameters: Mapping[str, int | float | str],
) -> "TrainingRun":
    """Return the run of the job that `rft train` would create, with the same random draws."""
    from simulator.ids import job_seed  # noqa: PLC0415  --help need not wait for it
    from simulator.lambdas.errors import InvalidParameter  # noqa: PLC0415  as above
    from simulator.lambdas.function_reference import parse_function_reference  # noqa: PLC0415  as above
    from simulator.training.training_plan import PlanError  # noqa: PLC0415  as above
    from simulator.training.training_run import prepare_run  # noqa: PLC0415  as above

    content = read_file(data)
    limits = replace(settings.dataset, min_records=1)
    records = parse_records(content, data, limits)
    if len(records) < settings.dataset.min_records:
        typer.echo(f"{data} has {len(records)} records; a job needs at least {settings.dataset.min_records}.", err=True)
    held_out = None
    if validation is not None:
        held_out = parse_records(read_file(validation), validation, settings.validation_dataset)
    try:
        reference = parse_function_reference(function, qualifier=None, account=settings.account, region=settings.region)
        return prepare_run(
            records,
            model=model,
            hyperparameters=replace(
                reward_options.DEFAULT_HYPERPARAMETERS,
                n_epochs=int(hyperparameters["n_epochs"]),
                batch_size=int(hyperparameters["batch_size"]),
                redteam=settings.redteam,
            ),
            seed=job_seed(
                seed=settings.seed,
                model=model,
                training_sha256=hashlib.sha256(content).hexdigest(),
                hyperparameters=hyperparameters,
                function=reference.arn,
            ),
            validation=held_out,
            held_out_choice=settings.held_out,
            answer_path=settings.answer_path,
        )
    except PlanError as error:
        exit_with_error(f"{data}: {error}")
    except InvalidParameter:
        exit_with_error(f"--function {function}: not the name or ARN of a Lambda function")


def _print_events(
    preview_result: "Preview", events: Sequence[bytes], shape: str, evidence: str = "", *, compact: bool
) -> None:
    sizes = ", ".join(f"{len(event):,}" for event in events)
    count = len(preview_result.samples)
    rollouts = f"{count} rollouts" if count > 1 else "1 rollout"
    typer.echo(f"{shape}: {rollouts}, {sizes} bytes. {evidence}".rstrip(), err=True)
    for event in events:
        typer.echo(event if compact else json.dumps(json.loads(event), indent=2))
