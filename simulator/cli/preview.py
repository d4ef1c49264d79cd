"""`rft-sim preview`: the exact Lambda event of any row and rollout, before there is a function to send it to."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from simulator.cli import reward_options as given
from simulator.cli.server_options import exit_with_error
from simulator.settings import Settings

if TYPE_CHECKING:
    from simulator.doctor.preview import Preview
    from simulator.training.training_run import TrainingRun

_ALL: Final = "all"
_DEPLOYED: Final = "rft-reward-lambda"  # what `rft deploy` makes of the folder reward_lambda


def preview(
    *,
    data: Annotated[Path, typer.Option(help="The training file.", metavar="FILE")],
    validation: given.Validation = None,
    row: Annotated[
        int | None,
        typer.Option("--row", "--line", help="The row on this line; by default the first call of step 1.", min=1),
    ] = None,
    rollout: Annotated[int | None, typer.Option(help="One rollout of the row, from 0.", min=0)] = None,
    text: Annotated[str | None, typer.Option(help="A response in place of the simulated one.")] = None,
    shape: Annotated[
        str | None,
        typer.Option(help="superset, documented, sample, verbatim or all; by default the configured one."),
    ] = None,
    compact: Annotated[bool, typer.Option("--compact", help="The very bytes, one event a line.")] = False,
    model: given.Model = given.DEFAULT_MODEL,
    epochs: given.Epochs = given.DEFAULT_HYPERPARAMETERS.n_epochs,
    batch_size: given.BatchSize = given.DEFAULT_HYPERPARAMETERS.batch_size,
    lr_multiplier: given.LrMultiplier = given.DEFAULT_HYPERPARAMETERS.learning_rate_multiplier,
    function: Annotated[
        str, typer.Option(help="The function's name or ARN: a job's draws depend on it, and not on its code.")
    ] = _DEPLOYED,
    changes: given.SettingChanges = None,
) -> None:
    """Print the Lambda event that a job would send, as indented JSON. What to know about it is on standard error."""
    settings = given.parse_settings(changes)
    if row is None and (rollout is not None or text is not None):
        exit_with_error("--rollout and --text are about a row: --row LINE")
    from simulator.doctor.preview import PreviewError, PreviewShape, preview_first_call, preview_row  # noqa: PLC0415  as above
    from simulator.grading.lambda_response import GraderError  # noqa: PLC0415  as above

    shapes = list(PreviewShape) if shape == _ALL else [known for known in PreviewShape if known == shape]
    if shape is not None and not shapes:
        exit_with_error(f"--shape {shape}: there are {', '.join(PreviewShape)} and {_ALL}")
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
        found = (
            preview_first_call(run, grading=grading)
            if row is None
            else preview_row(run, row, rollout=rollout, text=text, grading=grading)
        )
        for note in found.notes:
            typer.echo(note, err=True)
        if not shapes:
            _print(found, found.render_events(grading), "as configured", compact=compact)
        for known in shapes:
            _print(found, found.render_events(known.apply_to(grading)), known.value, known.evidence, compact=compact)
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
    """Make ready the job that `rft train` would create with these, so that its draws are the same."""
    from simulator.ids import job_seed  # noqa: PLC0415  --help need not wait for it
    from simulator.lambdas.errors import InvalidParameter  # noqa: PLC0415  as above
    from simulator.lambdas.function_reference import parse_function_reference  # noqa: PLC0415  as above
    from simulator.training.training_plan import PlanError  # noqa: PLC0415  as above
    from simulator.training.training_run import prepare_run  # noqa: PLC0415  as above

    content = given.read_file(data)
    few = replace(settings.dataset, min_records=1)
    records = given.parse_records(content, data, few)
    if len(records) < settings.dataset.min_records:
        typer.echo(
            f"{data} holds {len(records)} records; a job wants {settings.dataset.min_records} at least.", err=True
        )
    held_out = None
    if validation is not None:
        held_out = given.parse_records(given.read_file(validation), validation, settings.validation_dataset)
    try:
        named = parse_function_reference(function, qualifier=None, account=settings.account, region=settings.region)
        return prepare_run(
            records,
            model=model,
            hyperparameters=replace(
                given.DEFAULT_HYPERPARAMETERS,
                n_epochs=int(hyperparameters["n_epochs"]),
                batch_size=int(hyperparameters["batch_size"]),
                redteam=settings.redteam,
            ),
            seed=job_seed(
                seed=settings.seed,
                model=model,
                training_sha256=hashlib.sha256(content).hexdigest(),
                hyperparameters=hyperparameters,
                function=named.arn,
            ),
            validation=held_out,
            held_out_choice=settings.held_out,
            answer_path=settings.answer_path,
        )
    except PlanError as error:
        exit_with_error(f"{data}: {error}")
    except InvalidParameter:
        exit_with_error(f"--function {function}: that is no Lambda function's name or ARN")


def _print(found: "Preview", events: Sequence[bytes], shape: str, evidence: str = "", *, compact: bool) -> None:
    sizes = ", ".join(f"{len(event):,}" for event in events)
    many = f"{len(found.samples)} rollouts" if len(found.samples) > 1 else "1 rollout"
    typer.echo(f"{shape}: {many}, {sizes} bytes. {evidence}".rstrip(), err=True)
    for event in events:
        typer.echo(event if compact else json.dumps(json.loads(event), indent=2))
