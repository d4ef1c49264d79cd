"""`rft-sim faults`: what it prints and how it ends."""

import json
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from simulator.cli import faults as control
from simulator.cli.app import app
from tests.simulators import RunningSimulator

FIXTURES = Path(__file__).parents[2] / "fixtures" / "faults"

DROP: dict[str, Any] = {"request": {"path": "/v1/models"}, "drop": "before"}
SLOW: dict[str, Any] = {"note": "do not time out", "request": {}, "times": None, "delay": 0.001}
THROTTLED: dict[str, Any] = {
    "request": {"method": "GET", "path": "/v1/models/*", "model": "openai.*"},
    "nth": 2,
    "times": 3,
    "error": "RATE_LIMITED",
    "retry_after": 2,
}


@pytest.fixture
def faulty_simulator(served_simulator: RunningSimulator) -> Iterator[RunningSimulator]:
    """The module's served simulator, without faults before and after each test."""
    served_simulator.instance.context.fault_registry.clear()
    yield served_simulator
    served_simulator.instance.context.fault_registry.clear()


class Terminal(StringIO):
    """A standard output that is a terminal."""

    def isatty(self) -> bool:
        """Return True."""
        return True


def faults(simulator: RunningSimulator, *arguments: str, stdin: str | None = None) -> Result:
    """Run `rft-sim faults` for a served simulator."""
    port = simulator.url.rpartition(":")[2]
    return CliRunner().invoke(app, ["faults", *arguments, "--port", port], input=stdin)


def output_lines(result: Result) -> list[str]:
    """Return the lines that a successful command printed."""
    assert result.exit_code == 0, result.stderr
    return result.stdout.splitlines()


def test_the_command_adds_lists_and_removes_faults(faulty_simulator: RunningSimulator, tmp_path: Path) -> None:
    """From a file, and from standard input."""
    (tmp_path / "script.json").write_text(json.dumps([THROTTLED, SLOW]))
    added = output_lines(faults(faulty_simulator, "add", str(tmp_path / "script.json")))[0].removesuffix(".").split()
    first, second = added[1].removesuffix(","), added[2]
    assert added[0] == "Added"
    faulty_simulator.http.get("/v1/models")
    indent = " " * (len(first) + 2)
    assert output_lines(faults(faulty_simulator)) == [
        f"{first}  GET /v1/models/*, model openai.*, calls 2 to 4",
        f"{indent}error RATE_LIMITED, retry_after 2",
        f"{indent}matched 0, applied 0",
        f"{second}  any path, all calls",
        f"{indent}delay 0.001",
        f"{indent}do not time out",
        f"{indent}matched 1, applied 1",
    ]
    assert output_lines(faults(faulty_simulator, "remove", first)) == [f"Removed {first}."]
    third = output_lines(faults(faulty_simulator, "add", "-", stdin=json.dumps(DROP)))[0].split()[1].removesuffix(".")
    assert [status.id for status in faulty_simulator.instance.context.fault_registry.statuses()] == [second, third]
    assert output_lines(faults(faulty_simulator, "clear")) == ["Removed all faults."]
    assert output_lines(faults(faulty_simulator)) == ["No faults."]


def test_the_simulators_options_can_come_before_the_command(faulty_simulator: RunningSimulator) -> None:
    """`rft-sim faults --port N clear`."""
    faulty_simulator.instance.context.fault_registry.add(DROP)
    port = faulty_simulator.url.rpartition(":")[2]
    assert CliRunner().invoke(app, ["faults", "--port", port, "clear"]).exit_code == 0
    assert faulty_simulator.instance.context.fault_registry.is_empty


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["remove", "fault-0"],
            "The fault 'fault-0' does not exist (GET /_simulator/faults lists the existing ones)",
        ),
        (
            ["remove", "no such"],
            "The fault 'no such' does not exist (GET /_simulator/faults lists the existing ones)",
        ),
        (["add", "-"], "fault 1: drop: it takes before or after; got 1"),
        (["add", "nowhere.json"], "nowhere.json: No such file or directory"),
    ],
)
def test_an_error_is_one_line_and_exits_with_2(
    faulty_simulator: RunningSimulator, arguments: list[str], message: str
) -> None:
    """Unknown faults, invalid scripts and missing files."""
    result = faults(faulty_simulator, *arguments, stdin='{"request": {}, "drop": 1}')
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"rft-sim: {message}\n")


def test_a_script_can_be_checked_without_a_simulator(tmp_path: Path) -> None:
    """What its faults match, to which calls they apply, and what they do."""
    quota = {"request": {"job": 2, "service": "s3"}, "tokens_per_minute": {"input": 5}}
    jobs = [
        {"job": 1, "queue": "1h"},
        {"job": 2, "step": 3, "aws": {"service": "iam", "operation": "DeleteUser", "parameters": {"UserName": "u"}}},
    ]
    script = [THROTTLED, quota, {**DROP, "nth": 2, "times": None, "note": "a\x1bb"}, *jobs]
    (tmp_path / "script.json").write_text(json.dumps(script))
    result = CliRunner().invoke(app, ["faults", "check", str(tmp_path / "script.json")])
    assert output_lines(result) == [
        "1  GET /v1/models/*, model openai.*, calls 2 to 4",
        "   error RATE_LIMITED, retry_after 2",
        "2  any path, service s3, job 2, all calls",
        '   tokens_per_minute {"input": 5}',
        "3  /v1/models, from call 2 on",
        "   drop before",
        "   a\\x1bb",
        "4  job 1, before it trains",
        "   queue 1h",
        "5  job 2, step 3",
        '   aws iam DeleteUser {"UserName": "u"}',
    ]


@pytest.mark.parametrize("columns", [80, 100])
def test_no_line_is_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """And no word is split: neither in the list of faults nor on the page."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr("sys.stdout", terminal := Terminal())
    control.check(FIXTURES / "throttled_lambda.json")
    control.explain()
    output = re.sub(r"\x1b\[[0-9;]*m", "", terminal.getvalue())
    assert max(len(line) for line in output.splitlines()) <= columns
    assert {"TooManyRequestsException", "tokens_per_minute.output"} <= set(output.split())
    assert not {"|", "|---|---|---|", "../errors.py"} & set(output.split())


def test_explain_prints_the_page() -> None:
    """As Markdown, because the output is not a terminal."""
    page = Path(__file__).parents[2] / "docs" / "faults.md"
    assert CliRunner().invoke(app, ["faults", "explain"]).stdout == page.read_text(encoding="utf-8")
