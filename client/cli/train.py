"""`rft train`: a training run from the data file to the report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from client.cli.arguments import (
    DEFAULT_DATA,
    DEFAULT_MODEL,
    DEFAULT_REWARD,
    REWARD_HELP,
    REWARD_METAVAR,
    Architecture,
    CodeBucketName,
    Handler,
    Layers,
    Memory,
    Refresh,
    Runtime,
    Timeout,
    Variables,
    Yes,
    build_function_options,
    require_default_reward,
)
from client.errors import UsageError
from client.job_spec import DEFAULT_BATCH_SIZE, DEFAULT_EPOCHS, DEFAULT_LR_MULTIPLIER, Hyperparameters
from client.target import cache_folder_from_environment, target_from_environment
from client.terminal import open_console
from client.train_options import DEFAULT_OUTPUT, TrainOptions
from client.training_run import run_training


def train(
    *,
    data: Annotated[
        str, typer.Option(metavar="FILE|s3://...", help="Training data: JSONL with `messages`.")
    ] = DEFAULT_DATA,
    validation: Annotated[
        str | None, typer.Option(metavar="FILE|s3://...", help="Held-out data in the same format.")
    ] = None,
    reward: Annotated[str, typer.Option(metavar=REWARD_METAVAR, help=REWARD_HELP)] = DEFAULT_REWARD,
    model: Annotated[str, typer.Option(metavar="ID", help="Base model.")] = DEFAULT_MODEL,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the data.")] = DEFAULT_EPOCHS,
    batch_size: Annotated[int, typer.Option(min=1, help="Prompts per training step.")] = DEFAULT_BATCH_SIZE,
    lr_multiplier: Annotated[
        float, typer.Option(min=0.0, help="The multiplier of the learning rate.")
    ] = DEFAULT_LR_MULTIPLIER,
    output: Annotated[
        str, typer.Option(metavar="DIR|s3://...", help="The folder for reward.png and run.json.")
    ] = DEFAULT_OUTPUT,
    compare_rows: Annotated[
        int, typer.Option(min=0, help="Rows on which the base and the tuned model are compared; 0 means no comparison.")
    ] = 50,
    yes: Yes = False,
    handler: Handler = None,
    env: Variables = None,
    timeout: Timeout = None,
    memory: Memory = None,
    layer: Layers = None,
    runtime: Runtime = None,
    architecture: Architecture = None,
    refresh: Refresh = False,
    code_bucket: CodeBucketName = None,
) -> None:
    """Check, deploy, upload, train, watch, compare and report, in one command."""
    if data == DEFAULT_DATA and not Path(data).exists():
        raise UsageError(
            f"{DEFAULT_DATA} does not exist here; it is the default of --data.",
            next_step="Name a file: rft train --data FILE",
        )
    require_default_reward(reward, command="rft train --reward DIR")
    options = TrainOptions(
        data=data,
        validation=validation,
        reward=reward,
        function=build_function_options(
            handler=handler,
            env=env,
            timeout=timeout,
            memory=memory,
            layer=layer,
            runtime=runtime,
            architecture=architecture,
            refresh=refresh,
            code_bucket=code_bucket,
        ),
        model=model,
        hyperparameters=Hyperparameters(n_epochs=epochs, batch_size=batch_size, learning_rate_multiplier=lr_multiplier),
        output=output,
        compare_rows=compare_rows,
        yes=yes,
        cache_folder=cache_folder_from_environment(),
    )
    run_training(options, target=target_from_environment(), console=open_console())
