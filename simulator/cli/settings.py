"""`rft-sim settings`: list every setting."""

import shutil
import sys
import textwrap
from dataclasses import fields
from inspect import signature
from typing import Final

import typer

from simulator.cli import serve_options as options
from simulator.cli.serve import serve
from simulator.cli.setting_help import settings_help
from simulator.settings import Settings, format_assignments

_INDENT: Final = "    "
_ASSIGNMENT_WIDTH: Final = 38
"""Columns that hold most settings with their defaults."""


def list_settings(context: typer.Context, changes: options.SettingChanges = None) -> None:
    """List every setting as NAME=VALUE, with its default, allowed values, meaning and evidence.

    The evidence says how we know what Bedrock does:
    DOCUMENTED: a page of AWS's documentation.
    SAMPLE: Amazon's sample code relies on it.
    OBSERVED: a third party quotes a live response.
    OPENAI: OpenAI's specification.
    INFERRED: our guess.
    """
    settings = options.apply_changes(options.DEFAULTS, changes, context)
    width = shutil.get_terminal_size().columns if _is_terminal() else None
    for assignment in format_assignments(settings):
        setting = settings_help()[assignment.partition("=")[0]]
        also = f" Option: {options.option_name(setting.name)}." if setting.name in settings_with_option() else ""
        if setting.name == "lambda_isolation":
            also = f" {_isolation_here(settings)}"
        if width is None:  # one line per setting, for grep; a shell ignores what follows the #
            typer.echo(f"{assignment:<{_ASSIGNMENT_WIDTH}} # {setting.accepts}. {setting.explanation}{also}")
            continue
        typer.secho(assignment, bold=True)
        for text in (f"{setting.explanation}{also}", f"Values: {setting.accepts}."):
            typer.echo(
                textwrap.fill(text, width, initial_indent=_INDENT, subsequent_indent=_INDENT, break_on_hyphens=False)
            )


def _isolation_here(settings: Settings) -> str:
    """Return how functions run with these settings on this machine."""
    from simulator.lambdas.isolation_choice import describe_missing_namespaces, find_problem  # noqa: PLC0415  imported late, so that --help is fast

    problem = find_problem(settings.lambda_isolation)
    if problem is None:
        return "On this machine: namespaces."
    return f"On this machine: none. {describe_missing_namespaces(problem)}"


def settings_with_option() -> frozenset[str]:
    """Return the names of the settings that `serve` and `exec` have an option for."""
    return frozenset({field.name for field in fields(Settings)} & signature(serve).parameters.keys())


def _is_terminal() -> bool:
    return sys.stdout.isatty()
