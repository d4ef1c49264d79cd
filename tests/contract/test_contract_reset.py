"""A reset: as after a first start, behind the same port."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator.settings import FIXED_EPOCH, Pace, Settings
from tests.records import jsonl
from tests.world import World, inner_world


@pytest.fixture(params=["in memory", "on a data folder"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A simulator of this test's own."""
    settings = Settings(data=tmp_path / "data" if request.param == "on a data folder" else None)
    with inner_world(settings) as made:
        yield made


def reset(world: World) -> None:
    """Reset a simulator."""
    answer = world.http.post("/_simulator/reset")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def lived(world: World) -> list[Any]:
    """Use a simulator; return all that it answered."""
    file = world.upload(jsonl(100))
    job = world.run(jsonl(120))
    chat = {"model": "openai.gpt-oss-20b", "messages": [{"role": "user", "content": "How many?"}]}
    return [
        file,
        job,
        world.events(job["id"]),
        world.http.post("/v1/organization/projects", json={"name": "one"}).json(),
        world.http.post("/v1/chat/completions", json=chat).json(),
        world.http.post("/v1/responses", json={"model": chat["model"], "input": "How many?"}).json(),
        world.http.get("/_simulator/clock").json(),
    ]


def test_after_a_reset_everything_is_as_after_a_first_start(world: World) -> None:
    """The same requests get the same answers, ids and times included."""
    first = lived(world)
    reset(world)
    assert lived(world) == first


def test_nothing_is_left_of_what_was_there(world: World) -> None:
    """Files, jobs, models, and the freeze."""
    lived(world)
    world.http.post("/_simulator/clock", json={"freeze": True})
    reset(world)
    listed = [world.http.get(f"/v1/{what}").json()["data"] for what in ("files", "fine_tuning/jobs")]
    clock = world.http.get("/_simulator/clock").json()
    assert (listed, clock["frozen"], clock["now"]) == ([[], []], False, FIXED_EPOCH)


def test_a_job_that_runs_meanwhile_writes_nothing_into_what_comes_after() -> None:
    """Its id is given again, to another job."""
    with inner_world(Settings(pace=Pace.MANUAL)) as world:
        before = world.create(world.upload(jsonl(100)))["id"]
        reset(world)
        after = world.create(world.upload(jsonl(120)))["id"]
        kinds = world.http.get(f"/_simulator/jobs/{after}/log").text.count('"event"')
    assert (before, kinds) == (after, 2)


def test_a_reset_is_kept(tmp_path: Path) -> None:
    """The next start on the folder finds what came after it, and nothing from before."""
    settings = Settings(data=tmp_path / "data")
    with inner_world(settings) as world:
        world.upload(jsonl(100))
        reset(world)
        after = world.upload(jsonl(101))
    with inner_world(settings) as world:
        listed = [file["id"] for file in world.http.get("/v1/files").json()["data"]]
    assert (listed, len(list((tmp_path / "data").glob("state-*")))) == ([after], 1)


def test_many_resets_leave_no_threads_and_no_files_behind(tmp_path: Path) -> None:
    """However often between two tests."""
    before = set(threading.enumerate())
    with inner_world(Settings(data=tmp_path / "data")) as world:
        for _ in range(5):
            world.run(jsonl(100))
            reset(world)
    assert {thread.name for thread in set(threading.enumerate()) - before} == set()
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["lock", "simulator.json", "state-6"]
