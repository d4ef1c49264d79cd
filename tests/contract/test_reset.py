"""A reset: as after a first start, behind the same port."""

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

from simulator.settings import FIXED_EPOCH, Settings
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
    with simulator_in_process(settings) as made:
        yield made


def reset(world: RunningSimulator) -> None:
    """Reset a simulator."""
    answer = world.http.post("/_simulator/reset")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def use_every_service(world: RunningSimulator) -> list[Any]:
    """Use a simulator; return all that it answered."""
    file = world.upload(make_training_file(100))
    job = world.run_job(make_training_file(120))
    chat = {"model": "openai.gpt-oss-20b", "messages": [{"role": "user", "content": "How many?"}]}
    return [
        file,
        job,
        world.list_events(job["id"]),
        world.http.post("/v1/organization/projects", json={"name": "one"}).json(),
        world.http.post("/v1/chat/completions", json=chat).json(),
        world.http.post("/v1/responses", json={"model": chat["model"], "input": "How many?"}).json(),
        world.http.get("/_simulator/clock").json(),
    ]


def test_after_a_reset_everything_is_as_after_a_first_start(simulator: RunningSimulator) -> None:
    """The same requests get the same answers, ids and times included."""
    first = use_every_service(simulator)
    reset(simulator)
    assert use_every_service(simulator) == first


def test_nothing_is_left_of_what_was_there(simulator: RunningSimulator) -> None:
    """Files, jobs, models, and the freeze."""
    use_every_service(simulator)
    simulator.http.post("/_simulator/clock", json={"freeze": True})
    reset(simulator)
    listed = [simulator.http.get(f"/v1/{what}").json()["data"] for what in ("files", "fine_tuning/jobs")]
    clock = simulator.http.get("/_simulator/clock").json()
    assert (listed, clock["frozen"], clock["now"]) == ([[], []], False, FIXED_EPOCH)


def test_a_job_that_runs_meanwhile_is_left_where_it_is(tmp_path: Path) -> None:
    """Its function is asked for nothing more, and its id is given again, to another job."""
    asked = tmp_path / "asked"
    (tmp_path / "grader").mkdir()
    (tmp_path / "grader" / "lambda_function.py").write_text(SLOW_GRADER.format(asked=str(asked)))
    with serve_simulator(Settings(port=0, data=tmp_path / "data")) as world:
        arn = world.deploy(tmp_path / "grader")
        before = world.create_job(world.upload(make_training_file(400)), function=arn)["id"]
        while not asked.exists():
            time.sleep(0.01)
        engine = world.instance._services._engine
        reset(world)
        assert engine.closing  # at once, whoever is still being answered there
        after = world.create_job(world.upload(make_training_file(120)))["id"]
    assert before == after
    assert len(asked.read_text().splitlines()) < CALLS_OF_THE_WHOLE_JOB / 2


def test_a_request_that_was_under_way_is_answered_by_what_it_came_to(tmp_path: Path) -> None:
    """Half an upload before the reset, half after it: the answer is no error."""
    boundary, content = "b", make_training_file(100)
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n--{boundary}\r\n'
    file = 'Content-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n'
    body = f"{head}{file}".encode() + content + f"\r\n--{boundary}--\r\n".encode()
    with serve_simulator(Settings(port=0, data=tmp_path / "data")) as world:
        address = urlsplit(world.url)
        with closing(http.client.HTTPConnection(str(address.hostname), address.port)) as connection:
            connection.putrequest("POST", "/v1/files")
            connection.putheader("Authorization", f"Bearer {world.key}")
            connection.putheader("Content-Type", f"multipart/form-data; boundary={boundary}")
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body[: len(body) // 2])
            while not world.instance._services.in_flight_requests._count:
                time.sleep(0.01)
            reset(world)
            connection.send(body[len(body) // 2 :])
            answer = connection.getresponse()
            answer.read()
        listed = world.http.get("/v1/files").json()["data"]
    assert (answer.status, listed) == (200, [])


def test_a_reset_that_finds_the_disk_full_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it cannot write, the tables or, at the very end, which state counts: 507, and all is as before."""

    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with simulator_in_process(Settings(data=tmp_path / "data")) as world:
        file = world.upload(make_training_file(100))
        with limit_file_size(4_000):  # the manifest has room, a table has not
            statuses = [world.http.post("/_simulator/reset").status_code]
        with monkeypatch.context() as full:
            full.setattr("json.dump", no_room)
            statuses.append(world.http.post("/_simulator/reset").status_code)
        assert statuses == [507, 507]
        assert [each["id"] for each in world.http.get("/v1/files").json()["data"]] == [file]
    with simulator_in_process(Settings(data=tmp_path / "data")) as world:
        assert [each["id"] for each in world.http.get("/v1/files").json()["data"]] == [file]
    assert [path.name for path in (tmp_path / "data").glob("state-*")] == ["state-1"]


def test_a_simulator_that_is_closed_stays_closed(tmp_path: Path) -> None:
    """A reset that comes too late makes nothing in a folder that was given up."""
    with simulator_in_process(Settings(data=tmp_path / "data")) as world:
        pass
    world.instance.reset()
    assert [path.name for path in (tmp_path / "data").glob("state-*")] == ["state-1"]


def test_a_reset_is_kept(tmp_path: Path) -> None:
    """The next start on the folder finds what came after it, and nothing from before."""
    settings = Settings(data=tmp_path / "data")
    with simulator_in_process(settings) as world:
        world.upload(make_training_file(100))
        reset(world)
        after = world.upload(make_training_file(101))
    with simulator_in_process(settings) as world:
        listed = [file["id"] for file in world.http.get("/v1/files").json()["data"]]
    assert (listed, len(list((tmp_path / "data").glob("state-*")))) == ([after], 1)


def test_many_resets_leave_no_threads_and_no_files_behind(tmp_path: Path) -> None:
    """However often between two tests."""
    before = set(threading.enumerate())
    with simulator_in_process(Settings(data=tmp_path / "data")) as world:
        for _ in range(5):
            world.run_job(make_training_file(100))
            reset(world)
    assert {thread.name for thread in set(threading.enumerate()) - before} == set()
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["lock", "simulator.json", "state-6"]
