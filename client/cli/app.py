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
from client.cli.job_table import jobs_shown, last_lines
from client.deployment import MEMORY_MB, function_name, packed
from client.diagnosis.rendering import diagnosis_json, diagnosis_shown
from client.diagnosis.report import diagnosed
from client.errors import Misuse, translated
from client.job_polling import (
    DEFAULT_BATCH_SIZE,
    DEFAULT_EPOCHS,
    DEFAULT_LR_MULTIPLIER,
    Hyperparameters,
    all_events,
    require_success,
)
from client.job_watcher import told, watched
from client.mantle_client import Mantle
from client.run_inputs import Options, findings_shown, judged
from client.run_summary import reward_told
from client.sdk_clients import aws
from client.storage import fetched, is_s3
from client.target import TARGETS, current, named_in_environment
from client.terminal import counted, done, fact, failed, heading, printed, sized, warned
from client.terminal import opened as opened_console
from client.training_run import OUTPUT, deployed, downloads, opened, require_yes
from client.training_run import train as run_train

DATA, REWARD, MODEL = "fixtures/prompts/train.jsonl", Path("reward_lambda"), "openai.gpt-oss-20b"

_app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help=__doc__,
    epilog="RFT_TARGET chooses where it runs: `simulator` (default) or `bedrock`.",
)


def _named(name: str) -> str:
    if not name.strip():
        raise Misuse("The id is empty.", next_step="`rft jobs` lists the jobs and their models.")
    return name


_JobId = Annotated[str, typer.Argument(metavar="JOB", help="The job's id, ftjob-...", callback=_named)]
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
    data: Annotated[str, typer.Option(metavar="FILE|s3://...", help="Training data: JSONL with `messages`.")] = DATA,
    validation: Annotated[
        str | None, typer.Option(metavar="FILE|s3://...", help="Held-out data in the same form.")
    ] = None,
    reward: Annotated[Path, typer.Option(metavar="DIR", help="Folder with lambda_function.py.")] = REWARD,
    model: Annotated[str, typer.Option(metavar="ID", help="Base model.")] = MODEL,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the data.")] = DEFAULT_EPOCHS,
    batch_size: Annotated[int, typer.Option(min=1, help="Prompts per training step.")] = DEFAULT_BATCH_SIZE,
    lr_multiplier: Annotated[float, typer.Option(min=0.0, help="Scales the learning rate.")] = DEFAULT_LR_MULTIPLIER,
    output: Annotated[str, typer.Option(metavar="DIR|s3://...", help="Where plot and run.json go.")] = OUTPUT,
    compare_rows: Annotated[int, typer.Option(min=0, help="Rows to compare base and tuned on; 0: no comparison.")] = 50,
    yes: _Yes = False,
) -> None:
    """Check, deploy, upload, train, watch, compare: the whole road."""
    if data == DATA and not Path(data).exists():
        raise Misuse(
            f"{DATA} does not exist here; `rft train` takes it when there is no --data.",
            next_step="Name a file: rft train --data FILE",
        )
    options = Options(
        data=data,
        validation=validation,
        reward=reward,
        model=model,
        hyperparameters=Hyperparameters(n_epochs=epochs, batch_size=batch_size, learning_rate_multiplier=lr_multiplier),
        output=output,
        compare_rows=compare_rows,
        yes=yes,
    )
    run_train(options, target=current(), console=opened_console())


@_app.command()
def check(file: Annotated[str, typer.Argument(metavar="FILE|s3://...", help="A JSONL data file.")]) -> None:
    """Say what the service would say about a data file. Sends nothing."""
    console = opened_console()
    if is_s3(file):
        with downloads() as folder, aws(current()) as clouds:
            verdict = judged(file, fetched(file, into=folder, buckets=lambda: clouds.buckets), console=console)
    else:
        verdict = judged(file, Path(file), console=console)
    findings_shown(verdict.warnings, path=file, console=console, bad=False)
    done(
        console,
        "fit",
        file,
        aside=f"{counted(len(verdict.rows), 'row')}, {sized(verdict.size)}, sha256 {verdict.sha256[:16]}",
    )


@_app.command()
def deploy(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with lambda_function.py.")] = REWARD,
    *,
    yes: _Yes = False,
) -> None:
    """Make a Lambda function of a reward folder, or bring it up to date."""
    console, target = opened_console(), current()
    package = packed(folder)
    if target.row.bills:
        heading(console, "In the AWS account of your credentials this makes, or brings up to date")
        fact(console, "function", package.name, aside=f"{target.region}, {MEMORY_MB} MB; billed only when it is called")
        fact(console, "role", package.role, aside="for Lambda; may write the function's log")
        require_yes(console, given=yes)
    with aws(target) as clouds:
        deployed(package, clouds=clouds, console=console)


@_app.command()
def logs(
    function: Annotated[
        str | None,
        typer.Argument(metavar="FUNCTION", help="The function's name.", show_default="that of reward_lambda"),
    ] = None,
) -> None:
    """Show the last lines that a reward function has logged."""
    name = function or function_name(REWARD)
    with aws(current()) as clouds:
        for line in last_lines(name, logs=clouds.logs):
            printed(f"{line}\n")


@_app.command()
def jobs() -> None:
    """List the jobs, newest first."""
    console = opened_console()
    with _mantle() as mantle:
        # SAMPLE: AWS's notebook asks for each job again "to get accurate status"; the list may lag behind.
        found = [listed if listed.ended else mantle.job(listed.id) for listed in mantle.jobs()]
    if not found:
        opened_console(stderr=True).print("There are no jobs yet.")
        return
    lines = [(job.id, job.status, job.model, job.tuned_model or "", job.created) for job in found]
    if not console.is_terminal:
        sys.stdout.writelines("\t".join(line) + "\n" for line in lines)
        return
    console.print(jobs_shown(lines, width=console.width), soft_wrap=False)


@_app.command()
def watch(job: _JobId) -> None:
    """Watch a job until it ends."""
    console, target = opened_console(), current()
    with opened(target, console=console) as mantle:
        end = watched(mantle, job, rhythm=target.row.rhythm, console=console, passing=target.passing)
    reward_told([event.metrics for event in end.events if event.metrics is not None], console=console)
    require_success(end.job, passing=target.passing)
    fact(console, "model", end.job.tuned_model or "none")


@_app.command()
def events(
    job: _JobId,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="The service's own objects, one a line.")] = False,
) -> None:
    """Print a job's whole log, oldest first."""
    console = opened_console()
    with _mantle() as mantle:
        log = all_events(mantle, job)
    if not as_json:
        told(log, console=console)
        return
    for event in log:
        printed(json.dumps(event.body, ensure_ascii=False) + "\n")


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
    target, rows = current(), None
    if validation is not None:
        # INFERRED: as for `rft train`, a validation file may be smaller than a training file.
        rows = len(judged(str(validation), validation, console=opened_console(stderr=True), fewest=1).rows)
    with _mantle() as mantle:
        # The job first, then its events: one that ends in between is then called running, and nothing is missed.
        body = mantle.job(job)
        diagnosis = diagnosed(body, all_events(mantle, job), mantle.checkpoints(job), validation_rows=rows)
    if as_json:
        printed(diagnosis_json(diagnosis))
    else:
        diagnosis_shown(diagnosis, console=opened_console(), passing=target.passing)
    if diagnosis.complains(strict=strict):
        raise typer.Exit(1)


@_app.command()
def cancel(job: _JobId) -> None:
    """Cancel a job. A cancelled job cannot be resumed."""
    with _mantle() as mantle:
        ended = mantle.cancel(job)
    done(opened_console(), ended.status, ended.id)


@_app.command()
def plot(
    job: _JobId,
    *,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE.png", help="Where the picture goes.")],
) -> None:
    """Draw a job's reward, length, entropy and gradient norm."""
    if output.suffix.lower() != ".png":
        raise Misuse(f"{output} would hold a PNG image.", next_step=f"Name it so: -o {output.with_suffix('.png')}")
    with _mantle() as mantle:
        body = mantle.job(job)
        metrics = [event.metrics for event in all_events(mantle, job) if event.metrics is not None]
        steps = [checkpoint.step for checkpoint in mantle.checkpoints(job)]
    picture = plots.drawn(
        metrics, title=f"{body.model}: reward by step", subtitle=f"{job}, {body.status}", checkpoints=steps
    )
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(picture)
    done(opened_console(), "drawn", str(output), aside=counted(len(metrics), "step"))


@_app.command()
def chat(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A base model, a tuned model or a checkpoint.", callback=_named)
    ],
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What to ask.")],
    *,
    temperature: Annotated[float, typer.Option(min=0.0, max=2.0)] = 0.0,
) -> None:
    """Ask a model."""
    target = current()
    if target.row.bills:
        warned(opened_console(stderr=True), "AWS bills this answer by the token.")
    with opened(target, console=opened_console(stderr=True)) as mantle:
        for piece in mantle.streamed_answer(prompt, model=model, temperature=temperature):
            printed(piece)
            sys.stdout.flush()
    sys.stdout.write("\n")


@_app.command()
def target() -> None:
    """Show the targets, which one is in force, and what it would use."""
    console = opened_console()
    heading(console, "targets  (RFT_TARGET)")
    for row in TARGETS.values():
        mark = "in force: " if row.name == named_in_environment() else ""
        fact(console, row.name, mark + row.note)
    chosen = current()
    console.print()
    heading(console, "in force")
    fact(console, "API", chosen.api_url)
    fact(console, "AWS", chosen.aws_url or "AWS's own endpoints")
    fact(console, "region", chosen.region)
    fact(console, "key", chosen.key_source)
    for warning in chosen.warnings:
        console.print(Text(f"! {warning}", style="yellow"), soft_wrap=True)


def _mantle() -> AbstractContextManager[Mantle]:
    return opened(current(), console=opened_console(stderr=True))


def run(arguments: Sequence[str]) -> None:
    """Run one command line.

    Raises:
        SystemExit: with 0, or the code that `client.errors` gives the outcome.
    """
    debug = "--debug" in arguments
    try:
        _app(args=[argument for argument in arguments if argument != "--debug"], prog_name="rft")
    except Exception as error:
        readable = translated(error)
        if debug or readable is None:
            raise
        failed(opened_console(stderr=True), readable.message, next_step=readable.next_step)
        raise SystemExit(readable.exit_code) from None
