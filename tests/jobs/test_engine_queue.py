"""More jobs than there are places: who waits, who goes first, and from when on."""

from functools import reduce
from pathlib import Path

import pytest

from simulator.jobs.codec import decode_event
from simulator.jobs.engine import Engine
from simulator.jobs.job import FilesValidated, Job, Status, TrainingStarted, apply
from simulator.settings import Pace
from simulator.store.job_logs import JobLogStore
from tests.jobs.engine_setup import FakeGraders, running_engine, truncate_log, wait_for_end
from tests.jobs.lifecycle_setup import job_spec, run_lifecycle
from tests.training.training_files import make_training_file


def statuses(engine: Engine, *jobs: Job) -> list[str]:
    """Return where jobs stand."""
    return [current.status.value for job in jobs if (current := engine.find_job(job.id))]


def advance_jobs(engine: Engine, *jobs: Job, times: int = 4) -> None:
    """Give jobs turns, one after the other."""
    for _ in range(times):
        for job in jobs:
            engine.scheduler.advance(job.id)


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
    events = run_lifecycle({"train": make_training_file(100)}, free_at=50_000)
    assert [event.at for event in events if isinstance(event, FilesValidated | TrainingStarted)] == [1_045, 50_000]


def test_a_job_beyond_the_places_waits_queued_with_its_files_validated(tmp_path: Path) -> None:
    """It moves on no further, however often it is looked at."""
    with running_engine(tmp_path, FakeGraders(), pace=Pace.POLL, slots=1) as (engine, _):
        first, second = engine.create(job_spec()), engine.create(job_spec())
        advance_jobs(engine, second, first)
        assert statuses(engine, first, second) == ["running", "queued"]


def test_at_poll_pace_the_oldest_in_line_goes_first(tmp_path: Path) -> None:
    """Whoever is polled first: a place belongs to the job that was created first."""
    with running_engine(tmp_path, FakeGraders(), pace=Pace.POLL, slots=1) as (engine, logs):
        first, second, third = (engine.create(job_spec()) for _ in range(3))
        while (ended := engine.find_job(first.id)) and not ended.status.is_terminal:
            advance_jobs(engine, third, second, first, times=1)
        advance_jobs(engine, third, second, times=2)
        assert ended
        assert statuses(engine, first, second, third) == ["succeeded", "running", "queued"]
        assert started_at(logs, second) == ended.finished_at


@pytest.mark.parametrize("cancelled", [0, 1])
def test_a_cancelled_job_makes_room_or_leaves_the_line(tmp_path: Path, cancelled: int) -> None:
    """The one that trains, and the one that waits."""
    with running_engine(tmp_path, FakeGraders(), pace=Pace.POLL, slots=1) as (engine, _):
        jobs = [engine.create(job_spec()) for _ in range(3)]
        advance_jobs(engine, *jobs)
        engine.cancel(jobs[cancelled])
        advance_jobs(engine, *jobs)
        expected = {0: ["cancelled", "running", "queued"], 1: ["running", "cancelled", "queued"]}
        assert statuses(engine, *jobs) == expected[cancelled]


@pytest.mark.parametrize("places", [1, 2, 3])
def test_every_job_starts_when_the_next_place_becomes_free_whichever_thread_was_faster(
    tmp_path: Path, places: int
) -> None:
    """In simulated time, job by job in the order of their creation."""
    with running_engine(tmp_path, FakeGraders(), slots=places) as (engine, logs):
        jobs = [engine.create(job_spec(n_epochs=epochs)) for epochs in (3, 1, 1, 2, 1, 1)]
        for job in jobs:
            wait_for_end(engine, job)
        ran = times(logs, jobs)
        ready = [job.created_at + 45 + 240 for job in jobs]
    assert [start for start, _ in ran] == expected_starts(ready, ran, places)


def test_a_job_in_line_holds_no_thread(tmp_path: Path) -> None:
    """Many wait, and the one that has the place still runs to its end."""
    graders = FakeGraders()
    graders.waits_at = 1
    with running_engine(tmp_path, graders, slots=1) as (engine, _):
        first, *others = [engine.create(job_spec()) for _ in range(5)]
        assert graders.reached.wait(10)
        while statuses(engine, *others) != ["queued"] * 4:
            graders.may_continue.wait(0.005)
        graders.may_continue.set()
        assert {wait_for_end(engine, job).status for job in (first, *others)} == {Status.SUCCEEDED}


def test_jobs_in_line_keep_their_order_and_their_times_after_a_restart(tmp_path: Path) -> None:
    """The second waits for the first, and the third for the second: the logs are those of a run without a cut."""
    with running_engine(tmp_path / "whole", FakeGraders(), pace=Pace.POLL, slots=1) as (engine, logs):
        jobs = [engine.create(job_spec()) for _ in range(3)]
        advance_jobs(engine, *jobs, times=60)
        whole = [logs.entries(job.id) for job in jobs]
    with running_engine(tmp_path / "cut", FakeGraders(), pace=Pace.POLL, slots=1) as (engine, _):
        jobs = [engine.create(job_spec()) for _ in range(3)]
        advance_jobs(engine, *jobs, times=60)
    for job, length in zip(jobs, (len(whole[0]), 3, 3), strict=True):
        truncate_log(tmp_path / "cut" / "simulator.sqlite", job.id, length)
    with running_engine(tmp_path / "cut", FakeGraders(), slots=1) as (engine, logs):
        assert [wait_for_end(engine, job).status for job in jobs] == [Status.SUCCEEDED] * 3
        assert [logs.entries(job.id) for job in jobs] == whole


def test_the_first_places_need_no_end_before_them(tmp_path: Path) -> None:
    """An old end holds nobody up while there are places that were never taken."""
    with running_engine(tmp_path, FakeGraders(), slots=2) as (engine, logs):
        first = wait_for_end(engine, engine.create(job_spec()))
        second = wait_for_end(engine, engine.create(job_spec()))
        assert started_at(logs, second) == second.created_at + 45 + 240
        assert logs.nth_latest_finish_before(second.id, n=1) == first.finished_at
