"""Who moves, who waits for whom, and who does not: several jobs, several callers, one driver."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event as Flag
from threading import Lock

import pytest

from simulator.jobs.clock_control import ClockControl
from simulator.jobs.engine import Engine
from simulator.jobs.job import Job, Status
from simulator.jobs.job_run import JobRun
from simulator.jobs.run_target import RunTarget
from simulator.settings import Pace
from tests.full_disk import limit_file_size
from tests.jobs.engine_setup import FakeGraders, controlled_engine, wait_for_end
from tests.jobs.lifecycle_setup import job_spec
from tests.jobs.test_clock_control import create_job, status_and_step, wait_for


def test_a_new_job_does_not_wait_for_another_ones_function(tmp_path: Path) -> None:
    """It stands before its first move while the other one is being graded."""
    graders, at = FakeGraders(), [0.0]
    graders.waits_at = 1
    with controlled_engine(tmp_path, graders, pace=Pace.REALTIME, speed=1_000.0, monotonic=lambda: at[0]) as (
        engine,
        _,
        _,
    ):
        busy = engine.create(job_spec())
        at[0] = 1.0
        engine.scheduler.wake()
        assert graders.reached.wait(10)
        new = create_job(engine)
        assert (status_and_step(engine, new), status_and_step(engine, busy)) == (
            ("validating_files", 0),
            ("running", 0),
        )
        graders.may_continue.set()


def test_a_new_job_does_not_wait_for_its_own_function_either(tmp_path: Path) -> None:
    """A clock that runs fast may have let it go on to there already."""
    graders = FakeGraders()
    graders.waits_at = 1
    with controlled_engine(tmp_path, graders, pace=Pace.REALTIME, speed=1e6) as (engine, _, _):
        new = engine.create(job_spec())
        assert graders.reached.wait(10)
        engine.scheduler.wait_until_idle([new.id], until=new.created_at)
        assert status_and_step(engine, new) == ("running", 0)
        graders.may_continue.set()


def test_a_pace_of_one_job_does_not_wait_for_another_ones_function(tmp_path: Path) -> None:
    """Nor does a run of it."""
    graders = FakeGraders()
    with ThreadPoolExecutor() as pool, controlled_engine(tmp_path, graders, pace=Pace.MANUAL) as (engine, _, steering):
        busy, other = create_job(engine), create_job(engine)
        graders.waits_at = 1
        advance = pool.submit(steering.advance_to, steering.status().now + 1_000)
        assert graders.reached.wait(10)
        wait_for(lambda: status_and_step(engine, other) == status_and_step(engine, busy) == ("running", 0))
        third = create_job(engine)
        steering.set_pace(Pace.MANUAL, job_id=third.id)
        assert steering.run_to_status(third.id, Status.QUEUED)
        assert not advance.done()
        graders.may_continue.set()
        advance.result()


CONTROL_CALLS: dict[str, Callable[[ClockControl, str, int], object]] = {
    "run to a step": lambda steering, job_id, _: steering.run_to_step(job_id, 2),
    "run to a time": lambda steering, job_id, time: steering.run_to_time(job_id, time),
    "advance": lambda steering, _, time: steering.advance_to(time),
}


@pytest.mark.parametrize("move", CONTROL_CALLS)
def test_a_job_in_line_goes_on_when_the_one_before_it_comes_to_stand(tmp_path: Path, move: str) -> None:
    """While that was graded it could still have ended first; now nobody knows when it ends, and it holds up nobody."""
    graders = FakeGraders()
    with (
        ThreadPoolExecutor() as pool,
        controlled_engine(tmp_path, graders, pace=Pace.MANUAL, slots=2) as (engine, _, steering),
    ):
        before = create_job(engine)
        assert steering.run_to_step(before.id, 1)
        leaves, in_line = create_job(engine), create_job(engine)
        graders.waits_at = 2
        moved = pool.submit(CONTROL_CALLS[move], steering, before.id, engine.scheduler.next_at(before.id) or 0)
        assert graders.reached.wait(10)
        graders.waits_at = None
        for job in (leaves, in_line):
            steering.set_pace(Pace.INSTANT, job_id=job.id)
        wait_for_end(engine, leaves)
        wait_for(lambda: engine.scheduler.next_at(in_line.id) is not None)
        assert status_and_step(engine, in_line) == ("queued", 0)
        graders.may_continue.set()
        moved.result(10)
        wait_for(lambda: status_and_step(engine, in_line)[0] == "succeeded")
        assert status_and_step(engine, before) == ("running", 2)


@pytest.mark.parametrize("pace", [Pace.INSTANT, Pace.REALTIME])
def test_a_job_that_finds_the_disk_full_tries_again_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pace: Pace
) -> None:
    """After a while, and not at once: nobody else has to do anything, and nobody is asked for its rewards again."""
    graders, turns, turn = FakeGraders(), list[str](), JobRun.advance
    graders.waits_at = 3

    def counted(run: JobRun) -> bool:
        turns.append(run.job_id)
        return turn(run)

    monkeypatch.setattr(JobRun, "advance", counted)
    monkeypatch.setattr("simulator.jobs.scheduler._DISK_FULL_RETRY_DELAY", 0.5)
    with controlled_engine(tmp_path, graders, pace=pace, speed=1e6) as (engine, _, _):
        job = engine.create(job_spec())
        assert graders.reached.wait(10)
        with limit_file_size(1):
            graders.may_continue.set()
            wait_for(lambda: engine.scheduler.next_at(job.id) is not None)
            before = len(turns)
            assert not Flag().wait(0.1)
            assert len(turns) - before < 20  # at once it would be thousands
        assert wait_for_end_in_time(engine, job).status is Status.SUCCEEDED
        assert graders.calls.count(("train", 3)) == 1


def wait_for_end_in_time(engine: Engine, job: Job) -> Job:
    """Wait for a job's end, if it comes."""
    wait_for(lambda: (engine.find_job(job.id) or job).status.is_terminal)
    return wait_for_end(engine, job)


def target_at_step(step: int) -> tuple[RunTarget, Flag]:
    """Return a goal that is met at one step and not after it, and what tells that somebody has asked for it."""
    asked = Flag()

    def met(job: Job) -> bool:
        asked.set()
        return job.step == step

    return RunTarget(is_reached=met), asked


def start_run(pool: ThreadPoolExecutor, engine: Engine, job: Job, step: int) -> Future[bool]:
    """Begin a run of a job that is busy; return it once the driver knows of it."""
    goal, asked = target_at_step(step)
    run = pool.submit(engine.scheduler.run_until, job.id, goal)
    assert asked.wait(10)
    engine.scheduler.is_blocked(job.id)  # whoever asks has to wait until the run has begun
    return run


def test_runs_of_one_job_all_come_to_their_end(tmp_path: Path) -> None:
    """The one that is over first ends nobody else's, however far they go on; the job stands at the furthest."""
    graders = FakeGraders()
    graders.waits_at = 2
    with ThreadPoolExecutor() as pool, controlled_engine(tmp_path, graders, pace=Pace.MANUAL) as (engine, _, steering):
        job = create_job(engine)
        runs = [pool.submit(steering.run_to_step, job.id, 4)]
        assert graders.reached.wait(10)
        runs += [start_run(pool, engine, job, step) for step in (3, 7, 7, 5)]
        graders.may_continue.set()
        assert [run.result(10) for run in runs] == [True] * 5
        assert status_and_step(engine, job) == ("running", 7)


def test_a_run_and_a_retrieve_take_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a retrieve's turn is under way the run waits for its end, and asks for nothing meanwhile."""
    graders, overlapped, turning, turn = FakeGraders(), Flag(), Lock(), JobRun.advance
    graders.waits_at = 2

    def watched(run: JobRun) -> bool:
        if not turning.acquire(blocking=False):
            overlapped.set()
            return True
        try:
            return turn(run)
        finally:
            turning.release()

    monkeypatch.setattr(JobRun, "advance", watched)
    with ThreadPoolExecutor() as pool, controlled_engine(tmp_path, graders, pace=Pace.POLL) as (engine, _, steering):
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
        assert steering.status().jobs[0].pace is Pace.POLL


def test_a_clock_that_hardly_moves_can_be_made_faster(tmp_path: Path) -> None:
    """However long it would have taken at the speed that it had."""
    with controlled_engine(tmp_path, FakeGraders(), pace=Pace.REALTIME, speed=1e-9) as (engine, _, steering):
        job = create_job(engine)
        assert status_and_step(engine, job) == ("validating_files", 0)
        steering.set_pace(None, speed=1e6)
        wait_for(lambda: status_and_step(engine, job)[0] == "succeeded")
