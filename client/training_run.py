"""The whole road: check, deploy, upload, create, watch, compare, report."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console

from client.background_imports import import_in_background
from client.comparison import MAX_ANSWER_TOKENS, ChatFunction, Comparison, compare_models
from client.dataset import canonical_json, count_shared_prompts
from client.deployment import MEMORY_MB, Deployment, DeploymentPackage, deploy_function
from client.errors import Incomplete, UsageError, to_client_error
from client.interrupts import clean_up_on_signal
from client.job_polling import ROLLOUTS_PER_PROMPT, JobSpec, create_job, require_success, wait_for_final_checkpoints
from client.job_watcher import WatchedJob, watch_job
from client.mantle_client import Checkpoint, MantleClient
from client.plot import draw_plot
from client.retry_policy import Clock
from client.run_inputs import RunInputs, TrainOptions, load_run_inputs, print_issues, require_trainable
from client.run_report import render_run_report
from client.run_summary import checkpoint_steps, print_run_summary
from client.sdk_clients import AwsClients, create_openai_client, open_aws_clients
from client.storage import delete_artifact, require_writable, store_artifacts
from client.target import Target
from client.terminal import confirm, format_count, format_size, print_done, print_field, print_heading, print_warning

DEFAULT_OUTPUT = "rft-output/"


def run_training(options: TrainOptions, *, target: Target, console: Console) -> None:
    """Run the whole road.

    Raises:
        Misuse: something was wrong before anything was created.
        JobFailed: the job failed, with its own error.
        JobCancelled: somebody cancelled it.
        Incomplete: the job succeeded, but the comparison or the storing of its results did not.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(open_download_folder())
        with import_in_background("openai"):
            clouds = stack.enter_context(open_aws_clients(target))
            materials = load_run_inputs(options, aws_clients=clouds, download_folder=folder, console=console)
            require_trainable(options, materials)
            _print_plan(options, materials, target=target, console=console)
            _confirm_billing(options, materials, target=target, console=console)
            require_writable(options.output, s3_factory=lambda: clouds.s3)
        mantle = stack.enter_context(open_mantle_client(target, console=console))
        mantle.require_model(options.model)
        deployment = deploy_package(materials.package, aws_clients=clouds, console=console)
        order = _upload_and_build_spec(options, materials, deployment=deployment, mantle=mantle, console=console)
        job = create_job(mantle, order)
        print_done(console, "created", job.id)
        with import_in_background("matplotlib.figure", "matplotlib.backends.backend_agg"):
            end = watch_job(
                mantle, job.id, poll_interval=target.config.poll_interval, console=console, ephemeral=target.ephemeral
            )
        if end.job.status != "succeeded":
            _store_report_of_unsuccessful_run(
                options, materials, end=end, deployment=deployment, clouds=clouds, console=console
            )
        require_success(end.job, ephemeral=target.ephemeral)
        _finish_succeeded_run(
            options, materials, end=end, deployment=deployment, mantle=mantle, clouds=clouds, console=console
        )


@contextmanager
def open_download_folder() -> Iterator[Path]:
    """A folder for what is fetched from S3, gone at the end."""
    made: list[str] = []

    def remove() -> None:
        for folder in made:
            shutil.rmtree(folder, ignore_errors=True)

    with clean_up_on_signal(remove), tempfile.TemporaryDirectory(prefix="rft-") as folder:
        made.append(folder)
        yield Path(folder)


@contextmanager
def open_mantle_client(target: Target, *, console: Console) -> Iterator[MantleClient]:
    """The API of `target` until the block ends; it says on `console` what it waits for."""
    with create_openai_client(target) as client:
        yield MantleClient(
            client,
            retry_policy=target.config.retry_policy,
            clock=Clock(),
            notify=lambda text: print_warning(console, text),
        )


def deploy_package(package: DeploymentPackage, *, aws_clients: AwsClients, console: Console) -> Deployment:
    """Deploy and say so."""
    deployment = deploy_function(
        package,
        iam=aws_clients.iam,
        lambda_client=aws_clients.lambda_client,
        clock=Clock(),
        notify=lambda text: print_warning(console, text),
    )
    print_done(console, "deployed", deployment.arn, detail=deployment.outcome)
    return deployment


def _print_plan(options: TrainOptions, materials: RunInputs, *, target: Target, console: Console) -> None:
    data, validation = materials.data, materials.validation
    print_heading(console, "rft train")
    print_field(console, "target", target.config.name, detail=f"{target.api_url}  {target.region}")
    print_field(console, "model", options.model)
    print_field(
        console, "data", options.data, detail=f"{format_count(len(data.rows), 'row')}, {format_size(data.size)}"
    )
    if validation is not None:
        print_field(console, "validation", str(options.validation), detail=format_count(len(validation.rows), "row"))
    files = format_count(len(materials.package.files), "file")
    print_field(
        console,
        "reward",
        str(options.reward),
        detail=f"{files}, {format_size(len(materials.package.zip_bytes))} zipped",
    )
    chosen = options.hyperparameters
    steps = _step_count(options, materials)
    rate = f"learning rate x{chosen.learning_rate_multiplier:g}"
    shape = f"{format_count(chosen.n_epochs, 'epoch')}, batch {chosen.batch_size}, {rate}"
    rollouts = format_count(steps * chosen.batch_size * ROLLOUTS_PER_PROMPT, "rollout")
    print_field(console, "plan", shape, detail=f"about {format_count(steps, 'step')}, {rollouts}")
    console.print()
    for warning in target.warnings:
        print_warning(console, warning)
    print_issues(data.warnings, path=options.data, console=console, as_errors=False)
    if validation is not None:
        print_issues(validation.warnings, path=str(options.validation), console=console, as_errors=False)
        shared = count_shared_prompts(validation.rows, data.rows)
        if shared:
            rows = format_count(shared, "row")
            print_warning(
                console, f"{rows} of {options.validation} have a prompt of {options.data}: they measure memory, too"
            )
    print_done(console, "checked", "the data has the form the service asks for")


def _step_count(options: TrainOptions, materials: RunInputs) -> int:
    return options.hyperparameters.step_count(
        rows=len(materials.data.rows), has_validation_file=materials.validation is not None
    )


def _confirm_billing(options: TrainOptions, materials: RunInputs, *, target: Target, console: Console) -> None:
    if not target.config.is_billed:
        return
    steps = _step_count(options, materials)
    rollouts = steps * options.hyperparameters.batch_size * ROLLOUTS_PER_PROMPT
    print_heading(console, "AWS will bill the account of your credentials for")
    batch = options.hyperparameters.batch_size
    print_field(
        console,
        "training",
        f"{format_count(steps, 'step')} of {format_count(batch, 'prompt')}, some {format_count(rollouts, 'rollout')}",
    )
    print_field(console, "Lambda", f"up to {format_count(rollouts, 'invocation')} of {MEMORY_MB} MB")
    if materials.held_out:
        chats = format_count(2 * len(materials.held_out), "chat completion")
        print_field(console, "inference", f"{chats} of up to {MAX_ANSWER_TOKENS:,} tokens, base and tuned")
    print_field(console, "prices", "https://aws.amazon.com/bedrock/pricing/", detail="the counts are estimates")
    require_confirmation(console, confirmed=options.yes)


def require_confirmation(console: Console, *, confirmed: bool) -> None:
    """Go on only with a yes, given beforehand or at the terminal.

    Raises:
        Misuse: there is none.
    """
    if not (confirmed or (console.is_terminal and confirm(console, "Go on?"))):
        raise UsageError("Nothing was created.", next_step="Say yes, or add --yes.")


def _upload_and_build_spec(
    options: TrainOptions, materials: RunInputs, *, deployment: Deployment, mantle: MantleClient, console: Console
) -> JobSpec:
    training_file = mantle.upload_file(materials.data.path)
    print_done(
        console, "uploaded", training_file, detail=f"{materials.data.path.name}, {format_size(materials.data.size)}"
    )
    validation_file = None
    if materials.validation is not None:
        validation_file = mantle.upload_file(materials.validation.path)
        print_done(console, "uploaded", validation_file, detail=materials.validation.path.name)
    contents = [
        materials.data.sha256,
        materials.validation.sha256 if materials.validation else None,
        materials.package.sha256,
        options.model,
        options.hyperparameters.request_fields(),
    ]
    return JobSpec(
        model=options.model,
        training_file=training_file,
        validation_file=validation_file,
        function_arn=deployment.arn,
        hyperparameters=options.hyperparameters,
        content_digest=canonical_json(contents),
    )


def _finish_succeeded_run(
    options: TrainOptions,
    materials: RunInputs,
    *,
    end: WatchedJob,
    deployment: Deployment,
    mantle: MantleClient,
    clouds: AwsClients,
    console: Console,
) -> None:
    metrics = [event.metrics for event in end.events if event.metrics is not None]
    last_step = max((int(step["step"]) for step in metrics), default=0)
    checkpoints = wait_for_final_checkpoints(
        mantle, end.job.id, last_step=last_step, poll_interval=clouds.target.config.poll_interval
    )
    print_done(
        console, "trained", format_count(len(metrics), "step"), detail=format_count(len(checkpoints), "checkpoint")
    )
    title = f"{options.model}: reward by step"
    # The picture is drawn while the comparison waits for answers.
    with ThreadPoolExecutor(max_workers=1) as artist:
        drawing = artist.submit(
            draw_plot, metrics, title=title, subtitle=end.job.id, checkpoints=checkpoint_steps(checkpoints)
        )
        comparison, trouble = _compare_models(
            options, materials, end=end, deployment=deployment, mantle=mantle, clouds=clouds
        )
        picture = drawing.result()
    report = _render_report(options, materials, end, deployment, clouds.target, checkpoints, comparison)
    artefacts = {"reward.png": picture, "run.json": report}
    places = store_artifacts(
        artefacts, location=options.output, fallback=Path(DEFAULT_OUTPUT), s3_factory=lambda: clouds.s3
    )
    print_run_summary(
        metrics,
        checkpoints,
        comparison,
        inputs=materials,
        tuned_model=end.job.tuned_model,
        artifact_locations=places,
        console=console,
    )
    if trouble is not None:
        raise Incomplete(f"The job succeeded. {trouble}")


def _render_report(
    options: TrainOptions,
    materials: RunInputs,
    end: WatchedJob,
    deployment: Deployment,
    target: Target,
    checkpoints: Sequence[Checkpoint] = (),
    comparison: Comparison | None = None,
) -> bytes:
    return render_run_report(
        target=target,
        job=end.job,
        hyperparameters=options.hyperparameters.request_fields(),
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


def _store_report_of_unsuccessful_run(
    options: TrainOptions,
    materials: RunInputs,
    *,
    end: WatchedJob,
    deployment: Deployment,
    clouds: AwsClients,
    console: Console,
) -> None:
    """The report of a job that did not succeed; a picture of an earlier run must not pass for this one's."""
    report = _render_report(options, materials, end, deployment, clouds.target)
    try:
        store_artifacts(
            {"run.json": report}, location=options.output, fallback=Path(DEFAULT_OUTPUT), s3_factory=lambda: clouds.s3
        )
        delete_artifact("reward.png", location=options.output, s3_factory=lambda: clouds.s3)
    except Exception as error:
        readable = to_client_error(error)
        if readable is None:
            raise
        # The job's own end is the news.
        print_warning(console, readable.message)


def _compare_models(
    options: TrainOptions,
    materials: RunInputs,
    *,
    end: WatchedJob,
    deployment: Deployment,
    mantle: MantleClient,
    clouds: AwsClients,
) -> tuple[Comparison | None, str | None]:
    """The comparison, or why there is none: a job that took hours must still get its report."""
    tuned = end.job.tuned_model
    if tuned is None or not materials.held_out:
        return None, None

    def answers(model: str) -> ChatFunction:
        return lambda messages: mantle.complete_chat(messages, model=model, max_tokens=MAX_ANSWER_TOKENS)

    try:
        comparison = compare_models(
            materials.held_out,
            source=materials.held_out_source,
            base=options.model,
            tuned=tuned,
            chat_for_model=answers,
            lambda_client=clouds.lambda_client,
            function_arn=deployment.arn,
        )
    except Exception as error:
        readable = to_client_error(error)
        if readable is None:
            raise
        return None, readable.message
    return comparison, None
