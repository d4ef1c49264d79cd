"""What is kept of paces, in which order, for whom, and how fast each job goes."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from simulator.ids import Ids
from simulator.jobs.clock_control import ClockControl
from simulator.jobs.engine import Engine
from simulator.jobs.job import Status
from simulator.jobs.pace import ClockControlError
from simulator.settings import FIXED_EPOCH, MAX_EPOCH_SECONDS, Pace
from simulator.store.clock_state import ClockStateStore
from simulator.store.errors import StoreFullError
from tests.full_disk import limit_file_size
from tests.jobs.engine_setup import FakeGraders, controlled_engine, running_engine, wait_for_end
from tests.jobs.lifecycle_setup import job_spec
from tests.jobs.test_clock_control import DAY, QUEUE, VALIDATION, controlled, create_job, status_and_step, wait_for


def saved_state(folder: Path) -> str:
    """Return what is kept of how a user left the clock."""
    with sqlite3.connect(folder / "simulator.sqlite") as connection:
        ((state,),) = connection.execute("SELECT state FROM clock").fetchall()
    connection.close()
    return str(state)


# A full disk.


def test_on_a_full_disk_nothing_is_steered_halfway(tmp_path: Path) -> None:
    """Each order fails and leaves the clock, the paces and the callers' time as they were."""
    with controlled(tmp_path) as (engine, _, steering):
        job = create_job(engine)
        before = steering.status()
        orders: list[Callable[[], object]] = [
            steering.freeze,
            steering.thaw,
            lambda: steering.advance_to(FIXED_EPOCH + DAY),
            lambda: steering.advance_by(DAY),
            lambda: steering.set_pace(Pace.REALTIME, speed=7.0),
            lambda: steering.set_pace(Pace.REALTIME, job_id=job.id, speed=7.0),
        ]
        with limit_file_size(1):
            for steer in orders:
                with pytest.raises(StoreFullError):
                    steer()
        assert steering.status() == before
        steering.set_pace(Pace.INSTANT)
        assert wait_for_end(engine, job).status is Status.SUCCEEDED


def test_a_cancel_does_not_need_the_clock_to_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full just after it: the job is cancelled, the caller is told so, and its place is free."""

    def full(*_: object, **__: object) -> NoReturn:
        raise StoreFullError("no room")

    with controlled(tmp_path, places=1) as (engine, _, steering):
        first, second = create_job(engine), create_job(engine)
        steering.set_pace(Pace.MANUAL, job_id=first.id)
        steering.set_pace(Pace.INSTANT, job_id=second.id)
        monkeypatch.setattr(ClockStateStore, "put", full)
        assert engine.cancel(first).status is Status.CANCELLED
        wait_for(lambda: status_and_step(engine, second)[0] == "succeeded")


def test_a_job_that_was_refused_takes_no_number(tmp_path: Path) -> None:
    """The next one is the first: a script's `"job": 1` means it."""
    with running_engine(tmp_path, FakeGraders()) as (engine, _):
        with limit_file_size(1), pytest.raises(StoreFullError):
            engine.create(job_spec())
        both = [engine.create(job_spec()).id for _ in range(2)]
    with running_engine(tmp_path, FakeGraders()) as (engine, _):
        both.append(engine.create(job_spec()).id)
    assert both == [Ids(seed=0).job(number) for number in range(3)]


# Jobs that have ended.


def test_the_pace_of_a_job_goes_with_its_end(tmp_path: Path) -> None:
    """What is written next does not name it any more."""
    with controlled(tmp_path) as (engine, _, steering):
        job = create_job(engine)
        steering.set_pace(Pace.INSTANT, job_id=job.id)
        assert job.id in saved_state(tmp_path)
        wait_for_end(engine, job)
        steering.freeze()
        assert job.id not in saved_state(tmp_path)


def test_a_start_drops_the_paces_of_jobs_that_have_ended(tmp_path: Path) -> None:
    """Their end was the last thing that was written."""
    with controlled(tmp_path) as (engine, _, steering):
        ended, held = create_job(engine), create_job(engine)
        steering.set_pace(Pace.MANUAL, job_id=held.id)
        steering.set_pace(Pace.INSTANT, job_id=ended.id)
        wait_for_end(engine, ended)
    assert ended.id in saved_state(tmp_path)
    with controlled(tmp_path, pace=Pace.INSTANT) as (engine, _, steering):
        steering.freeze()
        assert (ended.id in saved_state(tmp_path), held.id in saved_state(tmp_path)) == (False, True)


def test_a_job_that_has_ended_takes_no_pace(tmp_path: Path) -> None:
    """It is told, and the clock stands; to run it is to find it where it is."""
    at = [0.0]
    with controlled_engine(tmp_path, FakeGraders(), monotonic=lambda: at[0]) as (engine, _, steering):
        job = wait_for_end(engine, engine.create(job_spec()))
        before = steering.status()
        with pytest.raises(ClockControlError, match=f"{job.id} has ended .succeeded., so its pace cannot be set"):
            steering.set_pace(Pace.REALTIME, job_id=job.id, speed=1_000.0)
        at[0] = 100.0
        assert steering.status() == before
        assert steering.run_to_step(job.id, 3)
        assert not steering.run_to_step(job.id, 30)
        assert steering.run_to_time(job.id, steering.status().now + 100)
        steering.freeze()
        assert job.id not in saved_state(tmp_path)


# Where a job is held.


@pytest.mark.parametrize("restart", [False, True])
def test_a_new_job_stands_before_its_first_move_however_far_others_ran_ahead(tmp_path: Path, restart: bool) -> None:
    """Where the clock stands when it is created, it begins."""
    with controlled(tmp_path, pace=Pace.INSTANT) as (engine, _, steering):
        steering.freeze()
        steering.thaw()
        wait_for_end(engine, engine.create(job_spec()))
        if not restart:
            steering.freeze()
            steering.run_to_step(create_job(engine).id, 3)
            assert is_waiting_for_validation(engine, steering)
    if restart:
        with controlled(tmp_path, pace=Pace.MANUAL) as (engine, _, steering):
            assert is_waiting_for_validation(engine, steering)


def is_waiting_for_validation(engine: Engine, steering: ClockControl) -> bool:
    """Create a job; return whether it waits for its files to be validated, from now on."""
    job = create_job(engine)
    return engine.scheduler.next_at(job.id) == steering.status().now + VALIDATION


def test_a_run_to_a_time_before_the_next_move_moves_the_clock_there(tmp_path: Path) -> None:
    """And nothing else."""
    with controlled(tmp_path) as (engine, _, steering):
        job = create_job(engine)
        assert steering.run_to_time(job.id, FIXED_EPOCH + 100)
        assert (steering.status().now, status_and_step(engine, job)) == (FIXED_EPOCH + 100, ("queued", 0))
        assert steering.run_to_time(job.id, FIXED_EPOCH + 50)
        assert steering.status().now == FIXED_EPOCH + 100
    with controlled(tmp_path) as (_, _, steering):
        assert steering.status().now == FIXED_EPOCH + 100


@pytest.mark.parametrize("frozen", [False, True])
def test_a_clock_that_only_its_user_moves_stands_after_a_restart_where_it_stood(tmp_path: Path, frozen: bool) -> None:
    """Whatever the new start would begin with; one that nobody holds goes by the new start."""
    with controlled(tmp_path, pace=Pace.POLL if frozen else Pace.MANUAL) as (engine, _, steering):
        create_job(engine)
        steering.advance_to(FIXED_EPOCH + 7)
        if frozen:
            steering.freeze()
    later = FIXED_EPOCH + 1_000
    with controlled_engine(tmp_path, FakeGraders(), pace=Pace.POLL if frozen else Pace.MANUAL, epoch=later) as (
        _,
        _,
        held,
    ):
        assert held.status().now == FIXED_EPOCH + 7
        held.thaw()
    with controlled_engine(tmp_path, FakeGraders(), pace=Pace.POLL, epoch=later) as (_, _, free):
        assert free.status().now == later


def test_a_freeze_moves_nobody_whom_others_have_left_behind(tmp_path: Path) -> None:
    """Neither what waits for its user nor what goes by realtime catches up with the job that ran ahead."""
    at = [0.0]
    with controlled_engine(tmp_path, FakeGraders(), pace=Pace.REALTIME, monotonic=lambda: at[0]) as (
        engine,
        _,
        steering,
    ):
        held, usual, ahead = (create_job(engine) for _ in range(3))
        steering.set_pace(Pace.MANUAL, job_id=held.id)
        steering.set_pace(Pace.INSTANT, job_id=ahead.id)
        wait_for_end(engine, ahead)
        steering.freeze()
        steering.set_pace(None)
        at[0] = 100.0
        steering.set_pace(None)
        assert [status_and_step(engine, job)[0] for job in (held, usual)] == ["validating_files"] * 2
        steering.advance_by(0)
        assert [status_and_step(engine, job)[0] for job in (held, usual)] == ["succeeded"] * 2


# How far the clock goes.


def test_a_clock_never_runs_back_and_says_so(tmp_path: Path) -> None:
    """To where it stands it may be moved."""
    with controlled(tmp_path) as (_, _, steering):
        steering.advance_to(FIXED_EPOCH + DAY)
        steering.advance_to(FIXED_EPOCH + DAY)
        with pytest.raises(ClockControlError, match="the clock is at 2026-01-02T00:00:00Z, which is later"):
            steering.advance_to(FIXED_EPOCH + DAY - 1)


def test_the_clock_does_not_go_beyond_its_last_second(tmp_path: Path) -> None:
    """However many advances it takes to come there, and however it runs."""
    at = [0.0]
    with controlled_engine(tmp_path, FakeGraders(), monotonic=lambda: at[0]) as (_, _, steering):
        steering.advance_to(MAX_EPOCH_SECONDS - 10)
        with pytest.raises(ClockControlError, match="is at 2099-12-31T23:59:50Z, and cannot move beyond 2100-01-01"):
            steering.advance_by(11)
        steering.advance_by(9)
        steering.set_pace(Pace.REALTIME, speed=1e6)
        at[0] = 1e9
        assert steering.status().now == MAX_EPOCH_SECONDS


# How fast a job goes.


def test_a_speed_of_one_job_is_its_own(tmp_path: Path) -> None:
    """The clock follows it, and hurries nobody else: what goes by realtime goes by itself."""
    at = [0.0]
    with controlled_engine(tmp_path, FakeGraders(), pace=Pace.REALTIME, monotonic=lambda: at[0]) as (
        engine,
        _,
        steering,
    ):
        fast, usual, held = (create_job(engine) for _ in range(3))
        steering.set_pace(Pace.REALTIME, job_id=fast.id, speed=10.0)
        steering.set_pace(Pace.MANUAL, job_id=held.id)
        speeds = (steering.status().speed, [job.speed for job in steering.status().jobs])
        assert speeds == (1.0, [10.0, 1.0, None])
        at[0] = 4.4
        steering.set_pace(None)
        assert status_and_step(engine, fast) == ("validating_files", 0)
        at[0] = 4.5
        steering.set_pace(None)
        assert [status_and_step(engine, job)[0] for job in (fast, usual, held)] == ["queued", *["validating_files"] * 2]
        assert steering.status().now == FIXED_EPOCH + VALIDATION
        at[0] = 44.9
        steering.set_pace(None)
        assert [status_and_step(engine, job)[0] for job in (fast, usual, held)] == [
            "running",
            *["validating_files"] * 2,
        ]
        at[0] = 45.0
        steering.set_pace(None)
        assert [status_and_step(engine, job)[0] for job in (fast, usual, held)] == [
            "running",
            "queued",
            "validating_files",
        ]


def test_a_speed_of_its_own_outlives_a_restart_and_a_freeze_and_goes_with_the_pace(tmp_path: Path) -> None:
    """It begins where the clock stands then; another pace has none."""
    at = [0.0]
    with controlled_engine(tmp_path, FakeGraders(), pace=Pace.MANUAL, monotonic=lambda: at[0]) as (engine, _, steering):
        job = create_job(engine)
        steering.set_pace(Pace.REALTIME, job_id=job.id, speed=10.0)
        at[0] = 2.0
        steering.freeze()
    with controlled_engine(tmp_path, FakeGraders(), pace=Pace.MANUAL, monotonic=lambda: at[0]) as (engine, _, steering):
        at[0] = 100.0
        assert status_and_step(engine, job) == ("validating_files", 0)
        steering.thaw()
        at[0] = 104.5
        steering.set_pace(None)
        assert status_and_step(engine, job) == ("queued", 0)
        steering.advance_to(FIXED_EPOCH + VALIDATION + QUEUE)
        assert status_and_step(engine, job) == ("running", 0)
        steering.set_pace(Pace.REALTIME, job_id=job.id)
        assert steering.status().jobs[0].speed == 10.0
        steering.set_pace(Pace.MANUAL, job_id=job.id)
        steering.set_pace(Pace.REALTIME, job_id=job.id)
        assert steering.status().jobs[0].speed == 1.0
