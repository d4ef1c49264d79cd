"""What several commands are given: options, files and functions, read in one way and refused in one line."""

import io
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from time import time
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from simulator.cli.server_options import exit_with_error
from simulator.lambdas.limits import TIMEOUT_RANGE_SECONDS
from simulator.settings import InvalidSettingError, Settings, apply_assignments
from simulator.training.dataset import DatasetError, DatasetLimits, Record, read_records
from simulator.training.hyperparameters import Hyperparameters

if TYPE_CHECKING:
    from rich.console import Console

    from simulator.doctor.reward_function import RewardFunction

DEFAULT_MODEL: Final = "openai.gpt-oss-20b"

EXIT_FAILED: Final = 1
EXIT_INTERRUPTED: Final = 128 + signal.SIGINT

STANDARD_OUTPUT: Final = "-"

DEFAULT_SETTINGS: Final = Settings()
DEFAULT_HYPERPARAMETERS: Final = Hyperparameters()

_MAX_EPOCHS: Final = 50
"""DOCUMENTED of RFTHyperParameters (CreateModelCustomizationJob); of the OpenAI-compatible n_epochs nothing is said."""

_MAX_LR_MULTIPLIER: Final = 1_000.0
"""Far beyond what breaks any model: more is a slip (INFERRED)."""

_RUN_PANEL: Final = "The run"
_FUNCTION_PANEL: Final = "The function"


class Target(StrEnum):
    """Where a deployed function is looked for: RFT_TARGET's values."""

    SIMULATOR = "simulator"
    BEDROCK = "bedrock"


def _check_timeout(seconds: float | None) -> float | None:
    low, high = TIMEOUT_RANGE_SECONDS
    if seconds is not None and not low <= seconds <= high:
        exit_with_error(f"--timeout {seconds:g}: Lambda takes {low} to {high} seconds")
    return seconds


SettingChanges = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Any setting; `rft-sim settings` lists them. Repeatable."),
]
Validation = Annotated[Path | None, typer.Option(help="The validation file.", metavar="FILE")]
Model = Annotated[str, typer.Option(help="The base model.", rich_help_panel=_RUN_PANEL)]
Epochs = Annotated[int, typer.Option(help="Passes over the file.", min=1, max=_MAX_EPOCHS, rich_help_panel=_RUN_PANEL)]
BatchSize = Annotated[int, typer.Option(help="Prompts in a step.", min=1, rich_help_panel=_RUN_PANEL)]
LrMultiplier = Annotated[
    float,
    typer.Option(
        help="The learning rate's multiplier.",
        min=0.0,
        max=_MAX_LR_MULTIPLIER,
        rich_help_panel=_RUN_PANEL,
    ),
]
Handler = Annotated[
    str | None, typer.Option(help="By default lambda_function.lambda_handler.", rich_help_panel=_FUNCTION_PANEL)
]
Timeout = Annotated[
    float | None,
    typer.Option(help="Its time-out in seconds.", callback=_check_timeout, rich_help_panel=_FUNCTION_PANEL),
]
Memory = Annotated[int | None, typer.Option(help="MB; 512 by default.", rich_help_panel=_FUNCTION_PANEL)]
Variables = Annotated[
    list[str] | None,
    typer.Option("--env", metavar="NAME=VALUE", help="A variable of it. Repeatable.", rich_help_panel=_FUNCTION_PANEL),
]
Yes = Annotated[
    bool, typer.Option("--yes", help="Invoke a function at AWS, which is billed.", rich_help_panel=_FUNCTION_PANEL)
]
TargetOption = Annotated[Target, typer.Option(envvar="RFT_TARGET", hidden=True)]
Json = Annotated[str | None, typer.Option("--json", help="Write JSON; - is standard output.", metavar="FILE|-")]


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardFunctionOptions:
    """A reward function as the user named it, and how it is to run.

    Attributes:
        simulator: the URL of a simulator that it may be deployed in.
        is_at_aws: it is looked for at AWS, and not in a simulator.
        accepts_billing: the user agrees to what its invocations cost there.
    """

    reward: str
    handler: str | None
    timeout: float | None
    memory_mb: int | None
    variables: Sequence[str]
    simulator: str
    is_at_aws: bool
    accepts_billing: bool


def parse_settings(changes: Sequence[str] | None) -> Settings:
    """Return the settings after --set."""
    try:
        return apply_assignments(DEFAULT_SETTINGS, changes or ())
    except InvalidSettingError as error:
        exit_with_error(f"--set {error}")


def read_file(path: Path) -> bytes:
    """Return a file's bytes."""
    try:
        return path.read_bytes()
    except OSError as error:
        exit_with_error(f"{path} cannot be read: {error.strerror}")


def parse_records(data: bytes, path: Path, limits: DatasetLimits) -> tuple[Record, ...]:
    """Return the records that a file's bytes hold."""
    try:
        return read_records(io.BytesIO(data), limits)
    except DatasetError as error:
        exit_with_error(f"{path}: {error}")


def try_write_file(path: Path, text: str) -> str:
    """Write a file, and return in a line why it cannot be; empty when it was written."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        return f"{path} cannot be written: {error.strerror}"
    return ""


def write_file(path: Path, text: str) -> None:
    """Write a file, or end with a line."""
    if fault := try_write_file(path, text):
        exit_with_error(fault)


def check_report_paths(reports: Mapping[str, Path], *, inputs: Mapping[str, Path | None]) -> None:
    """End with a line where a report cannot be written, or would take the place of another one or of what is read.

    What is there is left as it is; a file that was not there is not there afterwards.

    Args:
        reports: where each is to go, by the option that names it.
        inputs: files that are read, likewise.
    """
    taken = {path.resolve(): option for option, path in inputs.items() if path is not None}
    for option, path in reports.items():
        if other := taken.get(path.resolve()):
            exit_with_error(f"{other} and {option} both name {path}: give one of them another file")
        taken[path.resolve()] = option
        if not path.parent.is_dir():
            exit_with_error(f"{path} cannot be written: there is no folder {path.parent}")
        if path.is_dir():
            exit_with_error(f"{path} is a folder; name a file")
        # A pipe would wait for its reader, and a device is written to when the time comes.
        if path.exists() and not path.is_file():
            continue
        there = path.exists()
        try:
            path.open("ab").close()
        except OSError as error:
            exit_with_error(f"{path} cannot be written: {error.strerror}")
        if not there:
            path.unlink()


def make_console(*, stderr: bool = False) -> "Console":
    """Return a console that a pipe's narrow encoding does not stop."""
    from rich.console import Console  # noqa: PLC0415  --help need not wait for it

    stream = sys.stderr if stderr else sys.stdout
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")
    return Console(stderr=stderr, highlight=False, emoji=False)


@contextmanager
def open_reward_function(
    function: RewardFunctionOptions, *, settings: Settings, calls: int
) -> Iterator["RewardFunction"]:
    """Give the patient that a function is, for the length of the block; `calls` is how often it will be invoked."""
    from simulator.doctor.loading import LoadError, load_reward_function  # noqa: PLC0415  --help need not wait for it

    try:
        with load_reward_function(
            function.reward,
            wall_clock=time,
            handler=function.handler,
            timeout=function.timeout,
            memory_mb=function.memory_mb,
            environment=_parse_variables(function.variables),
            region=settings.region,
            simulator=function.simulator,
            at_aws=function.is_at_aws,
            max_workers=settings.lambda_workers,
            seed=settings.seed,
        ) as patient:
            if function.is_at_aws and patient.spec is None and not function.accepts_billing:
                exit_with_error(
                    f"{function.reward} is at AWS, and about {calls:,} invocations of it will be billed to your "
                    "account, with whatever they call themselves. Say --yes to go on."
                )
            yield patient
    except LoadError as error:
        exit_with_error(str(error))


def _parse_variables(texts: Sequence[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            exit_with_error(f"--env {text}: give NAME=VALUE")
        if name in given:
            exit_with_error(f"--env {name} is given twice: {given[name]!r} and {value!r}")
        given[name] = value
    return given


@contextmanager
def handle_interrupts() -> Iterator[None]:
    """Let signals unwind, so that the function's workers end; Ctrl-C then exits with its code, and no traceback."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in numbers[1:]:
        signal.signal(number, _exit_on_signal)
    try:
        yield
    except KeyboardInterrupt:
        exit_with_error("interrupted", code=EXIT_INTERRUPTED)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _exit_on_signal(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
