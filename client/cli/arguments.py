"""Arguments and defaults that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from client.errors import UsageError
from client.function_options import (
    ARCHITECTURES,
    DEFAULT_ARCHITECTURE,
    DEFAULT_MEMORY_MB,
    DEFAULT_RUNTIME,
    DEFAULT_TIMEOUT_SECONDS,
    FunctionOptions,
    parse_architecture,
    parse_runtime,
    parse_variables,
)

DEFAULT_DATA: Final = "fixtures/prompts/train.jsonl"
DEFAULT_REWARD_FOLDER: Final = Path("reward_lambda")
DEFAULT_REWARD: Final = str(DEFAULT_REWARD_FOLDER)
DEFAULT_MODEL: Final = "openai.gpt-oss-20b"

REWARD_METAVAR: Final = "DIR|FILE|NAME|ARN"
REWARD_HELP: Final = (
    "The reward function: a folder with lambda_function.py, a .py file, a zip, or the name or ARN of a function that "
    "is deployed already. The requirements.txt or pyproject.toml of a folder or file is installed into the package."
)
_FUNCTION_PANEL: Final = "The function that is deployed"


def require_id(value: str) -> str:
    """Return an id unchanged.

    Raises:
        UsageError: it is empty, as from a shell variable that is not set.
    """
    if not value.strip():
        raise UsageError("The id is empty.", next_step="`rft jobs` lists the jobs and their models.")
    return value


JobId = Annotated[str, typer.Argument(metavar="JOB", help="The job's id, ftjob-...", callback=require_id)]
Yes = Annotated[
    bool, typer.Option("--yes", help="Do not ask before creating resources at AWS. These resources may cost money.")
]
Handler = Annotated[
    str | None,
    typer.Option(
        metavar="MODULE.FUNCTION",
        help="The handler.",
        show_default="lambda_function.lambda_handler, or FILE.lambda_handler",
        rich_help_panel=_FUNCTION_PANEL,
    ),
]
Variables = Annotated[
    list[str] | None,
    typer.Option(
        "--env",
        metavar="NAME=VALUE",
        help="An environment variable. Repeatable. They replace all variables of an existing function.",
        rich_help_panel=_FUNCTION_PANEL,
    ),
]
Timeout = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=900,
        metavar="SECONDS",
        help="The time-out of one call.",
        show_default=str(DEFAULT_TIMEOUT_SECONDS),
        rich_help_panel=_FUNCTION_PANEL,
    ),
]
Memory = Annotated[
    int | None,
    typer.Option(
        min=128,
        max=10_240,
        metavar="MB",
        help="The memory.",
        show_default=str(DEFAULT_MEMORY_MB),
        rich_help_panel=_FUNCTION_PANEL,
    ),
]
Layers = Annotated[
    list[str] | None,
    typer.Option(
        "--layer",
        metavar="ARN|ZIP|DIR",
        help="A layer: the ARN of a version, or a zip or folder with python/, which is published. Repeatable. They "
        "replace all layers of an existing function.",
        rich_help_panel=_FUNCTION_PANEL,
    ),
]
Runtime = Annotated[
    str | None,
    typer.Option(
        metavar="python3.X",
        help="The Python of the function.",
        show_default=f"{DEFAULT_RUNTIME}, as here",
        rich_help_panel=_FUNCTION_PANEL,
    ),
]
Architecture = Annotated[
    str | None,
    typer.Option(
        metavar="|".join(ARCHITECTURES),
        help="The processor of the function.",
        show_default=f"{DEFAULT_ARCHITECTURE}, as here, if requirements are compiled; otherwise x86_64, or that of the "
        "existing function",
        rich_help_panel=_FUNCTION_PANEL,
    ),
]
Refresh = Annotated[
    bool,
    typer.Option(
        "--refresh",
        help="Install the requirements again: newer versions of those that are not pinned. Without it the versions of "
        "the first time are taken from the cache.",
        rich_help_panel=_FUNCTION_PANEL,
    ),
]
CodeBucketName = Annotated[
    str | None,
    typer.Option(
        "--code-bucket",
        metavar="BUCKET",
        help="The S3 bucket for a zip of more than 50 MB, in the region of the function.",
        show_default="rft-deploy-ACCOUNT-REGION, which is created",
        rich_help_panel=_FUNCTION_PANEL,
    ),
]


def require_default_reward(reward: str, *, command: str) -> None:
    """Refuse a missing folder that the user did not name, instead of a search for a function of that name.

    Raises:
        UsageError: the reward function is the default, and that folder does not exist. Or it is empty, as from a shell
            variable that is not set.
    """
    if not reward.strip():
        raise UsageError("The reward function is empty.", next_step=f"Name one: {command}")
    if reward == DEFAULT_REWARD and not DEFAULT_REWARD_FOLDER.exists():
        raise UsageError(
            f"{DEFAULT_REWARD} does not exist here; it is the default reward function.",
            next_step=f"Name yours: {command}",
        )


def build_function_options(
    *,
    handler: str | None,
    env: list[str] | None,
    timeout: int | None,
    memory: int | None,
    layer: list[str] | None,
    runtime: str | None,
    architecture: str | None,
    refresh: bool,
    code_bucket: str | None,
) -> FunctionOptions:
    """Return the options of the function after a check of each.

    Raises:
        UsageError: Lambda would refuse one.
    """
    return FunctionOptions(
        handler=handler,
        environment=parse_variables(env),
        timeout=timeout,
        memory_mb=memory,
        layers=tuple(layer or ()),
        runtime=parse_runtime(runtime),
        architecture=parse_architecture(architecture),
        refreshes=refresh,
        code_bucket=code_bucket,
    )
