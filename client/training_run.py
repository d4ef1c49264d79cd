"""The steps of `rft train`: check, deploy, upload, create, watch, compare, report."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from client.background_imports import import_in_background
from client.comparison import MAX_ANSWER_TOKENS, ChatFunction, Comparison, compare_models
from client.dataset import canonical_json
from client.deployment import Deployment, deploy_reward
from client.diagnosis.report import dead_gradient_message
from client.errors import Incomplete, to_client_error
from client.failed_calls import failed_call_messages
from client.function_options import DEFAULT_RUNTIME
from client.job_creation import create_job
from client.job_outcome import require_success
from client.job_polling import wait_for_final_checkpoints
from client.job_spec import JobSpec
from client.job_watcher import WatchedJob, watch_job
from client.mantle_client import MantleClient, open_mantle_client
from client.mantle_types import Checkpoint
from client.plot import draw_plot
from client.run_inputs import RunInputs, load_run_inputs, require_trainable
from client.run_report import render_run_report
from client.run_summary import checkpoint_steps, print_run_summary
from client.sdk_clients import AwsClients, open_aws_clients
from client.storage import open_download_folder, require_writable, store_artifacts
from client.target import Target
from client.terminal import format_count, format_size, print_done, print_warning
from client.train_options import DEFAULT_OUTPUT, TrainOptions
from client.training_plan import confirm_billing, print_plan


def run_training(options: TrainOptions, *, target: Target, console: Console) -> None:
    """Run all steps.

    Raises:
        UsageError: something was wrong before anything was created.
        JobFailed: the job failed, with its own error.
        JobCancelled: the job was cancelled.
        Incomplete: the job succeeded, but the comparison failed or the results could not be stored.
    """
    with ExitStack() as stack:
        download_folder = stack.enter_context(open_download_folder())
        with import_in_background("openai"):
            aws_clients = stack.enter_context(open_aws_clients(target))
            inputs = load_run_inputs(options, aws_clients=aws_clients, download_folder=download_folder, console=console)
            require_trainable(options, inputs)
            print_plan(options, inputs, target=target, console=console)
            confirm_billing(options, inputs, target=target, console=console)
            require_writable(options.output, s3_factory=lambda: aws_clients.s3)
        mantle = stack.enter_context(open_mantle_client(target, console=console))
        mantle.require_model(options.model)
        deployment = deploy_reward(
            inputs.reward,
            options.function,
            code_bucket=inputs.code_bucket,
            aws_clients=aws_clients,
            console=console,
        )
        spec = _upload_and_build_spec(options, inputs, deployment=deployment, mantle=mantle, console=console)
        job = create_job(mantle, spec)
        print_done(console, "created", job.id)
        with import_in_background("matplotlib.figure", "matplotlib.backends.backend_agg"):
            watched_job = watch_job(
                mantle, job.id, poll_interval=target.config.poll_interval, console=console, ephemeral=target.ephemeral
            )
        if watched_job.job.status != "succeeded":
            _store_report_of_unsuccessful_run(
                options,
                inputs,
                watched_job=watched_job,
                deployment=deployment,
                aws_clients=aws_clients,
                console=console,
            )
        require_success(watched_job.job, ephemeral=target.ephemeral)
        _finish_succeeded_run(
            options,
            inputs,
            watched_job=watched_job,
            deployment=deployment,
            mantle=mantle,
            aws_clients=aws_clients,
            console=console,
        )


def _upload_and_build_spec(
    options: TrainOptions, inputs: RunInputs, *, deployment: Deployment, mantle: MantleClient, console: Console
) -> JobSpec:
    training_file = mantle.upload_file(inputs.data.path)
    print_done(console, "uploaded", training_file, detail=f"{inputs.data.path.name}, {format_size(inputs.data.size)}")
    validation_file = None
    if inputs.validation is not None:
        validation_file = mantle.upload_file(inputs.validation.path)
        print_done(console, "uploaded", validation_file, detail=inputs.validation.path.name)
    contents = [
        inputs.data.sha256,
        inputs.validation.sha256 if inputs.validation else None,
        inputs.reward.run_digest,
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
    inputs: RunInputs,
    *,
    watched_job: WatchedJob,
    deployment: Deployment,
    mantle: MantleClient,
    aws_clients: AwsClients,
    console: Console,
) -> None:
    metrics = [event.metrics for event in watched_job.events if event.metrics is not None]
    last_step = max((int(step["step"]) for step in metrics), default=0)
    checkpoints = wait_for_final_checkpoints(
        mantle, watched_job.job.id, last_step=last_step, poll_interval=aws_clients.target.config.poll_interval
    )
    print_done(
        console, "trained", format_count(len(metrics), "step"), detail=format_count(len(checkpoints), "checkpoint")
    )
    # The plot is drawn while the comparison waits for answers.
    with ThreadPoolExecutor(max_workers=1) as executor:
        plot_future = executor.submit(
            draw_plot,
            metrics,
            title=f"{options.model}: reward by step",
            subtitle=watched_job.job.id,
            checkpoints=checkpoint_steps(checkpoints),
        )
        comparison, comparison_error = _compare_models(
            options, inputs, watched_job=watched_job, deployment=deployment, mantle=mantle, aws_clients=aws_clients
        )
        png = plot_future.result()
    report = _render_report(options, inputs, watched_job, deployment, aws_clients.target, checkpoints, comparison)
    locations = store_artifacts(
        {"reward.png": png, "run.json": report},
        location=options.output,
        fallback=Path(DEFAULT_OUTPUT),
        s3_factory=lambda: aws_clients.s3,
    )
    print_run_summary(
        metrics,
        checkpoints,
        comparison,
        inputs=inputs,
        tuned_model=watched_job.job.tuned_model,
        artifact_locations=locations,
        failed_calls=failed_call_messages(watched_job.events),
        dead_gradient=dead_gradient_message(watched_job.job, watched_job.events),
        console=console,
    )
    if comparison_error is not None:
        raise Incomplete(f"The job succeeded. {comparison_error}")


def _compare_models(
    options: TrainOptions,
    inputs: RunInputs,
    *,
    watched_job: WatchedJob,
    deployment: Deployment,
    mantle: MantleClient,
    aws_clients: AwsClients,
) -> tuple[Comparison | None, str | None]:
    """Return the comparison, or None and the error: a job that took hours gets its report either way."""
    tuned_model = watched_job.job.tuned_model
    if tuned_model is None or not inputs.held_out:
        return None, None

    def chat_for_model(model: str) -> ChatFunction:
        return lambda messages: mantle.complete_chat(messages, model=model, max_tokens=MAX_ANSWER_TOKENS)

    try:
        comparison = compare_models(
            inputs.held_out,
            source=inputs.held_out_source,
            base=options.model,
            tuned=tuned_model,
            chat_for_model=chat_for_model,
            lambda_client=aws_clients.lambda_client,
            function_arn=deployment.arn,
        )
    except Exception as error:
        client_error = to_client_error(error)
        if client_error is None:
            raise
        return None, client_error.message
    return comparison, None


def _store_report_of_unsuccessful_run(
    options: TrainOptions,
    inputs: RunInputs,
    *,
    watched_job: WatchedJob,
    deployment: Deployment,
    aws_clients: AwsClients,
    console: Console,
) -> None:
    """Store the report only. A plot of an earlier run at the same location stays."""
    report = _render_report(options, inputs, watched_job, deployment, aws_clients.target)
    try:
        store_artifacts(
            {"run.json": report},
            location=options.output,
            fallback=Path(DEFAULT_OUTPUT),
            s3_factory=lambda: aws_clients.s3,
        )
    except Exception as error:
        client_error = to_client_error(error)
        if client_error is None:
            raise
        # Only a warning: the command ends with the error of the job.
        print_warning(console, client_error.message)


def _render_report(
    options: TrainOptions,
    inputs: RunInputs,
    watched_job: WatchedJob,
    deployment: Deployment,
    target: Target,
    checkpoints: Sequence[Checkpoint] = (),
    comparison: Comparison | None = None,
) -> bytes:
    return render_run_report(
        target=target,
        job=watched_job.job,
        hyperparameters=options.hyperparameters.request_fields(),
        metrics=[event.metrics for event in watched_job.events if event.metrics is not None],
        checkpoints=checkpoints,
        comparison=comparison,
        data=inputs.data,
        data_location=options.data,
        validation=inputs.validation,
        validation_location=options.validation,
        reward=inputs.reward,
        runtime=options.function.runtime or DEFAULT_RUNTIME,
        function_arn=deployment.arn,
        failed_calls=failed_call_messages(watched_job.events),
    )
