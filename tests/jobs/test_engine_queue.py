"""More jobs than there are places: who waits, who goes first, and from when on."""

from functools import reduce
from pathlib import Path

import pytest

from simulator.jobs.codec import decode_event
from simulator.jobs.engine import Engine
from simulator.jobs.job import FilesValidated, Job, Status, TrainingStarted, apply
from simulator.settings import Pace
from simulator.store.job_logs import JobLogStore
from tests.jobs.engine_setup import Graders, cut_off, engine_on, finished
from tests.jobs.lifecycle_setup import order, told
from tests.training.training_files import jsonl


def statuses(engine: Engine, *jobs: Job) -> list[str]:
    """Return where jobs stand."""
    return [current.status.value for job in jobs if (current := engine.job(job.id))]


def turned(engine: Engine, *jobs: Job, times: int = 4) -> None:
    """Give jobs turns, one after the other."""
    for _ in range(times):
        for job in jobs:
            engine.driver.turn(job.id)


def started_at(logs: JobLogStore, job: Job) -> int:
    """Return when a job's training began."""
    (at,) = [
        event.at
        for entry in logs.entries(job.id)
        if isinstance(event := decode_event(entry.kind, entry.body), TrainingStarted)
    ]
    return at


def times(logs: JobLogStore, jobs: list[Job]) -> list[tuple[int, int]]:
    """Return when the training of each job began and when the job ended."""
    ends = [
        reduce(apply, [decode_event(entry.kind, entry.body) for entry in logs.entries(job.id)], None) for job in jobs
    ]
    return [(started_at(logs, job), (end and end.finished_at) or 0) for job, end in zip(jobs, ends, strict=True)]


def expected_starts(ready: list[int], ended: list[tuple[int, int]], places: int) -> list[int]:
    """Return when each job may start: the first ones at once, each other when the next place becomes free."""
    ends = [end for _, end in ended]
    return [
        max(at, sorted(ends[:position])[position - places]) if position >= places else at
        for position, at in enumerate(ready)
    ]


def test_a_story_starts_no_earlier_than_its_place_is_free() -> None:
    """Its validation does not wait."""
    events = told({"train": jsonl(100)}, free_at=50_000)
    assert [event.at for event in events if isinstance(event, FilesValidated | TrainingStarted)] == [1_045, 50_000]


def test_a_job_beyond_the_places_waits_queued_with_its_files_validated(tmp_path: Path) -> None:
    """It moves on no further, however often it is looked at."""
    with engine_on(tmp_path, Graders(), pace=Pace.POLL, places=1) as (engine, _):
        first, second = engine.create(order()), engine.create(order())
        turned(engine, second, first)
        assert statuses(engine, first, second) == ["running", "queued"]


def test_at_poll_pace_the_oldest_in_line_goes_first(tmp_path: Path) -> None:
    """Whoever is polled first: a place belongs to the job that was created first."""
    with engine_on(tmp_path, Graders(), pace=Pace.POLL, places=1) as (engine, logs):
        first, second, third = (engine.create(order()) for _ in range(3))
        while (ended := engine.job(first.id)) and not ended.status.ended:
            turned(engine, third, second, first, times=1)
        turned(engine, third, second, times=2)
        assert ended
        assert statuses(engine, first, second, third) == ["succeeded", "running", "queued"]
        assert started_at(logs, second) == ended.finished_at


@pytest.mark.parametrize("cancelled", [0, 1])
def test_a_cancelled_job_makes_room_or_leaves_the_line(tmp_path: Path, cancelled: int) -> None:
    """The one that trains, and the one that waits."""
    with engine_on(tmp_path, Graders(), pace=Pace.POLL, places=1) as (engine, _):
        jobs = [engine.create(order()) for _ in range(3)]
        turned(engine, *jobs)
        engine.cancel(jobs[cancelled])
        turned(engine, *jobs)
        expected = {0: ["cancelled", "running", "queued"], 1: ["running", "cancelled", "queued"]}
        assert statuses(engine, *jobs) == expected[cancelled]


@pytest.mark.parametrize("places", [1, 2, 3])
def test_every_job_starts_when_the_next_place_becomes_free_whichever_thread_was_faster(
    tmp_path: Path, places: int
) -> None:
    """In simulated time, job by job in the order of their creation."""
    with engine_on(tmp_path, Graders(), places=places) as (engine, logs):
        jobs = [engine.create(order(n_epochs=epochs)) for epochs in (3, 1, 1, 2, 1, 1)]
        for job in jobs:
            finished(engine, job)
        ran = times(logs, jobs)
        ready = [job.created_at + 45 + 240 for job in jobs]
    assert [start for start, _ in ran] == expected_starts(ready, ran, places)


def test_a_job_in_line_holds_no_thread(tmp_path: Path) -> None:
    """Many wait, and the one that has the place still runs to its end."""
    graders = Graders()
    graders.waits_at = 1
    with engine_on(tmp_path, graders, places=1) as (engine, _):
        first, *others = [engine.create(order()) for _ in range(5)]
        assert graders.reached.wait(10)
        while statuses(engine, *others) != ["queued"] * 4:
            graders.go_on.wait(0.005)
        graders.go_on.set()
        assert {finished(engine, job).status for job in (first, *others)} == {Status.SUCCEEDED}


def test_jobs_in_line_keep_their_order_and_their_times_after_a_restart(tmp_path: Path) -> None:
    """The second waits for the first, and the third for the second: the logs are those of a run without a cut."""
    with engine_on(tmp_path / "whole", Graders(), pace=Pace.POLL, places=1) as (engine, logs):
        jobs = [engine.create(order()) for _ in range(3)]
        turned(engine, *jobs, times=60)
        whole = [logs.entries(job.id) for job in jobs]
    with engine_on(tmp_path / "cut", Graders(), pace=Pace.POLL, places=1) as (engine, _):
        jobs = [engine.create(order()) for _ in range(3)]
        turned(engine, *jobs, times=60)
    for job, length in zip(jobs, (len(whole[0]), 3, 3), strict=True):
        cut_off(tmp_path / "cut" / "simulator.sqlite", job.id, length)
    with engine_on(tmp_path / "cut", Graders(), places=1) as (engine, logs):
        assert [finished(engine, job).status for job in jobs] == [Status.SUCCEEDED] * 3
        assert [logs.entries(job.id) for job in jobs] == whole


def test_the_first_places_need_no_end_before_them(tmp_path: Path) -> None:
    """An old end holds nobody up while there are places that were never taken."""
    with engine_on(tmp_path, Graders(), places=2) as (engine, logs):
        first = finished(engine, engine.create(order()))
        second = finished(engine, engine.create(order()))
        assert started_at(logs, second) == second.created_at + 45 + 240
        assert logs.nth_latest_finish_before(second.id, n=1) == first.finished_at
