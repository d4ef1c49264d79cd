"""The whole road: check, deploy, upload, create, watch, compare, report."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console

from client.background_imports import preloaded
from client.comparison import MAX_TOKENS, Answers, Comparison, compared
from client.dataset import canonical, shared_prompts
from client.deployment import MEMORY_MB, Deployment, Package, deploy
from client.errors import Incomplete, Misuse, translated
from client.interrupts import undoing
from client.job_polling import ROLLOUTS_PER_PROMPT, Order, create, final_checkpoints, require_success
from client.job_watcher import Watched, watched
from client.mantle_client import Checkpoint, Mantle
from client.plot import drawn
from client.retry_policy import Stopwatch
from client.run_inputs import Materials, Options, findings_shown, gathered, require_possible
from client.run_report import rendered
from client.run_summary import steps_of, summary_told
from client.sdk_clients import Aws, aws, open_ai
from client.storage import removed, require_writable, stored
from client.target import Target
from client.terminal import agreed, counted, done, fact, heading, sized, warned

OUTPUT = "rft-output/"


def train(options: Options, *, target: Target, console: Console) -> None:
    """Run the whole road.

    Raises:
        Misuse: something was wrong before anything was created.
        JobFailed: the job failed, with its own error.
        JobCancelled: somebody cancelled it.
        Incomplete: the job succeeded, but the comparison or the storing of its results did not.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(downloads())
        with preloaded("openai"):
            clouds = stack.enter_context(aws(target))
            materials = gathered(options, clouds=clouds, folder=folder, console=console)
            require_possible(options, materials)
            _header(options, materials, target=target, console=console)
            _agreed(options, materials, target=target, console=console)
            require_writable(options.output, buckets=lambda: clouds.buckets)
        mantle = stack.enter_context(opened(target, console=console))
        mantle.require_model(options.model)
        deployment = deployed(materials.package, clouds=clouds, console=console)
        order = _ordered(options, materials, deployment=deployment, mantle=mantle, console=console)
        job = create(mantle, order)
        done(console, "created", job.id)
        with preloaded("matplotlib.figure", "matplotlib.backends.backend_agg"):
            end = watched(mantle, job.id, rhythm=target.row.rhythm, console=console, passing=target.passing)
        if end.job.status != "succeeded":
            _kept(options, materials, end=end, deployment=deployment, clouds=clouds, console=console)
        require_success(end.job, passing=target.passing)
        _concluded(options, materials, end=end, deployment=deployment, mantle=mantle, clouds=clouds, console=console)


@contextmanager
def downloads() -> Iterator[Path]:
    """A folder for what is fetched from S3, gone at the end."""
    made: list[str] = []

    def remove() -> None:
        for folder in made:
            shutil.rmtree(folder, ignore_errors=True)

    with undoing(remove), tempfile.TemporaryDirectory(prefix="rft-") as folder:
        made.append(folder)
        yield Path(folder)


@contextmanager
def opened(target: Target, *, console: Console) -> Iterator[Mantle]:
    """The API of `target` until the block ends; it says on `console` what it waits for."""
    with open_ai(target) as client:
        yield Mantle(
            client,
            patience=target.row.patience,
            stopwatch=Stopwatch(),
            say=lambda text: warned(console, text),
        )


def deployed(package: Package, *, clouds: Aws, console: Console) -> Deployment:
    """Deploy and say so."""
    deployment = deploy(
        package,
        iam=clouds.iam,
        functions=clouds.functions,
        stopwatch=Stopwatch(),
        say=lambda text: warned(console, text),
    )
    done(console, "deployed", deployment.arn, aside=deployment.outcome)
    return deployment


def _header(options: Options, materials: Materials, *, target: Target, console: Console) -> None:
    data, validation = materials.data, materials.validation
    heading(console, "rft train")
    fact(console, "target", target.row.name, aside=f"{target.api_url}  {target.region}")
    fact(console, "model", options.model)
    fact(console, "data", options.data, aside=f"{counted(len(data.rows), 'row')}, {sized(data.size)}")
    if validation is not None:
        fact(console, "validation", str(options.validation), aside=counted(len(validation.rows), "row"))
    files = counted(len(materials.package.files), "file")
    fact(console, "reward", str(options.reward), aside=f"{files}, {sized(len(materials.package.content))} zipped")
    chosen = options.hyperparameters
    steps = _steps(options, materials)
    rate = f"learning rate x{chosen.learning_rate_multiplier:g}"
    shape = f"{counted(chosen.n_epochs, 'epoch')}, batch {chosen.batch_size}, {rate}"
    rollouts = counted(steps * chosen.batch_size * ROLLOUTS_PER_PROMPT, "rollout")
    fact(console, "plan", shape, aside=f"about {counted(steps, 'step')}, {rollouts}")
    console.print()
    for warning in target.warnings:
        warned(console, warning)
    findings_shown(data.warnings, path=options.data, console=console, bad=False)
    if validation is not None:
        findings_shown(validation.warnings, path=str(options.validation), console=console, bad=False)
        shared = shared_prompts(validation.rows, data.rows)
        if shared:
            rows = counted(shared, "row")
            warned(console, f"{rows} of {options.validation} have a prompt of {options.data}: they measure memory, too")
    done(console, "checked", "the data has the form the service asks for")


def _steps(options: Options, materials: Materials) -> int:
    return options.hyperparameters.steps(rows=len(materials.data.rows), validated=materials.validation is not None)


def _agreed(options: Options, materials: Materials, *, target: Target, console: Console) -> None:
    if not target.row.bills:
        return
    steps = _steps(options, materials)
    rollouts = steps * options.hyperparameters.batch_size * ROLLOUTS_PER_PROMPT
    heading(console, "AWS will bill the account of your credentials for")
    batch = options.hyperparameters.batch_size
    fact(
        console,
        "training",
        f"{counted(steps, 'step')} of {counted(batch, 'prompt')}, some {counted(rollouts, 'rollout')}",
    )
    fact(console, "Lambda", f"up to {counted(rollouts, 'invocation')} of {MEMORY_MB} MB")
    if materials.held_out:
        chats = counted(2 * len(materials.held_out), "chat completion")
        fact(console, "inference", f"{chats} of up to {MAX_TOKENS:,} tokens, base and tuned")
    fact(console, "prices", "https://aws.amazon.com/bedrock/pricing/", aside="the counts are estimates")
    require_yes(console, given=options.yes)


def require_yes(console: Console, *, given: bool) -> None:
    """Go on only with a yes, given beforehand or at the terminal.

    Raises:
        Misuse: there is none.
    """
    if not (given or (console.is_terminal and agreed(console, "Go on?"))):
        raise Misuse("Nothing was created.", next_step="Say yes, or add --yes.")


def _ordered(
    options: Options, materials: Materials, *, deployment: Deployment, mantle: Mantle, console: Console
) -> Order:
    training_file = mantle.upload(materials.data.path)
    done(console, "uploaded", training_file, aside=f"{materials.data.path.name}, {sized(materials.data.size)}")
    validation_file = None
    if materials.validation is not None:
        validation_file = mantle.upload(materials.validation.path)
        done(console, "uploaded", validation_file, aside=materials.validation.path.name)
    contents = [
        materials.data.sha256,
        materials.validation.sha256 if materials.validation else None,
        materials.package.sha256,
        options.model,
        options.hyperparameters.body(),
    ]
    return Order(
        model=options.model,
        training_file=training_file,
        validation_file=validation_file,
        function_arn=deployment.arn,
        hyperparameters=options.hyperparameters,
        digest=canonical(contents),
    )


def _concluded(
    options: Options,
    materials: Materials,
    *,
    end: Watched,
    deployment: Deployment,
    mantle: Mantle,
    clouds: Aws,
    console: Console,
) -> None:
    metrics = [event.metrics for event in end.events if event.metrics is not None]
    last_step = max((int(step["step"]) for step in metrics), default=0)
    checkpoints = final_checkpoints(mantle, end.job.id, last_step=last_step, rhythm=clouds.target.row.rhythm)
    done(console, "trained", counted(len(metrics), "step"), aside=counted(len(checkpoints), "checkpoint"))
    title = f"{options.model}: reward by step"
    # The picture is drawn while the comparison waits for answers.
    with ThreadPoolExecutor(max_workers=1) as artist:
        drawing = artist.submit(drawn, metrics, title=title, subtitle=end.job.id, checkpoints=steps_of(checkpoints))
        comparison, trouble = _comparison(
            options, materials, end=end, deployment=deployment, mantle=mantle, clouds=clouds
        )
        picture = drawing.result()
    report = _report(options, materials, end, deployment, clouds.target, checkpoints, comparison)
    artefacts = {"reward.png": picture, "run.json": report}
    places = stored(artefacts, location=options.output, spare=Path(OUTPUT), buckets=lambda: clouds.buckets)
    summary_told(
        metrics, checkpoints, comparison, materials=materials, tuned=end.job.tuned_model, places=places, console=console
    )
    if trouble is not None:
        raise Incomplete(f"The job succeeded. {trouble}")


def _report(
    options: Options,
    materials: Materials,
    end: Watched,
    deployment: Deployment,
    target: Target,
    checkpoints: Sequence[Checkpoint] = (),
    comparison: Comparison | None = None,
) -> bytes:
    return rendered(
        target=target,
        job=end.job,
        hyperparameters=options.hyperparameters.body(),
        metrics=[event.metrics for event in end.events if event.metrics is not None],
        checkpoints=checkpoints,
        comparison=comparison,
        data=materials.data,
        data_location=options.data,
        validation=materials.validation,
        validation_location=options.validation,
        package=materials.package,
        function_arn=deployment.arn,
    )


def _kept(
    options: Options, materials: Materials, *, end: Watched, deployment: Deployment, clouds: Aws, console: Console
) -> None:
    """The report of a job that did not succeed; a picture of an earlier run must not pass for this one's."""
    report = _report(options, materials, end, deployment, clouds.target)
    try:
        stored({"run.json": report}, location=options.output, spare=Path(OUTPUT), buckets=lambda: clouds.buckets)
        removed("reward.png", location=options.output, buckets=lambda: clouds.buckets)
    except Exception as error:
        readable = translated(error)
        if readable is None:
            raise
        # The job's own end is the news.
        warned(console, readable.message)


def _comparison(
    options: Options,
    materials: Materials,
    *,
    end: Watched,
    deployment: Deployment,
    mantle: Mantle,
    clouds: Aws,
) -> tuple[Comparison | None, str | None]:
    """The comparison, or why there is none: a job that took hours must still get its report."""
    tuned = end.job.tuned_model
    if tuned is None or not materials.held_out:
        return None, None

    def answers(model: str) -> Answers:
        return lambda messages: mantle.answer(messages, model=model, max_tokens=MAX_TOKENS)

    try:
        comparison = compared(
            materials.held_out,
            source=materials.held_out_source,
            base=options.model,
            tuned=tuned,
            answers=answers,
            functions=clouds.functions,
            function_arn=deployment.arn,
        )
    except Exception as error:
        readable = translated(error)
        if readable is None:
            raise
        return None, readable.message
    return comparison, None
