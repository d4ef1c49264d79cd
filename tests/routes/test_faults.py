"""Faults of a running simulator: `/_simulator/faults`, the setting `faults` and a reset."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from simulator.faults.request_fault import ScriptError
from simulator.settings import Settings
from simulator.simulator import Simulator
from tests.simulators import RunningSimulator

DROP: dict[str, Any] = {"request": {"path": "/v1/models"}, "drop": "before"}
SLOW: dict[str, Any] = {"note": "do not time out", "request": {}, "times": None, "delay": 0.001}
THROTTLED: dict[str, Any] = {
    "request": {"method": "GET", "path": "/v1/models/*", "model": "openai.*"},
    "nth": 2,
    "times": 3,
    "error": "RATE_LIMITED",
    "retry_after": 2,
}


def test_faults_are_added_listed_and_removed(local_simulator: RunningSimulator) -> None:
    """With their source and their counters."""
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


def test_removing_an_unknown_fault_is_a_404(local_simulator: RunningSimulator) -> None:
    """In the API's error format."""
    answer = local_simulator.http.delete("/_simulator/faults/fault-1")
    assert (answer.status_code, answer.json()["error"]["message"]) == (404, "The fault 'fault-1' does not exist")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[", "No fault was added: line 1, column 2: not valid JSON: Expecting value"),
        (
            json.dumps([DROP, {**DROP, "drop": 1}]).encode(),
            "No fault was added: fault 2: drop: it takes before or after; got 1",
        ),
    ],
)
def test_an_invalid_script_is_refused_completely(
    local_simulator: RunningSimulator, content: bytes, message: str
) -> None:
    """With the number of the fault and the field."""
    answer = local_simulator.http.post("/_simulator/faults", content=content)
    assert (answer.status_code, answer.json()["error"]) == (
        400,
        {"code": "invalid_script", "message": message, "param": None, "type": "invalid_request_error"},
    )
    assert local_simulator.http.get("/_simulator/faults").json()["data"] == []


def test_each_applied_fault_is_logged(local_simulator: RunningSimulator, caplog: pytest.LogCaptureFixture) -> None:
    """With the request and the fault."""
    caplog.set_level(logging.INFO, "simulator.refused")
    local_simulator.instance.context.fault_registry.add([SLOW, {"request": {}, "aws_error": "Throttling"}])
    local_simulator.http.get("/v1/files")
    assert caplog.messages == [
        "GET /v1/files fault-1: delayed by 0.001 s",
        "GET /v1/files fault-2: responded 400 Throttling",
    ]


def test_a_simulator_starts_with_the_faults_of_its_settings(tmp_path: Path) -> None:
    """In the order of the file."""
    (tmp_path / "faults.json").write_text(json.dumps([DROP, SLOW]))
    with Simulator(Settings(faults=tmp_path / "faults.json"), url="http://testserver") as simulator:
        assert [status.fault.source for status in simulator.context.fault_registry.statuses()] == [DROP, SLOW]


def test_a_simulator_does_not_start_with_an_invalid_script(tmp_path: Path) -> None:
    """The data folder stays free for the next start."""
    (tmp_path / "faults.json").write_text("{}")
    settings = Settings(faults=tmp_path / "faults.json", data=tmp_path / "data")
    with pytest.raises(ScriptError, match="it matches nothing"):
        Simulator(settings, url="http://testserver")
    with Simulator(Settings(data=tmp_path / "data"), url="http://testserver") as simulator:
        assert simulator.context.fault_registry.is_empty


def test_a_reset_keeps_only_the_faults_of_the_settings(tmp_path: Path) -> None:
    """They count from the beginning."""
    (tmp_path / "faults.json").write_text(json.dumps(DROP))
    with Simulator(Settings(faults=tmp_path / "faults.json"), url="http://testserver") as simulator:
        simulator.context.fault_registry.add(SLOW)
        for entry in simulator.context.fault_registry._entries:
            entry.count_applied()
        simulator.reset()
        statuses = simulator.context.fault_registry.statuses()
    assert [(status.fault.source, status.applied) for status in statuses] == [(DROP, 0)]


def test_two_simulators_have_separate_faults() -> None:
    """In one process."""
    with Simulator(Settings(), url="http://a") as one, Simulator(Settings(), url="http://b") as other:
        one.context.fault_registry.add(DROP)
        assert (one.context.fault_registry.is_empty, other.context.fault_registry.is_empty) == (False, True)
