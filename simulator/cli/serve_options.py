"""Options of the commands that start a simulator (`serve`, `exec`), and how --set combines with them."""

from pathlib import Path
from typing import Annotated, Final

import typer

from simulator.cli.exit_codes import exit_with_error
from simulator.cli.setting_help import meaning_of
from simulator.clock import TIME_FORMAT, parse_time
from simulator.settings import (
    MAX_PORT,
    Auth,
    InvalidSettingError,
    Pace,
    Region,
    ResponseEvents,
    Settings,
    apply_assignments,
)

DEFAULTS: Final = Settings()

Port = Annotated[int, typer.Option(help=meaning_of("port"), min=0, max=MAX_PORT)]
Host = Annotated[str, typer.Option(help=meaning_of("host"))]
RegionOption = Annotated[Region, typer.Option(help=meaning_of("region"), metavar="REGION")]
Seed = Annotated[int, typer.Option(help=meaning_of("seed"))]
Epoch = Annotated[str | None, typer.Option(help=meaning_of("epoch"), metavar="TIME")]
AuthOption = Annotated[Auth, typer.Option(help=meaning_of("auth"))]
PaceOption = Annotated[Pace, typer.Option(help=meaning_of("pace"))]
Speed = Annotated[float, typer.Option(help=meaning_of("speed"))]
ResponseEventsOption = Annotated[ResponseEvents, typer.Option(help=meaning_of("responses_events"))]
Data = Annotated[Path | None, typer.Option(help=meaning_of("data"))]
Rollouts = Annotated[Path | None, typer.Option(help=meaning_of("rollouts"), metavar="DIR")]
Faults = Annotated[Path | None, typer.Option(help=meaning_of("faults"), metavar="FILE")]
SettingChanges = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Give a setting this value. `rft-sim settings` lists all settings. Repeatable.",
    ),
]


def apply_changes(settings: Settings, changes: list[str] | None, context: typer.Context) -> Settings:
    """Return the settings after --set.

    Exit with an error when a value is invalid, or when --set repeats a setting that an option already gives.
    """
    sources = {name: context.get_parameter_source(name) for name in context.params}
    options = {name for name, source in sources.items() if source and source.name == "COMMANDLINE"}
    assignments = []
    for change in changes or ():
        name, equals, value = change.partition("=")
        if name in options:
            exit_with_error(f"--set {change} and {option_name(name)}: give one of the two")
        assignments.append(f"{name}={parse_epoch(value)}" if name == "epoch" and equals else change)
    try:
        return apply_assignments(settings, assignments)
    except InvalidSettingError as error:
        invalid_name = str(error).partition("=")[0]
        exit_with_error(f"{'--' if invalid_name in options else '--set '}{error}")


def parse_epoch(text: str) -> int:
    """Return the seconds since 1970 that --epoch names."""
    try:
        return parse_time(text)
    except ValueError:
        exit_with_error(f"--epoch takes {TIME_FORMAT}, not {text!r}")


def option_name(setting: str) -> str:
    """Return the command-line option of a setting."""
    return f"--{setting.replace('_', '-')}"
