"""Faults of a running simulator, by its control plane and by `rft-sim faults`."""

import json
import logging
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from simulator.cli import faults as control
from simulator.cli.app import app
from simulator.faults.request_fault import ScriptError
from simulator.settings import Settings
from simulator.simulator import Simulator
from tests.simulators import RunningSimulator

FIXTURES = Path(__file__).parents[2] / "fixtures" / "faults"

DROP: dict[str, Any] = {"request": {"path": "/v1/models"}, "drop": "before"}
SLOW: dict[str, Any] = {"note": "be patient", "request": {}, "times": None, "delay": 0.001}
THROTTLED: dict[str, Any] = {
    "request": {"method": "GET", "path": "/v1/models/*", "model": "openai.*"},
    "nth": 2,
    "times": 3,
    "error": "RATE_LIMITED",
    "retry_after": 2,
}


def test_faults_are_added_listed_and_taken_back(local_simulator: RunningSimulator) -> None:
    """As they were written, with what they have met."""
    assert local_simulator.http.post("/_simulator/faults", json=[SLOW, DROP]).json() == {"ids": ["fault-1", "fault-2"]}
    assert local_simulator.http.post("/_simulator/faults", json=THROTTLED).json() == {"ids": ["fault-3"]}
    local_simulator.http.get("/v1/files")
    assert local_simulator.http.delete("/_simulator/faults/fault-2").json() == {"deleted": True, "id": "fault-2"}
    assert local_simulator.http.get("/_simulator/faults").text == json.dumps(
        {
            "data": [
                {"applied": 1, "fault": SLOW, "id": "fault-1", "matched": 1, "refused": None},
                {"applied": 0, "fault": THROTTLED, "id": "fault-3", "matched": 0, "refused": None},
            ],
            "object": "list",
        },
        separators=(",", ":"),
    )
    assert local_simulator.http.delete("/_simulator/faults").json() == {"deleted": True}
    assert local_simulator.http.get("/_simulator/faults").json() == {"data": [], "object": "list"}


def test_a_fault_that_is_not_there_cannot_be_taken_back(local_simulator: RunningSimulator) -> None:
    """404, in the envelope."""
    answer = local_simulator.http.delete("/_simulator/faults/fault-1")
    assert (answer.status_code, answer.json()["error"]["message"]) == (404, "The fault 'fault-1' does not exist")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[", "No fault was added: line 1, column 2: not valid JSON: Expecting value"),
        (
            json.dumps([DROP, {**DROP, "drop": 1}]).encode(),
            "No fault was added: fault 2: drop: it takes before or after; got 1",
        ),
    ],
)
def test_a_faulty_script_is_refused_as_a_whole(local_simulator: RunningSimulator, content: bytes, said: str) -> None:
    """In a line that names the entry and the field."""
    answer = local_simulator.http.post("/_simulator/faults", content=content)
    assert (answer.status_code, answer.json()["error"]) == (
        400,
        {"code": "invalid_script", "message": said, "param": None, "type": "invalid_request_error"},
    )
    assert local_simulator.http.get("/_simulator/faults").json()["data"] == []


def test_what_a_fault_did_is_told_in_a_line(
    local_simulator: RunningSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    """By whatever serves, with the fault that did it."""
    caplog.set_level(logging.INFO, "simulator.http.request_log")
    local_simulator.instance.context.fault_registry.add([SLOW, {"request": {}, "aws_error": "Throttling"}])
    local_simulator.http.get("/v1/files")
    assert caplog.messages == [
        "GET /v1/files fault-1: delayed by 0.001 s",
        "GET /v1/files fault-2: responded 400 Throttling",
    ]


def test_a_simulator_begins_with_the_faults_of_its_settings(tmp_path: Path) -> None:
    """In the order of the file."""
    (tmp_path / "faults.json").write_text(json.dumps([DROP, SLOW]))
    with Simulator(Settings(faults=tmp_path / "faults.json"), url="http://testserver") as simulator:
        assert [standing.fault.source for standing in simulator.context.fault_registry.statuses()] == [DROP, SLOW]


def test_a_simulator_does_not_begin_with_a_faulty_script(tmp_path: Path) -> None:
    """And leaves the data folder free for the next start."""
    (tmp_path / "faults.json").write_text("{}")
    settings = Settings(faults=tmp_path / "faults.json", data=tmp_path / "data")
    with pytest.raises(ScriptError, match="it matches nothing"):
        Simulator(settings, url="http://testserver")
    with Simulator(Settings(data=tmp_path / "data"), url="http://testserver") as simulator:
        assert simulator.context.fault_registry.is_empty


def test_a_reset_forgets_all_faults_but_those_that_it_begins_with(tmp_path: Path) -> None:
    """Which count anew."""
    (tmp_path / "faults.json").write_text(json.dumps(DROP))
    with Simulator(Settings(faults=tmp_path / "faults.json"), url="http://testserver") as simulator:
        simulator.context.fault_registry.add(SLOW)
        for entry in simulator.context.fault_registry._entries:
            entry.count_applied()
        simulator.reset()
        standings = simulator.context.fault_registry.statuses()
    assert [(standing.fault.source, standing.applied) for standing in standings] == [(DROP, 0)]


def test_two_simulators_have_faults_of_their_own() -> None:
    """Side by side in one process."""
    with Simulator(Settings(), url="http://a") as one, Simulator(Settings(), url="http://b") as other:
        one.context.fault_registry.add(DROP)
        assert (one.context.fault_registry.is_empty, other.context.fault_registry.is_empty) == (False, True)


class Terminal(StringIO):
    """What is written to a terminal."""

    def isatty(self) -> bool:
        """Say that it is one."""
        return True


def faults(world: RunningSimulator, *arguments: str, given: str | None = None) -> Result:
    """Run `rft-sim faults` for a served simulator."""
    port = world.url.rpartition(":")[2]
    return CliRunner().invoke(app, ["faults", *arguments, "--port", port], input=given)


def output_lines(result: Result) -> list[str]:
    """Return what a command printed."""
    assert result.exit_code == 0, result.stderr
    return result.stdout.splitlines()


def test_the_command_adds_lists_and_takes_back(faulty_simulator: RunningSimulator, tmp_path: Path) -> None:
    """A file, or what is piped into it."""
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
        f"{indent}be patient",
        f"{indent}matched 1, applied 1",
    ]
    assert output_lines(faults(faulty_simulator, "remove", first)) == [f"Removed {first}."]
    third = output_lines(faults(faulty_simulator, "add", "-", given=json.dumps(DROP)))[0].split()[1].removesuffix(".")
    assert [standing.id for standing in faulty_simulator.instance.context.fault_registry.statuses()] == [second, third]
    assert output_lines(faults(faulty_simulator, "clear")) == ["Removed all faults."]
    assert output_lines(faults(faulty_simulator)) == ["No faults."]


def test_the_place_of_the_simulator_may_stand_before_the_command(faulty_simulator: RunningSimulator) -> None:
    """`rft-sim faults --port N clear` means the same."""
    faulty_simulator.instance.context.fault_registry.add(DROP)
    port = faulty_simulator.url.rpartition(":")[2]
    assert CliRunner().invoke(app, ["faults", "--port", port, "clear"]).exit_code == 0
    assert faulty_simulator.instance.context.fault_registry.is_empty


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["remove", "fault-0"],
            "The fault 'fault-0' does not exist (GET /_simulator/faults lists those that are there)",
        ),
        (
            ["remove", "no such"],
            "The fault 'no such' does not exist (GET /_simulator/faults lists those that are there)",
        ),
        (["add", "-"], "fault 1: drop: it takes before or after; got 1"),
        (["add", "nowhere.json"], "nowhere.json: No such file or directory"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(
    faulty_simulator: RunningSimulator, arguments: list[str], said: str
) -> None:
    """And ends with 2."""
    done = faults(faulty_simulator, *arguments, given='{"request": {}, "drop": 1}')
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", f"rft-sim: {said}\n")


def test_a_script_can_be_checked_without_a_simulator(tmp_path: Path) -> None:
    """What its faults are about, which calls they hit, and what they do."""
    quota = {"request": {"job": 2, "service": "s3"}, "tokens_per_minute": {"input": 5}}
    jobs = [
        {"job": 1, "queue": "1h"},
        {"job": 2, "step": 3, "aws": {"service": "iam", "operation": "DeleteUser", "parameters": {"UserName": "u"}}},
    ]
    script = [THROTTLED, quota, {**DROP, "nth": 2, "times": None, "note": "a\x1bb"}, *jobs]
    (tmp_path / "script.json").write_text(json.dumps(script))
    done = CliRunner().invoke(app, ["faults", "check", str(tmp_path / "script.json")])
    assert output_lines(done) == [
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
def test_on_a_terminal_nothing_is_wider_than_it(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """And no word is cut: neither in the list of faults nor on the page."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr("sys.stdout", written := Terminal())
    control.check(FIXTURES / "throttled_lambda.json")
    control.explain()
    shown = re.sub(r"\x1b\[[0-9;]*m", "", written.getvalue())
    assert max(len(line) for line in shown.splitlines()) <= columns
    assert {"TooManyRequestsException", "tokens_per_minute.output"} <= set(shown.split())
    assert not {"|", "|---|---|---|", "../errors.py"} & set(shown.split())


def test_the_page_can_be_printed() -> None:
    """Wherever the simulator is installed."""
    page = Path(__file__).parents[2] / "docs" / "faults.md"
    assert CliRunner().invoke(app, ["faults", "explain"]).stdout == page.read_text(encoding="utf-8")
