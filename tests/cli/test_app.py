"""The command line of `rft-sim`, as far as it starts no simulator."""

from importlib import metadata

import pytest
from typer.testing import CliRunner

from simulator.cli.app import app
from simulator.settings import Settings, apply_assignments, format_assignments
from tests.simulators import RunningSimulator


def test_the_version_is_told() -> None:
    """The distribution's own."""
    done = CliRunner().invoke(app, ["--version"])
    assert (done.exit_code, done.stdout) == (0, f"rft-sim {metadata.version('bedrock-rft-testbed')}\n")


def test_the_list_of_settings_is_one_line_each_when_it_is_piped() -> None:
    """An assignment first, as --set takes it, then what a shell leaves alone: the values, the meaning, the option."""
    lines = CliRunner().invoke(app, ["settings", "--set", "pace=poll"]).stdout.splitlines()
    given = [line.split()[0] for line in lines]
    assert given == format_assignments(apply_assignments(Settings(), ["pace=poll"]))
    (pace,) = (line for line in lines if line.startswith("pace="))
    assert pace == (
        "pace=poll                              # instant | finished | poll | manual | realtime. "
        "Who advances a job. instant: it runs at full speed. finished: it has ended when its creation returns. "
        "poll: each retrieve advances it by one event. "
        "manual: only `rft-sim clock` advances it. realtime: a running clock advances it. Also --pace."
    )


def test_the_list_says_where_the_clock_of_a_server_starts() -> None:
    """The default that is listed is `exec`'s."""
    lines = CliRunner().invoke(app, ["settings"]).stdout.splitlines()
    (epoch,) = (line for line in lines if line.startswith("epoch="))
    assert "`serve` starts at this machine's time by default" in epoch


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_list_of_settings_fits_a_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is wider."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr("simulator.cli.settings._is_terminal", lambda: True)
    lines = CliRunner().invoke(app, ["settings"]).stdout.splitlines()
    assert [line for line in lines if len(line) > width] == []
    assert "    Values: verify | any." in lines


@pytest.mark.parametrize("command", ["serve", "exec"])
@pytest.mark.parametrize(
    ("arguments", "said"),
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
def test_an_option_that_cannot_be_is_told_in_a_line(command: str, arguments: list[str], said: str) -> None:
    """By the way it was given; a setting that has an option of its own is given in one way."""
    done = CliRunner().invoke(app, [command, *arguments, *(["--", "true"] if command == "exec" else [])])
    assert (done.exit_code, done.stderr) == (2, f"rft-sim: {said}\n")


@pytest.mark.shows("regions")
@pytest.mark.parametrize("command", [["serve"], ["env"], ["exec", "--", "true"]])
def test_an_unknown_region_is_refused_with_the_list_of_them(
    command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that have a Mantle endpoint."""
    monkeypatch.setenv("COLUMNS", "400")
    done = CliRunner().invoke(app, [command[0], "--region", "us-west-1", *command[1:]])
    assert done.exit_code == 2
    assert "'us-west-1' is not one of 'us-east-1', 'us-east-2', 'us-west-2', 'ap-southeast-3'" in done.stderr


@pytest.mark.parametrize("port", ["0", "65536"])
def test_env_takes_a_port_that_can_be_listened_on(port: str) -> None:
    """Nothing is printed that a shell would take."""
    done = CliRunner().invoke(app, ["env", "--port", port])
    assert (done.exit_code, done.stdout) == (2, "")


def test_health_tells_the_region(local_simulator: RunningSimulator) -> None:
    """`rft-sim env` asks for it."""
    body = local_simulator.http.get("/_simulator/health").text
    assert body == f'{{"data":null,"now":{Settings().epoch},"region":"us-west-2","status":"ok"}}'
