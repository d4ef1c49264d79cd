"""`rft-sim`: the version, the list of settings, and the options of the commands that start a simulator."""

from importlib import metadata
from pathlib import Path
from typing import NoReturn

import pytest
from typer.testing import CliRunner

from simulator.cli.app import app
from simulator.settings import Auth, Pace, ResponseEvents, Settings, apply_assignments, format_assignments
from simulator.store.data_folder import DataFolderError
from tests.simulators import RunningSimulator


def test_version_is_that_of_the_distribution() -> None:
    """`rft-sim --version`."""
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"rft-sim {metadata.version('bedrock-rft-testbed')}\n")


def test_settings_has_one_line_per_setting_in_a_pipe() -> None:
    """First the assignment that --set accepts, then a comment: values, meaning, evidence, option."""
    lines = CliRunner().invoke(app, ["settings", "--set", "pace=poll"]).stdout.splitlines()
    assert [line.split()[0] for line in lines] == format_assignments(apply_assignments(Settings(), ["pace=poll"]))
    (pace,) = (line for line in lines if line.startswith("pace="))
    assert pace == (
        "pace=poll                              # instant | finished | poll | manual | realtime. "
        "What advances a job. instant: it runs at full speed. finished: as instant, and the request that creates the "
        "job returns after the job has ended. poll: each request that retrieves the job advances it by one event. "
        "manual: only `rft-sim clock` advances it. realtime: a running clock advances it. Option: --pace."
    )


def test_settings_says_where_the_clock_of_serve_starts() -> None:
    """The listed default is that of `exec`."""
    lines = CliRunner().invoke(app, ["settings"]).stdout.splitlines()
    (epoch,) = (line for line in lines if line.startswith("epoch="))
    assert "`serve` starts at this machine's time by default" in epoch


@pytest.mark.parametrize("width", [40, 80, 120])
def test_settings_fits_the_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is wider."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr("simulator.cli.settings._is_terminal", lambda: True)
    lines = CliRunner().invoke(app, ["settings"]).stdout.splitlines()
    assert [line for line in lines if len(line) > width] == []
    assert "    Values: verify | any." in lines


@pytest.mark.parametrize("command", ["serve", "exec"])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "5", "--set", "port=9"], "--set port=9 and --port: give one of the two"),
        (
            ["--responses-events", "openai", "--set", "responses_events=vllm"],
            "--set responses_events=vllm and --responses-events: give one of the two",
        ),
        (["--set", "port=70000"], "--set port=70000: input should be less than or equal to 65535"),
        (["--epoch", "-1"], "--epoch=-1: input should be greater than or equal to 0"),
        (["--host", ""], "--host=: string should have at least 1 character"),
        (
            ["--set", "epoch=noon"],
            "--epoch takes seconds since 1970 or a time such as 2026-01-31T12:00:00Z, not 'noon'",
        ),
    ],
)
def test_an_invalid_option_is_a_one_line_error(command: str, arguments: list[str], message: str) -> None:
    """The message names the option as it was given. A setting cannot be given twice."""
    result = CliRunner().invoke(app, [command, *arguments, *(["--", "true"] if command == "exec" else [])])
    assert (result.exit_code, result.stderr) == (2, f"rft-sim: {message}\n")


@pytest.mark.shows("regions")
@pytest.mark.parametrize("command", [["serve"], ["env"], ["exec", "--", "true"]])
def test_an_unknown_region_is_an_error_that_lists_the_regions(
    command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The regions that have a Mantle endpoint."""
    monkeypatch.setenv("COLUMNS", "400")
    result = CliRunner().invoke(app, [command[0], "--region", "us-west-1", *command[1:]])
    assert result.exit_code == 2
    assert "'us-west-1' is not one of 'us-east-1', 'us-east-2', 'us-west-2', 'ap-southeast-3'" in result.stderr


def test_health_has_the_region(local_simulator: RunningSimulator) -> None:
    """`rft-sim env` reads it."""
    body = local_simulator.http.get("/_simulator/health").text
    assert body == f'{{"data":null,"now":{Settings().epoch},"region":"us-west-2","status":"ok"}}'


OPTIONS = {
    "host": ("0.0.0.0", "0.0.0.0"),
    "region": ("eu-west-1", "eu-west-1"),
    "seed": ("7", 7),
    "epoch": ("2026-01-31T12:00:00Z", 1_769_860_800),
    "pace": ("manual", Pace.MANUAL),
    "speed": ("2.5", 2.5),
    "auth": ("any", Auth.ANY),
    "responses_events": ("openai", ResponseEvents.OPENAI),
    "data": ("data", Path("data")),
    "rollouts": ("rollouts", Path("rollouts")),
    "faults": ("faults.json", Path("faults.json")),
}


@pytest.mark.parametrize(
    ("command", "function"), [("serve", "simulator.Simulator"), ("exec", "server.serve_in_thread")]
)
@pytest.mark.parametrize("uses_set", [False, True])
def test_every_option_reaches_its_setting(
    command: str, function: str, uses_set: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an option and with --set, for `serve` and for `exec`."""
    started: list[Settings] = []

    def start(settings: Settings, *_: object, **__: object) -> NoReturn:
        started.append(settings)
        raise DataFolderError("the test ends here")

    monkeypatch.setattr(f"simulator.{function}", start)
    monkeypatch.setattr("simulator.cli.signals.signal.signal", lambda *_: None)
    arguments = [
        f"--set={name}={text}" if uses_set else f"--{name.replace('_', '-')}={text}"
        for name, (text, _) in OPTIONS.items()
    ]
    result = CliRunner().invoke(
        app, [command, "--port=0", *arguments, *(["--", "true"] if command == "exec" else ["--quiet"])]
    )
    assert (result.exit_code, result.stderr) == (2, "rft-sim: the test ends here\n")
    assert {name: getattr(started[0], name) for name in OPTIONS} == {
        name: value for name, (_, value) in OPTIONS.items()
    }
