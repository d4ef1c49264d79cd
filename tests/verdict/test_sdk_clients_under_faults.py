"""Right and wrong clients, each a few lines of the real SDK over a real socket, and faults as they are scripted."""

import time
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI

from simulator.settings import Settings, VerdictSettings
from tests.simulators import BASE, World, method, served_world
from tests.training.training_files import jsonl

STALLS = 1.2  # seconds
JOBS = "/v1/fine_tuning/jobs"
ORDERS = {"method": "POST", "path": JOBS}
LOOKS = {"method": "GET", "path": f"{JOBS}/*"}


@pytest.fixture(scope="module")
def bad_world() -> Iterator[World]:
    """A simulator at which a client may wait in silence for a second."""
    with served_world(Settings(port=0, verdict=VerdictSettings(longest_wait=1.0))) as world:
        yield world


@pytest.fixture(scope="module")
def job(bad_world: World) -> str:
    """A job that has ended."""
    made: str = bad_world.run(jsonl(120))["id"]
    return made


@pytest.fixture
def mantle(bad_world: World, job: str) -> Iterator[OpenAI]:
    """The real SDK, with its own retries; each test is a story of its own."""
    bad_world.http.delete("/_simulator/verdict")
    yield bad_world.mantle().with_options(max_retries=2)
    bad_world.simulator.house.faults.clear()


def scripted(world: World, request: dict[str, str], **fault: Any) -> None:
    """Let a fault befall the next requests."""
    world.simulator.house.faults.add({"request": request, **fault})


def found(world: World) -> dict[str, str]:
    """Return what is found and is no mere note, as the severity of each rule."""
    verdict = world.http.get("/_simulator/verdict", params={"exit_code": 0}).json()
    severities = {finding["rule"]: finding["severity"] for finding in verdict["findings"]}
    return {rule: severity for rule, severity in severities.items() if severity != "note"}


def order(mantle: OpenAI, file: str) -> str:
    """Order a job; return its id."""
    return mantle.fine_tuning.jobs.create(model=BASE, training_file=file, extra_body={"method": method()}).id


def made_of(mantle: OpenAI, file: str) -> list[str]:
    """Look for the jobs that are made of a file."""
    return [job.id for job in mantle.fine_tuning.jobs.list(limit=100) if job.training_file == file]


@pytest.mark.parametrize(("when", "jobs"), [("before", 1), ("after", 2)])
def test_the_sdk_by_itself_orders_again_when_the_connection_drops(
    bad_world: World, mantle: OpenAI, when: str, jobs: int
) -> None:
    """It cannot know whether the work was done; that there are two jobs only sometimes makes it no better."""
    file = bad_world.upload(jsonl(120))
    scripted(bad_world, ORDERS, drop=when)
    order(mantle, file)
    assert (found(bad_world), len(made_of(mantle, file))) == ({"C6": "fail"}, jobs)


def test_the_sdk_by_itself_orders_again_after_a_500(bad_world: World, mantle: OpenAI) -> None:
    """Somebody answered, so it is a warning."""
    file = bad_world.upload(jsonl(120))
    scripted(bad_world, ORDERS, error="INTERNAL_ERROR", when="after")
    order(mantle, file)
    assert (found(bad_world), len(made_of(mantle, file))) == ({"C6": "warn"}, 2)


def test_the_sdk_by_itself_orders_again_what_it_did_not_wait_for(bad_world: World, mantle: OpenAI) -> None:
    """It hung up, and the job was made behind its back."""
    file = bad_world.upload(jsonl(120))
    scripted(bad_world, ORDERS, delay=0.4)
    order(mantle.with_options(timeout=0.15), file)
    assert (found(bad_world), len(made_of(mantle, file))) == ({"C6": "fail"}, 2)


def test_to_upload_again_and_then_order_again_makes_the_same_job_twice(bad_world: World, mantle: OpenAI) -> None:
    """A retry around the whole function: the file has another id, and the same bytes."""
    careful = mantle.with_options(max_retries=0)
    first = bad_world.upload(jsonl(121))
    scripted(bad_world, ORDERS, drop="after")
    with pytest.raises(openai.APIConnectionError):
        order(careful, first)
    second = bad_world.upload(jsonl(121))
    order(careful, second)
    verdict = found(bad_world)
    assert (first != second, verdict) == (True, {"C6": "warn"})
    assert [len(made_of(careful, file)) for file in (first, second)] == [1, 1]


def test_to_look_for_the_job_before_it_is_ordered_again(bad_world: World, mantle: OpenAI) -> None:
    """It is there, and there is one."""
    file = bad_world.upload(jsonl(120))
    scripted(bad_world, ORDERS, drop="after")
    careful = mantle.with_options(max_retries=0)
    with pytest.raises(openai.APIConnectionError):
        order(careful, file)
    assert (len(made_of(careful, file)), found(bad_world)) == (1, {})


def test_the_sdk_by_itself_waits_as_long_as_it_is_told(bad_world: World, mantle: OpenAI, job: str) -> None:
    """A second."""
    scripted(bad_world, LOOKS, error="RATE_LIMITED", retry_after=1)
    mantle.fine_tuning.jobs.retrieve(job)
    assert found(bad_world) == {}


@pytest.mark.parametrize("wait", [1, {"date_in": 5}])
def test_a_loop_of_ones_own_that_does_not_wait(bad_world: World, mantle: OpenAI, job: str, wait: object) -> None:
    """It catches the error and goes on, whether it is told seconds or a date."""
    hasty = mantle.with_options(max_retries=0)
    scripted(bad_world, LOOKS, error="RATE_LIMITED", retry_after=wait)
    with pytest.raises(openai.RateLimitError):
        hasty.fine_tuning.jobs.retrieve(job)
    hasty.fine_tuning.jobs.retrieve(job)
    assert found(bad_world) == {"C3": "fail"}


def test_to_wait_for_an_answer_however_long_it_takes(bad_world: World, mantle: OpenAI, job: str) -> None:
    """Longer than this server lets it."""
    scripted(bad_world, LOOKS, delay=STALLS)
    mantle.fine_tuning.jobs.retrieve(job)
    assert found(bad_world) == {"C7": "fail"}


def test_to_hang_up_in_time(bad_world: World, mantle: OpenAI, job: str) -> None:
    """The answer comes later still, and nobody waits for it any more."""
    scripted(bad_world, LOOKS, delay=STALLS)
    with pytest.raises(openai.APITimeoutError):
        mantle.with_options(timeout=0.15, max_retries=0).fine_tuning.jobs.retrieve(job)
    time.sleep(STALLS)
    assert found(bad_world) == {}
    assert bad_world.http.get("/_simulator/verdict").json()["seen"]["answers"] == {"hung up": 1}
