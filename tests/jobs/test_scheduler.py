"""Which jobs advance and which wait, with several jobs and several callers."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event as Flag
from threading import Lock, Thread

import pytest

from simulator.jobs.clock_control import ClockControl
from simulator.jobs.engine import Engine
from simulator.jobs.job import Job, Status
from simulator.jobs.job_run import JobRun
from simulator.jobs.run_target import RunTarget
from simulator.settings import Pace
from tests.full_disk import limit_file_size
from tests.jobs.engine_setup import (
    FakeGraders,
    controlled_engine,
    create_job,
    running_engine,
    status_and_step,
    wait_for,
    wait_for_end,
)
from tests.jobs.lifecycle_setup import job_spec


def test_a_new_job_does_not_wait_for_another_jobs_function(tmp_path: Path) -> None:
    """It waits for its first event while the other job is graded."""
    graders, at = FakeGraders(), [0.0]
    graders.waits_at = 1
    with controlled_engine(tmp_path, graders, pace=Pace.REALTIME, speed=1_000.0, monotonic=lambda: at[0]) as (
        engine,
        _,
        _,
    ):
        graded = engine.create(job_spec())
        at[0] = 1.0
        engine.scheduler.wake()
        assert graders.reached.wait(10)
        new = create_job(engine)
        assert (status_and_step(engine, new), status_and_step(engine, graded)) == (
            ("validating_files", 0),
            ("running", 0),
        )
        graders.may_continue.set()


def test_the_creation_of_a_job_does_not_wait_for_its_own_function(tmp_path: Path) -> None:
    """A fast clock can let it advance that far at once."""
    graders = FakeGraders()
    graders.waits_at = 1
    with controlled_engine(tmp_path, graders, pace=Pace.REALTIME, speed=1e6) as (engine, _, _):
        new = engine.create(job_spec())
        assert graders.reached.wait(10)
        engine.scheduler.wait_until_idle([new.id], until=new.created_at)
        assert status_and_step(engine, new) == ("running", 0)
        graders.may_continue.set()


def test_setting_a_jobs_pace_does_not_wait_for_another_jobs_function(tmp_path: Path) -> None:
    """Nor does a run of it."""
    graders = FakeGraders()
    with ThreadPoolExecutor() as pool, controlled_engine(tmp_path, graders, pace=Pace.MANUAL) as (engine, _, control):
        graded, other = create_job(engine), create_job(engine)
        graders.waits_at = 1
        advance = pool.submit(control.advance_to, control.status().now + 1_000)
        assert graders.reached.wait(10)
        wait_for(lambda: status_and_step(engine, other) == status_and_step(engine, graded) == ("running", 0))
        third = create_job(engine)
        control.set_pace(Pace.MANUAL, job_id=third.id)
        assert control.run_to_status(third.id, Status.QUEUED)
        assert not advance.done()
        graders.may_continue.set()
        advance.result()


CONTROL_CALLS: dict[str, Callable[[ClockControl, str, int], object]] = {
    "run to a step": lambda control, job_id, _: control.run_to_step(job_id, 2),
    "run to a time": lambda control, job_id, time: control.run_to_time(job_id, time),
    "advance": lambda control, _, time: control.advance_to(time),
}


@pytest.mark.parametrize("command", CONTROL_CALLS)
def test_a_queued_job_continues_when_the_job_before_it_starts_to_wait(tmp_path: Path, command: str) -> None:
    """While that job was graded it could still have ended first. Now only a user can advance it."""
    graders = FakeGraders()
    with (
        ThreadPoolExecutor() as pool,
        controlled_engine(tmp_path, graders, pace=Pace.MANUAL, slots=2) as (engine, _, control),
    ):
        before = create_job(engine)
        assert control.run_to_step(before.id, 1)
        leaves, in_line = create_job(engine), create_job(engine)
        graders.waits_at = 2
        moved = pool.submit(CONTROL_CALLS[command], control, before.id, engine.scheduler.next_at(before.id) or 0)
        assert graders.reached.wait(10)
        graders.waits_at = None
        for job in (leaves, in_line):
            control.set_pace(Pace.INSTANT, job_id=job.id)
        wait_for_end(engine, leaves)
        wait_for(lambda: engine.scheduler.next_at(in_line.id) is not None)
        assert status_and_step(engine, in_line) == ("queued", 0)
        graders.may_continue.set()
        moved.result(10)
        wait_for(lambda: status_and_step(engine, in_line)[0] == "succeeded")
        assert status_and_step(engine, before) == ("running", 2)


@pytest.mark.slow
@pytest.mark.parametrize("pace", [Pace.INSTANT, Pace.REALTIME])
def test_a_job_on_a_full_disk_retries_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pace: Pace) -> None:
    """After a delay, and without invoking the function again."""
    graders, advances, advance = FakeGraders(), list[str](), JobRun.advance
    graders.waits_at = 3

    def counted_advance(run: JobRun) -> bool:
        advances.append(run.job_id)
        return advance(run)

    monkeypatch.setattr(JobRun, "advance", counted_advance)
    monkeypatch.setattr("simulator.jobs.scheduler._DISK_FULL_RETRY_DELAY", 0.2)
    with controlled_engine(tmp_path, graders, pace=pace, speed=1e6) as (engine, _, _):
        job = engine.create(job_spec())
        assert graders.reached.wait(10)
        with limit_file_size(1):
            graders.may_continue.set()
            wait_for(lambda: engine.scheduler.next_at(job.id) is not None)
            before = len(advances)
            assert not Flag().wait(0.1)
            assert len(advances) - before < 20  # at once it would be thousands
        assert wait_for_end_in_time(engine, job).status is Status.SUCCEEDED
        assert graders.calls.count(("train", 3)) == 1


def wait_for_end_in_time(engine: Engine, job: Job) -> Job:
    """Wait for a job's end, or fail."""
    wait_for(lambda: (engine.find_job(job.id) or job).status.is_terminal)
    return wait_for_end(engine, job)


def target_at_step(step: int) -> tuple[RunTarget, Flag]:
    """Return a target that is reached only at one step, and a flag that is set once it was checked."""
    was_checked = Flag()

    def is_reached(job: Job) -> bool:
        was_checked.set()
        return job.step == step

    return RunTarget(is_reached=is_reached), was_checked


def start_run(pool: ThreadPoolExecutor, engine: Engine, job: Job, step: int) -> Future[bool]:
    """Start to run a job that is busy; return the run once the scheduler has its target."""
    target, was_checked = target_at_step(step)
    run = pool.submit(engine.scheduler.run_until, job.id, target)
    assert was_checked.wait(10)
    engine.scheduler.is_blocked(job.id)  # takes the lock, so it returns after the run has started
    return run


def test_all_runs_of_one_job_return(tmp_path: Path) -> None:
    """The one that returns first ends no other. The job stops at the furthest step."""
    graders = FakeGraders()
    graders.waits_at = 2
    with ThreadPoolExecutor() as pool, controlled_engine(tmp_path, graders, pace=Pace.MANUAL) as (engine, _, control):
        job = create_job(engine)
        runs = [pool.submit(control.run_to_step, job.id, 4)]
        assert graders.reached.wait(10)
        runs += [start_run(pool, engine, job, step) for step in (3, 7, 7, 5)]
        graders.may_continue.set()
        assert [run.result(10) for run in runs] == [True] * 5
        assert status_and_step(engine, job) == ("running", 7)


def test_a_run_and_a_retrieve_do_not_advance_a_job_at_the_same_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run waits for the end of the retrieve's advance."""
    graders, overlapped, advance_lock, advance = FakeGraders(), Flag(), Lock(), JobRun.advance
    graders.waits_at = 2

    def watched_advance(run: JobRun) -> bool:
        if not advance_lock.acquire(blocking=False):
            overlapped.set()
            return True
        try:
            return advance(run)
        finally:
            advance_lock.release()

    monkeypatch.setattr(JobRun, "advance", watched_advance)
    with ThreadPoolExecutor() as pool, controlled_engine(tmp_path, graders, pace=Pace.POLL) as (engine, _, control):
        job = engine.create(job_spec())
        while status_and_step(engine, job) != ("running", 1):
            engine.scheduler.advance(job.id)
        retrieve = pool.submit(engine.scheduler.advance, job.id)
        assert graders.reached.wait(10)
        run = start_run(pool, engine, job, 5)
        assert not overlapped.wait(0.1)
        graders.may_continue.set()
        retrieve.result(10)
        assert run.result(10)
        assert status_and_step(engine, job) == ("running", 5)
        assert control.status().jobs[0].pace is Pace.POLL


def test_a_very_slow_clock_can_be_made_faster(tmp_path: Path) -> None:
    """The job does not wait as long as the old speed would take."""
    with controlled_engine(tmp_path, FakeGraders(), pace=Pace.REALTIME, speed=1e-9) as (engine, _, control):
        job = create_job(engine)
        assert status_and_step(engine, job) == ("validating_files", 0)
        control.set_pace(None, speed=1e6)
        wait_for(lambda: status_and_step(engine, job)[0] == "succeeded")


def test_at_poll_pace_each_retrieve_advances_a_job_by_one_event(tmp_path: Path) -> None:
    """A test therefore sees every status and every step."""
    with running_engine(tmp_path, FakeGraders(), pace=Pace.POLL) as (engine, _):
        job = engine.create(job_spec())
        states: list[tuple[str, int]] = []
        while not job.status.is_terminal:
            states.append((job.status.value, job.step))
            engine.scheduler.advance(job.id)
            job = engine.find_job(job.id) or job
    steps = [("running", step) for step in range(10)]
    assert [advance for advance in dict.fromkeys(states) if advance[0] != "running"] == [
        ("validating_files", 0),
        ("queued", 0),
    ]
    assert [advance for advance in dict.fromkeys(states) if advance[0] == "running"] == steps
    assert job.status is Status.SUCCEEDED


def test_a_retrieve_during_another_retrieves_advance_does_not_advance(tmp_path: Path) -> None:
    """Two clients that poll at once do not advance a job twice and do not wait for each other."""
    graders = FakeGraders()
    graders.waits_at = 1
    with running_engine(tmp_path, graders, pace=Pace.POLL) as (engine, _):
        job = engine.create(job_spec())
        for _turn in range(3):
            engine.scheduler.advance(job.id)
        graded = Thread(target=engine.scheduler.advance, args=(job.id,))
        graded.start()
        assert graders.reached.wait(10)
        engine.scheduler.advance(job.id)
        current = engine.find_job(job.id)
        graders.may_continue.set()
        graded.join()
    assert current
    assert current.step == 0
