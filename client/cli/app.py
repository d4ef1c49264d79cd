"""`rft`: reinforcement fine-tuning from the command line, offline or at Bedrock."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from client import plot as plots
from client.cli.job_table import build_jobs_table, fetch_last_log_lines
from client.deployment import MEMORY_MB, build_package, function_name_for
from client.diagnosis.rendering import print_diagnosis, render_diagnosis_json
from client.diagnosis.report import diagnose_job
from client.errors import UsageError, to_client_error
from client.job_polling import (
    DEFAULT_BATCH_SIZE,
    DEFAULT_EPOCHS,
    DEFAULT_LR_MULTIPLIER,
    Hyperparameters,
    list_all_events,
    require_success,
)
from client.job_watcher import print_events, watch_job
from client.mantle_client import MantleClient
from client.run_inputs import TrainOptions, print_issues, require_valid_dataset
from client.run_summary import print_reward
from client.sdk_clients import open_aws_clients
from client.storage import download, is_s3_uri
from client.target import TARGETS, target_from_environment, target_name_from_environment
from client.terminal import (
    format_count,
    format_size,
    print_done,
    print_error,
    print_field,
    print_heading,
    print_warning,
    write_stdout,
)
from client.terminal import open_console as opened_console
from client.training_run import (
    DEFAULT_OUTPUT,
    deploy_package,
    open_download_folder,
    open_mantle_client,
    require_confirmation,
)
from client.training_run import run_training as run_train

DEFAULT_DATA, DEFAULT_REWARD_FOLDER, DEFAULT_MODEL = (
    "fixtures/prompts/train.jsonl",
    Path("reward_lambda"),
    "openai.gpt-oss-20b",
)

_app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help=__doc__,
    epilog="RFT_TARGET chooses where it runs: `simulator` (default) or `bedrock`.",
)


def _require_non_empty(name: str) -> str:
    if not name.strip():
        raise UsageError("The id is empty.", next_step="`rft jobs` lists the jobs and their models.")
    return name


_JobId = Annotated[str, typer.Argument(metavar="JOB", help="The job's id, ftjob-...", callback=_require_non_empty)]
_Yes = Annotated[bool, typer.Option("--yes", help="Agree to what AWS will bill, or to what is made there.")]


def _version(*, asked: bool) -> None:
    if asked:
        sys.stdout.write(f"rft {metadata.version('bedrock-rft-testbed')}\n")
        raise typer.Exit


@_app.callback()
def _root(
    *,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error; works after the command, too.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version.", is_eager=True, callback=lambda asked: _version(asked=asked)
        ),
    ] = False,
) -> None:
    """Reinforcement fine-tuning from the command line, offline or at Bedrock."""


@_app.command()
def train(
    *,
    data: Annotated[
        str, typer.Option(metavar="FILE|s3://...", help="Training data: JSONL with `messages`.")
    ] = DEFAULT_DATA,
    validation: Annotated[
        str | None, typer.Option(metavar="FILE|s3://...", help="Held-out data in the same form.")
    ] = None,
    reward: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder with lambda_function.py.")
    ] = DEFAULT_REWARD_FOLDER,
    model: Annotated[str, typer.Option(metavar="ID", help="Base model.")] = DEFAULT_MODEL,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the data.")] = DEFAULT_EPOCHS,
    batch_size: Annotated[int, typer.Option(min=1, help="Prompts per training step.")] = DEFAULT_BATCH_SIZE,
    lr_multiplier: Annotated[float, typer.Option(min=0.0, help="Scales the learning rate.")] = DEFAULT_LR_MULTIPLIER,
    output: Annotated[str, typer.Option(metavar="DIR|s3://...", help="Where plot and run.json go.")] = DEFAULT_OUTPUT,
    compare_rows: Annotated[int, typer.Option(min=0, help="Rows to compare base and tuned on; 0: no comparison.")] = 50,
    yes: _Yes = False,
) -> None:
    """Check, deploy, upload, train, watch, compare: the whole road."""
    if data == DEFAULT_DATA and not Path(data).exists():
        raise UsageError(
            f"{DEFAULT_DATA} does not exist here; `rft train` takes it when there is no --data.",
            next_step="Name a file: rft train --data FILE",
        )
    options = TrainOptions(
        data=data,
        validation=validation,
        reward=reward,
        model=model,
        hyperparameters=Hyperparameters(n_epochs=epochs, batch_size=batch_size, learning_rate_multiplier=lr_multiplier),
        output=output,
        compare_rows=compare_rows,
        yes=yes,
    )
    run_train(options, target=target_from_environment(), console=opened_console())


@_app.command()
def check(file: Annotated[str, typer.Argument(metavar="FILE|s3://...", help="A JSONL data file.")]) -> None:
    """Say what the service would say about a data file. Sends nothing."""
    console = opened_console()
    if is_s3_uri(file):
        with open_download_folder() as folder, open_aws_clients(target_from_environment()) as clouds:
            verdict = require_valid_dataset(
                file, download(file, folder=folder, s3_factory=lambda: clouds.s3), console=console
            )
    else:
        verdict = require_valid_dataset(file, Path(file), console=console)
    print_issues(verdict.warnings, path=file, console=console, as_errors=False)
    print_done(
        console,
        "fit",
        file,
        detail=f"{format_count(len(verdict.rows), 'row')}, {format_size(verdict.size)}, sha256 {verdict.sha256[:16]}",
    )


@_app.command()
def deploy(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder with lambda_function.py.")
    ] = DEFAULT_REWARD_FOLDER,
    *,
    yes: _Yes = False,
) -> None:
    """Make a Lambda function of a reward folder, or bring it up to date."""
    console, target = opened_console(), target_from_environment()
    package = build_package(folder)
    if target.config.is_billed:
        print_heading(console, "In the AWS account of your credentials this makes, or brings up to date")
        print_field(
            console, "function", package.name, detail=f"{target.region}, {MEMORY_MB} MB; billed only when it is called"
        )
        print_field(console, "role", package.role_name, detail="for Lambda; may write the function's log")
        require_confirmation(console, confirmed=yes)
    with open_aws_clients(target) as clouds:
        deploy_package(package, aws_clients=clouds, console=console)


@_app.command()
def logs(
    function: Annotated[
        str | None,
        typer.Argument(metavar="FUNCTION", help="The function's name.", show_default="that of reward_lambda"),
    ] = None,
) -> None:
    """Show the last lines that a reward function has logged."""
    name = function or function_name_for(DEFAULT_REWARD_FOLDER)
    with open_aws_clients(target_from_environment()) as clouds:
        for line in fetch_last_log_lines(name, logs=clouds.logs):
            write_stdout(f"{line}\n")


@_app.command()
def jobs() -> None:
    """List the jobs, newest first."""
    console = opened_console()
    with _open_mantle() as mantle:
        # SAMPLE: AWS's notebook asks for each job again "to get accurate status"; the list may lag behind.
        found = [listed if listed.has_ended else mantle.get_job(listed.id) for listed in mantle.list_jobs()]
    if not found:
        opened_console(stderr=True).print("There are no jobs yet.")
        return
    lines = [(job.id, job.status, job.model, job.tuned_model or "", job.created_text) for job in found]
    if not console.is_terminal:
        sys.stdout.writelines("\t".join(line) + "\n" for line in lines)
        return
    console.print(build_jobs_table(lines, width=console.width), soft_wrap=False)


@_app.command()
def watch(job: _JobId) -> None:
    """Watch a job until it ends."""
    console, target = opened_console(), target_from_environment()
    with open_mantle_client(target, console=console) as mantle:
        end = watch_job(
            mantle, job, poll_interval=target.config.poll_interval, console=console, ephemeral=target.ephemeral
        )
    print_reward([event.metrics for event in end.events if event.metrics is not None], console=console)
    require_success(end.job, ephemeral=target.ephemeral)
    print_field(console, "model", end.job.tuned_model or "none")


@_app.command()
def events(
    job: _JobId,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="The service's own objects, one a line.")] = False,
) -> None:
    """Print a job's whole log, oldest first."""
    console = opened_console()
    with _open_mantle() as mantle:
        log = list_all_events(mantle, job)
    if not as_json:
        print_events(log, console=console)
        return
    for event in log:
        write_stdout(json.dumps(event.body, ensure_ascii=False) + "\n")


@_app.command()
def diagnose(
    job: _JobId,
    *,
    validation: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The job's validation file, to count its rows.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 for warnings, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> None:
    """Read a job's metrics: plateau, collapse, length drift, dead gradient. Exits with 1 for a failure."""
    target, rows = target_from_environment(), None
    if validation is not None:
        # INFERRED: as for `rft train`, a validation file may be smaller than a training file.
        rows = len(
            require_valid_dataset(str(validation), validation, console=opened_console(stderr=True), min_rows=1).rows
        )
    with _open_mantle() as mantle:
        # The job first, then its events: one that ends in between is then called running, and nothing is missed.
        body = mantle.get_job(job)
        diagnosis = diagnose_job(body, list_all_events(mantle, job), mantle.list_checkpoints(job), validation_rows=rows)
    if as_json:
        write_stdout(render_diagnosis_json(diagnosis))
    else:
        print_diagnosis(diagnosis, console=opened_console(), ephemeral=target.ephemeral)
    if diagnosis.should_fail(strict=strict):
        raise typer.Exit(1)


@_app.command()
def cancel(job: _JobId) -> None:
    """Cancel a job. A cancelled job cannot be resumed."""
    with _open_mantle() as mantle:
        ended = mantle.cancel_job(job)
    print_done(opened_console(), ended.status, ended.id)


@_app.command()
def plot(
    job: _JobId,
    *,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE.png", help="Where the picture goes.")],
) -> None:
    """Draw a job's reward, length, entropy and gradient norm."""
    if output.suffix.lower() != ".png":
        raise UsageError(f"{output} would hold a PNG image.", next_step=f"Name it so: -o {output.with_suffix('.png')}")
    with _open_mantle() as mantle:
        body = mantle.get_job(job)
        metrics = [event.metrics for event in list_all_events(mantle, job) if event.metrics is not None]
        steps = [checkpoint.step for checkpoint in mantle.list_checkpoints(job)]
    picture = plots.draw_plot(
        metrics, title=f"{body.model}: reward by step", subtitle=f"{job}, {body.status}", checkpoints=steps
    )
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(picture)
    print_done(opened_console(), "drawn", str(output), detail=format_count(len(metrics), "step"))


@_app.command()
def chat(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="A base model, a tuned model or a checkpoint.", callback=_require_non_empty
        ),
    ],
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What to ask.")],
    *,
    temperature: Annotated[float, typer.Option(min=0.0, max=2.0)] = 0.0,
) -> None:
    """Ask a model."""
    target = target_from_environment()
    if target.config.is_billed:
        print_warning(opened_console(stderr=True), "AWS bills this answer by the token.")
    with open_mantle_client(target, console=opened_console(stderr=True)) as mantle:
        for piece in mantle.stream_chat(prompt, model=model, temperature=temperature):
            write_stdout(piece)
            sys.stdout.flush()
    sys.stdout.write("\n")


@_app.command()
def target() -> None:
    """Show the targets, which one is in force, and what it would use."""
    console = opened_console()
    print_heading(console, "targets  (RFT_TARGET)")
    for row in TARGETS.values():
        mark = "in force: " if row.name == target_name_from_environment() else ""
        print_field(console, row.name, mark + row.note)
    chosen = target_from_environment()
    console.print()
    print_heading(console, "in force")
    print_field(console, "API", chosen.api_url)
    print_field(console, "AWS", chosen.aws_url or "AWS's own endpoints")
    print_field(console, "region", chosen.region)
    print_field(console, "key", chosen.key_source)
    for warning in chosen.warnings:
        console.print(Text(f"! {warning}", style="yellow"), soft_wrap=True)


def _open_mantle() -> AbstractContextManager[MantleClient]:
    return open_mantle_client(target_from_environment(), console=opened_console(stderr=True))


def run_command_line(arguments: Sequence[str]) -> None:
    """Run one command line.

    Raises:
        SystemExit: with 0, or the code that `client.errors` gives the outcome.
    """
    debug = "--debug" in arguments
    try:
        _app(args=[argument for argument in arguments if argument != "--debug"], prog_name="rft")
    except Exception as error:
        readable = to_client_error(error)
        if debug or readable is None:
            raise
        print_error(opened_console(stderr=True), readable.message, next_step=readable.next_step)
        raise SystemExit(readable.exit_code) from None
