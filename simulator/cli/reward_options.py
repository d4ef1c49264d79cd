"""Options that name a reward function and a run, shared by `doctor`, `preview`, `estimate` and `regrade`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from simulator.cli.environment import read_interpreter_folders
from simulator.cli.exit_codes import exit_with_error
from simulator.lambdas.limits import TIMEOUT_RANGE_SECONDS
from simulator.settings import InvalidSettingError, LambdaPython, Settings, apply_assignments
from simulator.training.hyperparameters import Hyperparameters

if TYPE_CHECKING:
    from simulator.doctor.reward_function import RewardFunction
    from simulator.doctor.run_budget import RunBudget

DEFAULT_MODEL: Final = "openai.gpt-oss-20b"

DEFAULT_SETTINGS: Final = Settings()
DEFAULT_HYPERPARAMETERS: Final = Hyperparameters()

_MAX_EPOCHS: Final = 50
"""DOCUMENTED for RFTHyperParameters of CreateModelCustomizationJob. For the OpenAI-compatible n_epochs: INFERRED."""

_MAX_LR_MULTIPLIER: Final = 1_000.0
"""INFERRED: smaller values already break any model, so a larger one is a typing mistake."""

_RUN_PANEL: Final = "The run"
_FUNCTION_PANEL: Final = "The function"


class Architecture(StrEnum):
    """The processors of Lambda."""

    X86_64 = "x86_64"
    ARM64 = "arm64"


class Target(StrEnum):
    """Where a deployed function is: the values of RFT_TARGET."""

    SIMULATOR = "simulator"
    BEDROCK = "bedrock"


def _check_timeout(seconds: float | None) -> float | None:
    low, high = TIMEOUT_RANGE_SECONDS
    if seconds is not None and not low <= seconds <= high:
        exit_with_error(f"--timeout {seconds:g}: Lambda takes {low} to {high} seconds")
    return seconds


Validation = Annotated[Path | None, typer.Option(help="The validation file.", metavar="FILE")]
Model = Annotated[str, typer.Option(help="The base model.", rich_help_panel=_RUN_PANEL)]
Epochs = Annotated[
    int, typer.Option(help="Passes over the training file.", min=1, max=_MAX_EPOCHS, rich_help_panel=_RUN_PANEL)
]
BatchSize = Annotated[int, typer.Option(help="Prompts per step.", min=1, rich_help_panel=_RUN_PANEL)]
LrMultiplier = Annotated[
    float,
    typer.Option(
        help="The multiplier of the learning rate.",
        min=0.0,
        max=_MAX_LR_MULTIPLIER,
        rich_help_panel=_RUN_PANEL,
    ),
]
Handler = Annotated[
    str | None,
    typer.Option(help="The handler. Default: lambda_function.lambda_handler.", rich_help_panel=_FUNCTION_PANEL),
]
Timeout = Annotated[
    float | None,
    typer.Option(help="The function's time-out in seconds.", callback=_check_timeout, rich_help_panel=_FUNCTION_PANEL),
]
Memory = Annotated[
    int | None, typer.Option(help="The function's memory in MB. Default: 512.", rich_help_panel=_FUNCTION_PANEL)
]
Runtime = Annotated[
    str | None,
    typer.Option(
        help="The function's Runtime. Default: that of the Python that runs this command.",
        metavar="python3.X",
        rich_help_panel=_FUNCTION_PANEL,
    ),
]
ArchitectureOption = Annotated[
    Architecture | None,
    typer.Option(
        "--architecture",
        help="The function's processor at AWS; here it runs on this machine's. Default: x86_64.",
        rich_help_panel=_FUNCTION_PANEL,
    ),
]
Variables = Annotated[
    list[str] | None,
    typer.Option(
        "--env",
        metavar="NAME=VALUE",
        help="An environment variable of the function. Repeatable.",
        rich_help_panel=_FUNCTION_PANEL,
    ),
]
Yes = Annotated[
    bool,
    typer.Option(
        "--yes", help="Accept that AWS bills the invocations of a function at AWS.", rich_help_panel=_FUNCTION_PANEL
    ),
]
TargetOption = Annotated[Target, typer.Option(envvar="RFT_TARGET", hidden=True)]
Json = Annotated[
    str | None, typer.Option("--json", help="Write JSON to a file; - is standard output.", metavar="FILE|-")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardFunctionOptions:
    """A reward function as the user named it, and how to run it.

    Attributes:
        reward: a folder, a .py file, a zip, or a deployed function's ARN or name.
        simulator: the URL of the simulator that a deployed function is in.
        is_at_aws: a deployed function is at AWS and not in a simulator.
        accepts_billing: the user agrees to the cost of invocations at AWS.
        runtime: the Runtime of a function that runs here.
        architecture: the processor that the package of a function that runs here is for.
    """

    reward: str
    handler: str | None
    timeout: float | None
    memory_mb: int | None
    variables: Sequence[str]
    simulator: str
    is_at_aws: bool
    accepts_billing: bool
    runtime: str | None = None
    architecture: Architecture | None = None


def parse_settings(changes: Sequence[str] | None) -> Settings:
    """Return the default settings after --set."""
    try:
        return apply_assignments(DEFAULT_SETTINGS, changes or ())
    except InvalidSettingError as error:
        exit_with_error(f"--set {error}")


@contextmanager
def open_reward_function(
    function: RewardFunctionOptions, *, settings: Settings, calls: int, budget: "RunBudget | None" = None
) -> Iterator["RewardFunction"]:
    """Load a reward function for the length of the block.

    `calls` is about how often it will be invoked, and `budget` the time that the calls may take.
    """
    from simulator.doctor.loading import LoadError, load_reward_function  # noqa: PLC0415  --help need not wait for it

    try:
        with load_reward_function(
            function.reward,
            wall_clock=time,
            handler=function.handler,
            timeout=function.timeout,
            memory_mb=function.memory_mb,
            environment=_parse_variables(function.variables),
            runtime=function.runtime,
            architecture=function.architecture and function.architecture.value,
            interpreters=read_interpreter_folders(),
            requires_python=settings.lambda_python is LambdaPython.EXACT,
            region=settings.region,
            simulator=function.simulator,
            at_aws=function.is_at_aws,
            max_workers=settings.lambda_workers,
            isolation=settings.lambda_isolation,
            seed=settings.seed,
            budget=budget,
        ) as reward_function:
            if function.is_at_aws and reward_function.spec is None and not function.accepts_billing:
                exit_with_error(
                    f"{function.reward} is at AWS. About {calls:,} invocations will be billed to your account, and so "
                    "will any service that it calls. Add --yes to continue."
                )
            yield reward_function
    except LoadError as error:
        exit_with_error(str(error))


def _parse_variables(texts: Sequence[str]) -> dict[str, str]:
    variables: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            exit_with_error(f"--env {text}: give NAME=VALUE")
        if name in variables:
            exit_with_error(f"--env {name} is given twice: {variables[name]!r} and {value!r}")
        variables[name] = value
    return variables
