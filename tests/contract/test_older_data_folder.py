"""A data folder of an older version, whose arithmetic of training was another one.

`arithmetic_1.tar.gz` is a folder that the version before single-precision advantages wrote until it was killed with
kill -9, and `answers.json`, its last answers. It has a job that succeeded, one that had begun to train, and one that
was in the queue.
"""

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from simulator.doctor.regrade.stored_rollouts import StoredRolloutsError, fetch_rollouts
from simulator.settings import Pace, Settings
from simulator.training.arithmetic import ARITHMETIC, ORIGINAL_ARITHMETIC, describe_change
from tests.simulators import SimulatorClient, serve_simulator, simulator_in_process

ARCHIVE = Path(__file__).parent / "older_data" / "arithmetic_1.tar.gz"


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """The unpacked folder."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path


def read_answers(older: Path) -> Any:
    """Return the ids of the jobs, and the answers and logs of the older version."""
    return json.loads((older / "answers.json").read_text())


def read_log(simulator: SimulatorClient, job: str) -> str:
    """Return a job's log."""
    return simulator.http.get(f"/_simulator/jobs/{job}/log").text


def test_a_finished_job_of_an_older_version_is_unchanged(older: Path) -> None:
    """Its object, events, checkpoints, truth and log."""
    before = read_answers(older)
    finished = before["jobs"]["finished"]
    with simulator_in_process(Settings(data=older / "data", pace=Pace.POLL)) as simulator:
        paths = [path for path in before["answers"] if finished in path]
        assert {path: simulator.http.get(path).json() for path in paths} == {
            path: before["answers"][path] for path in paths
        }
        assert read_log(simulator, finished) == before["logs"][finished]


def test_the_tuned_model_of_an_older_version_still_answers(older: Path) -> None:
    """Its weights are stored, and not computed again."""
    finished = read_answers(older)["jobs"]["finished"]
    with simulator_in_process(Settings(data=older / "data", pace=Pace.POLL)) as simulator:
        model = simulator.retrieve_job(finished)["fine_tuned_model"]
        messages = [{"role": "user", "content": 'What is 2 + 3? Give the final answer after "####".'}]
        answer = simulator.http.post("/v1/chat/completions", json={"model": model, "messages": messages})
    assert (answer.status_code, "#### " in answer.json()["choices"][0]["message"]["content"]) == (200, True)


def test_a_job_that_began_with_another_arithmetic_fails_and_names_the_change(older: Path) -> None:
    """Its steps so far stay. It never continues with numbers that do not fit them."""
    before = read_answers(older)
    begun = before["jobs"]["begun"]
    with simulator_in_process(Settings(data=older / "data", pace=Pace.POLL)) as simulator:
        job = simulator.retrieve_job(begun)
        log = read_log(simulator, begun)
    assert (job["status"], job["error"]) == (
        "failed",
        {
            "code": "simulator_changed",
            "message": "The job cannot continue: it began with version 1 of the simulator's arithmetic, and this "
            f"simulator has {ARITHMETIC}: advantages are computed in single precision, as in verl 0.9.1, and the "
            "simulated policy answers in the format that the prompt asks for. Further steps would not fit those that "
            "it has, which stay as they are. Create the job again to train it from the start.",
            "param": None,
        },
    )
    *kept, last = log.splitlines(keepends=True)
    assert ("".join(kept), json.loads(last)["event"]) == (before["logs"][begun], "JobFailed")


def test_the_rollouts_of_a_job_of_another_arithmetic_are_refused(older: Path) -> None:
    """They are computed again for each request, and would be others than those that were graded."""
    finished = read_answers(older)["jobs"]["finished"]
    with simulator_in_process(Settings(data=older / "data", pace=Pace.POLL)) as simulator:
        answer = simulator.http.get(f"/_simulator/jobs/{finished}/rollouts")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "rollouts_unavailable")
    assert "it began with version 1 of the simulator's arithmetic" in answer.json()["error"]["message"]
    assert answer.headers["x-simulator-hint"] == (
        "its events, metrics and checkpoints are unchanged; create the job again to see its rollouts"
    )


def test_regrade_says_why_it_cannot_use_a_job_of_another_arithmetic(older: Path) -> None:
    """The whole message and what to do, and not the beginning of a JSON object."""
    finished = read_answers(older)["jobs"]["finished"]
    with (
        serve_simulator(Settings(data=older / "data", pace=Pace.POLL, port=0)) as simulator,
        pytest.raises(StoredRolloutsError) as error,
    ):
        fetch_rollouts(finished, simulator=simulator.url)
    assert str(error.value) == (
        f"the simulator at {simulator.url} answered with status 400: The rollouts of this job cannot be replayed: "
        f"{describe_change(ORIGINAL_ARITHMETIC)}. Its events, metrics and checkpoints are unchanged; create the job "
        "again to see its rollouts."
    )


@pytest.mark.slow
def test_a_job_that_waited_in_the_queue_begins_with_the_new_arithmetic(older: Path) -> None:
    """It had no numbers yet. Its function still exists."""
    before = read_answers(older)
    queued = before["jobs"]["queued"]
    with serve_simulator(Settings(data=older / "data", port=0)) as simulator:
        assert simulator.wait_for_job(queued)["status"] == "succeeded"
        log = read_log(simulator, queued)
    assert log.startswith(before["logs"][queued])
    events = [json.loads(line) for line in log.splitlines()]
    assert [event["arithmetic"] for event in events if event["event"] == "TrainingStarted"] == [ARITHMETIC]
