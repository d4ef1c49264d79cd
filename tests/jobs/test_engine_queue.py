"""More jobs than slots: which job waits, which is next, and at what time it starts."""

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
    """Return the statuses of jobs."""
    return [current.status.value for job in jobs if (current := engine.find_job(job.id))]


def advance_jobs(engine: Engine, *jobs: Job, times: int = 4) -> None:
    """Advance jobs in turn."""
    for _ in range(times):
        for job in jobs:
            engine.scheduler.advance(job.id)


def started_at(logs: JobLogStore, job: Job) -> int:
    """Return the time at which a job's training started."""
    (at,) = [
        event.at
        for entry in logs.entries(job.id)
        if isinstance(event := decode_event(entry.kind, entry.body), TrainingStarted)
    ]
    return at


def times(logs: JobLogStore, jobs: list[Job]) -> list[tuple[int, int]]:
    """Return the time at which each job started to train, and the time at which it ended."""
    ends = [
        reduce(apply, [decode_event(entry.kind, entry.body) for entry in logs.entries(job.id)], None) for job in jobs
    ]
    return [(started_at(logs, job), (end and end.finished_at) or 0) for job, end in zip(jobs, ends, strict=True)]


def expected_starts(ready: list[int], ended: list[tuple[int, int]], slots: int) -> list[int]:
    """Return when each job may start: the first ones at once, every other when the next slot becomes free."""
    ends = [end for _, end in ended]
    return [
        max(at, sorted(ends[:position])[position - slots]) if position >= slots else at
        for position, at in enumerate(ready)
    ]


def test_training_starts_no_earlier_than_the_slot_is_free() -> None:
    """Validation does not wait."""
    events = run_lifecycle({"train": make_training_file(100)}, free_at=50_000)
    assert [event.at for event in events if isinstance(event, FilesValidated | TrainingStarted)] == [1_045, 50_000]


def test_a_job_without_a_slot_waits_in_the_status_queued(tmp_path: Path) -> None:
    """Its files are validated, and further retrieves do not advance it."""
    with running_engine(tmp_path, FakeGraders(), pace=Pace.POLL, slots=1) as (engine, _):
        first, second = engine.create(job_spec()), engine.create(job_spec())
        advance_jobs(engine, second, first)
        assert statuses(engine, first, second) == ["running", "queued"]


def test_at_poll_pace_the_oldest_queued_job_gets_the_slot(tmp_path: Path) -> None:
    """The order of retrieves does not matter."""
    with running_engine(tmp_path, FakeGraders(), pace=Pace.POLL, slots=1) as (engine, logs):
        first, second, third = (engine.create(job_spec()) for _ in range(3))
        while (ended := engine.find_job(first.id)) and not ended.status.is_terminal:
            advance_jobs(engine, third, second, first, times=1)
        advance_jobs(engine, third, second, times=2)
        assert ended
        assert statuses(engine, first, second, third) == ["succeeded", "running", "queued"]
        assert started_at(logs, second) == ended.finished_at


@pytest.mark.parametrize("cancelled", [0, 1])
def test_a_cancelled_job_frees_its_slot_or_leaves_the_queue(tmp_path: Path, cancelled: int) -> None:
    """A job that trains, and a job that waits."""
    with running_engine(tmp_path, FakeGraders(), pace=Pace.POLL, slots=1) as (engine, _):
        jobs = [engine.create(job_spec()) for _ in range(3)]
        advance_jobs(engine, *jobs)
        engine.cancel(jobs[cancelled])
        advance_jobs(engine, *jobs)
        expected = {0: ["cancelled", "running", "queued"], 1: ["running", "cancelled", "queued"]}
        assert statuses(engine, *jobs) == expected[cancelled]


@pytest.mark.slow
@pytest.mark.parametrize("slots", [1, 3])
def test_start_times_do_not_depend_on_which_thread_is_faster(tmp_path: Path, slots: int) -> None:
    """Each job starts in simulated time when the next slot becomes free, in the order of creation."""
    with running_engine(tmp_path, FakeGraders(), slots=slots) as (engine, logs):
        jobs = [engine.create(job_spec(batch_size=12, n_epochs=epochs)) for epochs in (3, 1, 1, 2, 1)]
        for job in jobs:
            wait_for_end(engine, job)
        times_of_jobs = times(logs, jobs)
        ready = [job.created_at + 45 + 240 for job in jobs]
    assert [start for start, _ in times_of_jobs] == expected_starts(ready, times_of_jobs, slots)


def test_a_queued_job_uses_no_thread(tmp_path: Path) -> None:
    """Many wait, and the one that has the slot runs to its end."""
    graders = FakeGraders()
    graders.waits_at = 1
    with running_engine(tmp_path, graders, slots=1) as (engine, _):
        first, *others = [engine.create(job_spec(batch_size=12)) for _ in range(5)]
        assert graders.reached.wait(10)
        while statuses(engine, *others) != ["queued"] * 4:
            graders.may_continue.wait(0.005)
        graders.may_continue.set()
        assert {wait_for_end(engine, job).status for job in (first, *others)} == {Status.SUCCEEDED}


@pytest.mark.slow
def test_queued_jobs_keep_their_order_and_times_after_a_restart(tmp_path: Path) -> None:
    """The logs equal those of an uninterrupted run."""
    with running_engine(tmp_path / "whole", FakeGraders(), pace=Pace.POLL, slots=1) as (engine, logs):
        jobs = [engine.create(job_spec(batch_size=12)) for _ in range(3)]
        advance_jobs(engine, *jobs, times=25)
        expected = [logs.entries(job.id) for job in jobs]
    with running_engine(tmp_path / "cut", FakeGraders(), pace=Pace.POLL, slots=1) as (engine, _):
        jobs = [engine.create(job_spec(batch_size=12)) for _ in range(3)]
        advance_jobs(engine, *jobs, times=25)
    for job, length in zip(jobs, (len(expected[0]), 3, 3), strict=True):
        truncate_log(tmp_path / "cut" / "simulator.sqlite", job.id, length)
    with running_engine(tmp_path / "cut", FakeGraders(), slots=1) as (engine, logs):
        assert [wait_for_end(engine, job).status for job in jobs] == [Status.SUCCEEDED] * 3
        assert [logs.entries(job.id) for job in jobs] == expected


def test_an_unused_slot_is_free_from_the_start(tmp_path: Path) -> None:
    """An earlier job's end does not delay a job while slots are unused."""
    with running_engine(tmp_path, FakeGraders(), slots=2) as (engine, logs):
        first = wait_for_end(engine, engine.create(job_spec()))
        second = wait_for_end(engine, engine.create(job_spec()))
        assert started_at(logs, second) == second.created_at + 45 + 240
        assert logs.nth_latest_finish_before(second.id, n=1) == first.finished_at
