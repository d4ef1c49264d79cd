"""The clock on the control plane: over HTTP, for jobs, for keys, and for what is asked wrongly."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator.identity.session_key import create_session_key
from simulator.settings import FIXED_EPOCH, Pace, Settings
from tests.full_disk import limit_file_size
from tests.simulators import REGION, RunningSimulator, simulator_in_process
from tests.training.training_files import make_training_file

HOUR = 3_600


@pytest.fixture
def manual_simulator() -> Iterator[RunningSimulator]:
    """A simulator of this test's own whose clock only its user moves."""
    with simulator_in_process(Settings(pace=Pace.MANUAL)) as world:
        yield world


def post_clock(world: RunningSimulator, **wanted: Any) -> Any:
    """Steer the clock; return how it stands."""
    answer = world.http.post("/_simulator/clock", json=wanted)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_clock_shows_where_everything_stands(manual_simulator: RunningSimulator) -> None:
    """The unfinished jobs with the time of their next move."""
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


def test_an_hour_that_is_made_to_pass_moves_jobs_and_new_timestamps(manual_simulator: RunningSimulator) -> None:
    """This job ends because its function does not exist; a file that is uploaded now bears the new time."""
    job = manual_simulator.create_job(manual_simulator.upload(make_training_file(100)))
    standing = post_clock(manual_simulator, advance="1h")
    after = manual_simulator.http.get(f"/v1/files/{manual_simulator.upload(make_training_file(101))}").json()
    assert (standing["now"], standing["jobs"]) == (FIXED_EPOCH + HOUR, [])
    assert manual_simulator.retrieve_job(job["id"])["finished_at"] == FIXED_EPOCH + 45 + 240
    assert after["created_at"] == FIXED_EPOCH + HOUR


def test_to_a_time_is_an_advance_to_there(manual_simulator: RunningSimulator) -> None:
    """Where it stands it may be moved to; a time that has passed is refused."""
    seen = [post_clock(manual_simulator, to=time)["now"] for time in ("2026-01-01T02:00:00Z", FIXED_EPOCH + 2 * HOUR)]
    assert seen == [FIXED_EPOCH + 2 * HOUR] * 2
    refused = manual_simulator.http.post("/_simulator/clock", json={"to": FIXED_EPOCH + HOUR})
    assert (refused.status_code, refused.json()["error"]["message"]) == (
        400,
        "Invalid request: the clock is at 2026-01-01T02:00:00Z, which is later; it cannot move back.",
    )


def test_the_clock_is_not_advanced_beyond_its_last_second(manual_simulator: RunningSimulator) -> None:
    """By one order or by many; what shows the time still does."""
    post_clock(manual_simulator, to="2099-12-31T23:00:00Z")
    refused = manual_simulator.http.post("/_simulator/clock", json={"advance": "2h"})
    assert refused.status_code == 400
    assert refused.json()["error"]["message"].startswith("Invalid request: the clock is at 2099-12-31T23:00:00Z")
    assert manual_simulator.http.get("/_simulator/clock").json()["time"] == "2099-12-31T23:00:00Z"


def test_a_run_says_whether_the_job_came_so_far(manual_simulator: RunningSimulator) -> None:
    """It is queued, and never runs: its function does not exist."""
    job = manual_simulator.create_job(manual_simulator.upload(make_training_file(100)))["id"]
    reached = [
        post_clock(manual_simulator, run={"job": job, "status": status})["reached"] for status in ("queued", "running")
    ]
    assert (reached, manual_simulator.retrieve_job(job)["status"]) == ([True, False], "failed")


def test_a_run_says_how_its_job_stands_then(manual_simulator: RunningSimulator) -> None:
    """With why it failed, if it did; a job that has ended is among the unfinished ones no more."""
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


def test_a_pace_of_a_job_that_has_ended_is_refused(manual_simulator: RunningSimulator) -> None:
    """It would change nothing."""
    job = manual_simulator.create_job(manual_simulator.upload(make_training_file(100)))["id"]
    manual_simulator.http.post(f"/v1/fine_tuning/jobs/{job}/cancel")
    refused = manual_simulator.http.post("/_simulator/clock", json={"pace": "realtime", "job": job})
    assert (refused.status_code, refused.json()["error"]["message"]) == (
        400,
        f"Invalid request: {job} has ended (cancelled), so its pace cannot be set.",
    )


def test_one_job_has_a_speed_and_the_others_keep_theirs(manual_simulator: RunningSimulator) -> None:
    """The server's is what it was."""
    file = manual_simulator.upload(make_training_file(100))
    first, _ = manual_simulator.create_job(file)["id"], manual_simulator.create_job(file)
    standing = post_clock(manual_simulator, pace="realtime", speed=7, job=first)
    assert (standing["speed"], [job["speed"] for job in standing["jobs"]]) == (1.0, [7.0, None])


def test_on_a_full_disk_an_advance_is_refused_and_nothing_moves(tmp_path: Path) -> None:
    """Three of five hours would be longer than a key lasts."""
    with simulator_in_process(Settings(data=tmp_path / "data", pace=Pace.MANUAL)) as world:
        with limit_file_size(1):
            seen = [world.http.post("/_simulator/clock", json={"advance": "5h"}).status_code for _ in range(3)]
        assert (seen, post_clock(world, advance=0)["now"]) == ([507] * 3, FIXED_EPOCH)
        assert world.http.get("/v1/models").status_code == 200


def test_a_key_from_before_an_advance_is_older_by_it_and_one_from_after_is_not() -> None:
    """Thirteen hours are more than a short-term key lasts; a client that mints one for each request goes on."""
    with simulator_in_process() as world:
        old = world.key
        post_clock(world, advance="13h")
        refused = world.http.get("/v1/models")
        world.http.headers["authorization"] = f"Bearer {create_session_key(REGION)}"
        answered = world.http.get("/v1/models")
    assert world.key == old
    assert (refused.status_code, refused.json()["error"]["message"]) == (401, "Bearer Token has expired")
    assert answered.status_code == 200


def test_a_running_job_ages_no_key() -> None:
    """Its hours are its own: the clock that follows it is not the callers'."""
    with simulator_in_process() as world:
        job = world.run_job(make_training_file(100))
        post_clock(world, freeze=True)
        assert job["finished_at"] > FIXED_EPOCH
        assert world.http.get("/v1/models").status_code == 200


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
def test_what_cannot_be_done_is_refused_and_nothing_moves(
    manual_simulator: RunningSimulator, body: object, message: str
) -> None:
    """In the words of the API, with the field at fault."""
    answer = manual_simulator.http.post("/_simulator/clock", json=body)
    assert (answer.status_code, answer.json()["error"]["message"][: len(message)]) == (400, message)
    assert manual_simulator.http.get("/_simulator/clock").json()["now"] == FIXED_EPOCH


@pytest.mark.parametrize("body", [{"run": {"job": "ftjob-1", "step": 1}}, {"pace": "poll", "job": "ftjob-1"}])
def test_a_job_that_is_not_there_is_a_404(manual_simulator: RunningSimulator, body: object) -> None:
    """As everywhere."""
    answer = manual_simulator.http.post("/_simulator/clock", json=body)
    assert (answer.status_code, json.loads(answer.text)["error"]["code"]) == (404, "not_found_error")


def test_a_pace_may_be_given_by_its_name() -> None:
    """As whoever builds the settings by hand may write it."""
    with simulator_in_process(Settings(pace="manual")) as world:  # type: ignore[arg-type]  # on purpose
        assert world.http.get("/_simulator/clock").json()["pace"] == "manual"
