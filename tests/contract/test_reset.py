"""A reset gives the state of a first start, on the same port."""

import errno
import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from simulator.settings import FIXED_EPOCH, LambdaIsolation, Settings
from tests.full_disk import limit_file_size
from tests.simulators import RunningSimulator, serve_simulator, simulator_in_process
from tests.training.training_files import make_training_file

CALLS_OF_THE_WHOLE_JOB = 720  # 90 steps of 64 rollouts, 8 a call
SLOW_GRADER = """
import time

def lambda_handler(event, context):
    with open({asked!r}, "a") as asked:
        asked.write("asked\\n")
    time.sleep(0.05)
    return [{{"id": rollout["id"], "aggregate_reward_score": 0.5}} for rollout in event]
"""


@pytest.fixture(params=["in memory", "on a data folder"])
def simulator(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningSimulator]:
    """A simulator of this test's own."""
    settings = Settings(data=tmp_path / "data" if request.param == "on a data folder" else None)
    with simulator_in_process(settings) as created:
        yield created


def reset(simulator: RunningSimulator) -> None:
    """Reset a simulator."""
    answer = simulator.http.post("/_simulator/reset")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def use_every_service(simulator: RunningSimulator) -> list[Any]:
    """Send requests to every service; return all answers."""
    file = simulator.upload(make_training_file(100))
    job = simulator.run_job(make_training_file(120))
    client = {"model": "openai.gpt-oss-20b", "messages": [{"role": "user", "content": "How many?"}]}
    return [
        file,
        job,
        simulator.list_events(job["id"]),
        simulator.http.post("/v1/organization/projects", json={"name": "one"}).json(),
        simulator.http.post("/v1/chat/completions", json=client).json(),
        simulator.http.post("/v1/responses", json={"model": client["model"], "input": "How many?"}).json(),
        simulator.http.get("/_simulator/clock").json(),
    ]


def test_after_a_reset_everything_is_as_after_a_first_start(simulator: RunningSimulator) -> None:
    """The same requests get the same answers, with the same ids and times."""
    first = use_every_service(simulator)
    reset(simulator)
    assert use_every_service(simulator) == first


def test_a_reset_deletes_files_jobs_and_models(simulator: RunningSimulator) -> None:
    """And the freeze of the clock."""
    use_every_service(simulator)
    simulator.http.post("/_simulator/clock", json={"freeze": True})
    reset(simulator)
    listed = [simulator.http.get(f"/v1/{what}").json()["data"] for what in ("files", "fine_tuning/jobs")]
    clock = simulator.http.get("/_simulator/clock").json()
    assert (listed, clock["frozen"], clock["now"]) == ([[], []], False, FIXED_EPOCH)


@pytest.mark.slow
def test_a_reset_stops_a_running_job(tmp_path: Path) -> None:
    """Its function is not called again, and another job gets its id."""
    request = tmp_path / "asked"
    (tmp_path / "grader").mkdir()
    (tmp_path / "grader" / "lambda_function.py").write_text(SLOW_GRADER.format(asked=str(request)))
    # With namespaces, the function could not report its calls in a file of this machine.
    settings = Settings(port=0, data=tmp_path / "data", lambda_isolation=LambdaIsolation.NONE)
    with serve_simulator(settings) as simulator:
        arn = simulator.deploy(tmp_path / "grader")
        before = simulator.create_job(simulator.upload(make_training_file(400)), function=arn)["id"]
        while not request.exists():
            time.sleep(0.01)
        engine = simulator.instance._services._engine
        reset(simulator)
        assert engine.closing  # at once, even while a request is in progress there
        after = simulator.create_job(simulator.upload(make_training_file(120)))["id"]
    assert before == after
    assert len(request.read_text().splitlines()) < CALLS_OF_THE_WHOLE_JOB / 2


def test_a_reset_during_an_upload_causes_no_error(tmp_path: Path) -> None:
    """Half an upload before the reset, half after it."""
    boundary, content = "b", make_training_file(100)
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n--{boundary}\r\n'
    file = 'Content-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n'
    body = f"{head}{file}".encode() + content + f"\r\n--{boundary}--\r\n".encode()
    with serve_simulator(Settings(port=0, data=tmp_path / "data")) as simulator:
        address = urlsplit(simulator.url)
        with closing(http.client.HTTPConnection(str(address.hostname), address.port)) as connection:
            connection.putrequest("POST", "/v1/files")
            connection.putheader("Authorization", f"Bearer {simulator.key}")
            connection.putheader("Content-Type", f"multipart/form-data; boundary={boundary}")
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body[: len(body) // 2])
            while not simulator.instance._services.in_flight_requests._count:
                time.sleep(0.01)
            reset(simulator)
            connection.send(body[len(body) // 2 :])
            answer = connection.getresponse()
            answer.read()
        listed = simulator.http.get("/v1/files").json()["data"]
    assert (answer.status, listed) == (200, [])


def test_a_reset_on_a_full_disk_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At any write: 507, and the state is as before."""

    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with simulator_in_process(Settings(data=tmp_path / "data")) as simulator:
        file = simulator.upload(make_training_file(100))
        with limit_file_size(4_000):  # the manifest has room, a table has not
            statuses = [simulator.http.post("/_simulator/reset").status_code]
        with monkeypatch.context() as full:
            full.setattr("json.dump", no_room)
            statuses.append(simulator.http.post("/_simulator/reset").status_code)
        assert statuses == [507, 507]
        assert [each["id"] for each in simulator.http.get("/v1/files").json()["data"]] == [file]
    with simulator_in_process(Settings(data=tmp_path / "data")) as simulator:
        assert [each["id"] for each in simulator.http.get("/v1/files").json()["data"]] == [file]
    assert [path.name for path in (tmp_path / "data").glob("state-*")] == ["state-1"]


def test_a_late_reset_does_not_open_a_closed_simulator(tmp_path: Path) -> None:
    """It creates nothing in the folder."""
    with simulator_in_process(Settings(data=tmp_path / "data")) as simulator:
        pass
    simulator.instance.reset()
    assert [path.name for path in (tmp_path / "data").glob("state-*")] == ["state-1"]


def test_a_reset_survives_a_restart(tmp_path: Path) -> None:
    """The next start finds only what came after it."""
    settings = Settings(data=tmp_path / "data")
    with simulator_in_process(settings) as simulator:
        simulator.upload(make_training_file(100))
        reset(simulator)
        after = simulator.upload(make_training_file(101))
    with simulator_in_process(settings) as simulator:
        listed = [file["id"] for file in simulator.http.get("/v1/files").json()["data"]]
    assert (listed, len(list((tmp_path / "data").glob("state-*")))) == ([after], 1)


@pytest.mark.slow
def test_many_resets_leave_no_threads_and_no_files(tmp_path: Path) -> None:
    """However often a test suite resets."""
    before = set(threading.enumerate())
    with simulator_in_process(Settings(data=tmp_path / "data")) as simulator:
        for _ in range(5):
            simulator.run_job(make_training_file(100))
            reset(simulator)
    assert {thread.name for thread in set(threading.enumerate()) - before} == set()
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["lock", "simulator.json", "state-6"]
