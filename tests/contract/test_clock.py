"""The clock on the control plane: its effect on jobs and keys, and invalid requests."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator.identity.session_key import create_session_key
from simulator.settings import FIXED_EPOCH, Auth, Pace, Settings
from tests.full_disk import limit_file_size
from tests.simulators import REGION, RunningSimulator, simulator_in_process
from tests.training.training_files import make_training_file

HOUR = 3_600


@pytest.fixture
def manual_simulator() -> Iterator[RunningSimulator]:
    """A simulator for one test whose clock moves only on request.

    Without keys an advance does not wait for the end of the current second.
    """
    with simulator_in_process(Settings(pace=Pace.MANUAL, auth=Auth.ANY)) as simulator:
        yield simulator


def post_clock(simulator: RunningSimulator, **arguments: Any) -> Any:
    """Update the clock; return its state."""
    answer = simulator.http.post("/_simulator/clock", json=arguments)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_clock_lists_the_unfinished_jobs(manual_simulator: RunningSimulator) -> None:
    """With the time of their next change."""
    job = manual_simulator.create_job(manual_simulator.upload(make_training_file(100)))
    assert manual_simulator.http.get("/_simulator/clock").json() == {
        "frozen": False,
        "jobs": [
            {
                "error": None,
                "id": job["id"],
                "next_at": FIXED_EPOCH + 45,
                "pace": "manual",
                "speed": None,
                "status": "validating_files",
                "step": 0,
                "total_steps": None,
            }
        ],
        "now": FIXED_EPOCH,
        "pace": "manual",
        "speed": 1.0,
        "time": "2026-01-01T00:00:00Z",
    }


def test_an_advance_moves_jobs_and_timestamps(manual_simulator: RunningSimulator) -> None:
    """This job ends because its function does not exist. A new file has the new time."""
    job = manual_simulator.create_job(manual_simulator.upload(make_training_file(100)))
    state = post_clock(manual_simulator, advance="1h")
    after = manual_simulator.http.get(f"/v1/files/{manual_simulator.upload(make_training_file(101))}").json()
    assert (state["now"], state["jobs"]) == (FIXED_EPOCH + HOUR, [])
    assert manual_simulator.retrieve_job(job["id"])["finished_at"] == FIXED_EPOCH + 45 + 240
    assert after["created_at"] == FIXED_EPOCH + HOUR


def test_the_clock_can_be_moved_to_a_time(manual_simulator: RunningSimulator) -> None:
    """Also to the current one. An earlier time is refused."""
    times = [post_clock(manual_simulator, to=time)["now"] for time in ("2026-01-01T02:00:00Z", FIXED_EPOCH + 2 * HOUR)]
    assert times == [FIXED_EPOCH + 2 * HOUR] * 2
    refused = manual_simulator.http.post("/_simulator/clock", json={"to": FIXED_EPOCH + HOUR})
    assert (refused.status_code, refused.json()["error"]["message"]) == (
        400,
        "Invalid request: the clock is at 2026-01-01T02:00:00Z, which is later; it cannot move back.",
    )


def test_the_clock_is_not_advanced_beyond_its_last_second(manual_simulator: RunningSimulator) -> None:
    """By one advance or by many. The time can still be read."""
    post_clock(manual_simulator, to="2099-12-31T23:00:00Z")
    refused = manual_simulator.http.post("/_simulator/clock", json={"advance": "2h"})
    assert refused.status_code == 400
    assert refused.json()["error"]["message"].startswith("Invalid request: the clock is at 2099-12-31T23:00:00Z")
    assert manual_simulator.http.get("/_simulator/clock").json()["time"] == "2099-12-31T23:00:00Z"


def test_a_run_says_whether_the_job_reached_its_target(manual_simulator: RunningSimulator) -> None:
    """This job is queued, and never runs because its function does not exist."""
    job = manual_simulator.create_job(manual_simulator.upload(make_training_file(100)))["id"]
    reached = [
        post_clock(manual_simulator, run={"job": job, "status": status})["reached"] for status in ("queued", "running")
    ]
    assert (reached, manual_simulator.retrieve_job(job)["status"]) == ([True, False], "failed")


def test_a_run_returns_the_state_of_its_job(manual_simulator: RunningSimulator) -> None:
    """With the error, if it failed. An ended job is no longer among the unfinished ones."""
    job = manual_simulator.create_job(manual_simulator.upload(make_training_file(100)))["id"]
    queued = post_clock(manual_simulator, run={"job": job, "status": "queued"})
    failed = post_clock(manual_simulator, run={"job": job, "step": 1})
    assert (queued["job"], failed["jobs"]) == (queued["jobs"][0], [])
    assert (failed["job"]["id"], failed["job"]["status"], failed["job"]["error"]["code"]) == (
        job,
        "failed",
        "grader_error",
    )
    assert failed["job"]["error"]["message"] == manual_simulator.retrieve_job(job)["error"]["message"]


def test_a_pace_for_an_ended_job_is_refused(manual_simulator: RunningSimulator) -> None:
    """It would change nothing."""
    job = manual_simulator.create_job(manual_simulator.upload(make_training_file(100)))["id"]
    manual_simulator.http.post(f"/v1/fine_tuning/jobs/{job}/cancel")
    refused = manual_simulator.http.post("/_simulator/clock", json={"pace": "realtime", "job": job})
    assert (refused.status_code, refused.json()["error"]["message"]) == (
        400,
        f"Invalid request: {job} has ended (cancelled), so its pace cannot be set.",
    )


def test_a_speed_for_one_job_leaves_the_others_unchanged(manual_simulator: RunningSimulator) -> None:
    """And the server's."""
    file = manual_simulator.upload(make_training_file(100))
    first, _ = manual_simulator.create_job(file)["id"], manual_simulator.create_job(file)
    state = post_clock(manual_simulator, pace="realtime", speed=7, job=first)
    assert (state["speed"], [job["speed"] for job in state["jobs"]]) == (1.0, [7.0, None])


def test_on_a_full_disk_an_advance_is_refused_and_nothing_moves(tmp_path: Path) -> None:
    """No part of the advance is applied."""
    with simulator_in_process(Settings(data=tmp_path / "data", pace=Pace.MANUAL)) as simulator:
        with limit_file_size(1):
            statuses = [simulator.http.post("/_simulator/clock", json={"advance": "5h"}).status_code for _ in range(3)]
        assert (statuses, post_clock(simulator, advance=0)["now"]) == ([507] * 3, FIXED_EPOCH)
        assert simulator.http.get("/v1/models").status_code == 200


@pytest.mark.slow
def test_an_advance_ages_only_the_keys_from_before_it() -> None:
    """Thirteen hours expire a short-term key. A client that creates one for each request continues."""
    with simulator_in_process() as simulator:
        old = simulator.key
        post_clock(simulator, advance="13h")
        old_answer = simulator.http.get("/v1/models")
        simulator.http.headers["authorization"] = f"Bearer {create_session_key(REGION)}"
        new_answer = simulator.http.get("/v1/models")
    assert simulator.key == old
    assert (old_answer.status_code, old_answer.json()["error"]["message"]) == (401, "Bearer Token has expired")
    assert new_answer.status_code == 200


def test_a_running_job_ages_no_key() -> None:
    """The hours of a job do not count for keys."""
    with simulator_in_process() as simulator:
        job = simulator.run_job(make_training_file(100))
        post_clock(simulator, freeze=True)
        assert job["finished_at"] > FIXED_EPOCH
        assert simulator.http.get("/v1/models").status_code == 200


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Invalid request: give one of freeze, advance, to, run, and pace or speed."),
        ({"freeze": True, "advance": 5}, "Invalid request: give one of freeze, advance, to, run, and pace or speed."),
        (
            {"advance": "soon"},
            "Invalid 'advance': expected seconds or a duration such as 90s, 1h30m or 2d, got 'soon'.",
        ),
        (
            {"advance": 1.5},
            "Invalid 'advance': expected whole seconds or a duration such as 90s, 1h30m or 2d, got 1.5.",
        ),
        ({"to": True}, "Invalid 'to': expected whole seconds since 1970 or a time such as 2026-01-31T12:00:00Z, got "),
        ({"advance": -1}, "Invalid 'advance': must be from 0 to 4102444800 seconds, got -1."),
        (
            {"to": "noon"},
            "Invalid 'to': expected seconds since 1970 or a time such as 2026-01-31T12:00:00Z, got 'noon'.",
        ),
        ({"pace": "fast"}, "Invalid 'pace': input should be 'instant', 'finished', 'poll', 'manual' or 'realtime'."),
        ({"speed": 0}, "Invalid 'speed': input should be greater than 0."),
        ({"pace": "realtime", "speed": 1e7}, "Invalid 'speed': input should be less than or equal to 1000000."),
        ({"pace": "instant", "speed": 5}, "Invalid request: speed goes with the pace realtime, not with instant."),
        ({"job": "ftjob-1", "freeze": True}, "Invalid request: job goes with a pace; to run one: run."),
        ({"run": {"job": "ftjob-1"}}, "Invalid 'run': give one of step, status and time."),
        (
            {"run": {"job": "ftjob-1", "step": 0}},
            "Invalid 'run.step': integer below minimum value. Expected a value >= 1",
        ),
        ({"run": {"step": 1}}, "Missing required parameter: 'run.job'."),
        ({"thaw": True}, "Unsupported parameter: 'thaw' is not supported."),
    ],
)
def test_an_invalid_update_is_refused_and_nothing_moves(
    manual_simulator: RunningSimulator, body: object, message: str
) -> None:
    """With the field that is wrong."""
    answer = manual_simulator.http.post("/_simulator/clock", json=body)
    assert (answer.status_code, answer.json()["error"]["message"][: len(message)]) == (400, message)
    assert manual_simulator.http.get("/_simulator/clock").json()["now"] == FIXED_EPOCH


@pytest.mark.parametrize("body", [{"run": {"job": "ftjob-1", "step": 1}}, {"pace": "poll", "job": "ftjob-1"}])
def test_an_unknown_job_is_a_404(manual_simulator: RunningSimulator, body: object) -> None:
    """As on every route."""
    answer = manual_simulator.http.post("/_simulator/clock", json=body)
    assert (answer.status_code, json.loads(answer.text)["error"]["code"]) == (404, "not_found_error")


def test_a_pace_may_be_a_string() -> None:
    """As in settings that a program builds."""
    with simulator_in_process(Settings(pace="manual")) as simulator:  # type: ignore[arg-type]  # on purpose
        assert simulator.http.get("/_simulator/clock").json()["pace"] == "manual"
