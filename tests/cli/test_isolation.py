"""The commands say how functions are separated from this machine."""

import logging
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from simulator.cli.app import app
from simulator.lambdas import isolation_choice
from simulator.lambdas.sandbox.launcher import SandboxUnavailableError
from tests.simulators import simulator_in_process

REASON = "unshare is not permitted"
WITHOUT = (
    "Functions run without Lambda's file system, because {reason}. They share this machine's files and /tmp, so a "
    "function that fails at AWS can work here."
)


@pytest.fixture
def forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the system forbid namespaces."""

    def refuse(_folder: Path, **_options: Any) -> None:
        raise SandboxUnavailableError(REASON)

    monkeypatch.setattr(isolation_choice, "SandboxIsolation", refuse)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [((), REASON), (("--set", "lambda_isolation=none"), "the setting lambda_isolation is none")],
)
def test_settings_say_why_functions_have_no_namespaces(
    forbidden: None, arguments: tuple[str, ...], reason: str
) -> None:
    """After the meaning of the setting."""
    lines = CliRunner().invoke(app, ["settings", *arguments]).stdout.splitlines()
    (line,) = (line for line in lines if line.startswith("lambda_isolation="))
    assert line.partition(" On this machine: ")[2] == "none. " + WITHOUT.format(reason=reason)


def test_serve_exits_where_the_required_namespaces_are_forbidden(forbidden: None) -> None:
    """With the reason and the way out."""
    result = CliRunner().invoke(app, ["serve", "--quiet", "--port", "0", "--set", "lambda_isolation=namespaces"])
    assert (result.exit_code, result.stderr) == (
        2,
        f"rft-sim: lambda_isolation=namespaces is not possible, because {REASON}. Or run with auto.\n",
    )


def test_a_simulator_says_once_at_its_start_that_functions_have_no_namespaces(
    forbidden: None, caplog: pytest.LogCaptureFixture
) -> None:
    """On standard error, through the log."""
    with simulator_in_process() as simulator, caplog.at_level(logging.WARNING):
        simulator.instance.warm_up()
    assert caplog.messages == [WITHOUT.format(reason=REASON)]
