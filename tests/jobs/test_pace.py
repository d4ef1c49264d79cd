"""Paces: what is stored, how far each job may advance, and how fast."""

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
from tests.jobs.test_clock_control import DAY, QUEUE, VALIDATION, controlled


def saved_state(folder: Path) -> str:
    """Return the stored state of the clock."""
    with sqlite3.connect(folder / "simulator.sqlite") as connection:
        ((state,),) = connection.execute("SELECT state FROM clock").fetchall()
    connection.close()
    return str(state)


# A full disk.


def test_on_a_full_disk_no_clock_command_takes_effect(tmp_path: Path) -> None:
    """Each fails and leaves the clock, the paces and the callers' time unchanged."""
    with controlled(tmp_path) as (engine, _, control):
        job = create_job(engine)
        before = control.status()
        commands: list[Callable[[], object]] = [
            control.freeze,
            control.thaw,
            lambda: control.advance_to(FIXED_EPOCH + DAY),
            lambda: control.advance_by(DAY),
            lambda: control.set_pace(Pace.REALTIME, speed=7.0),
            lambda: control.set_pace(Pace.REALTIME, job_id=job.id, speed=7.0),
        ]
        with limit_file_size(1):
            for command in commands:
                with pytest.raises(StoreFullError):
                    command()
        assert control.status() == before
        control.set_pace(Pace.INSTANT)
        assert wait_for_end(engine, job).status is Status.SUCCEEDED


def test_a_cancel_succeeds_when_the_clock_cannot_be_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full just after it: the job is cancelled and its slot is free."""

    def raise_store_full(*_: object, **__: object) -> NoReturn:
        raise StoreFullError("no room")

    with controlled(tmp_path, slots=1) as (engine, _, control):
        first, second = create_job(engine), create_job(engine)
        control.set_pace(Pace.MANUAL, job_id=first.id)
        control.set_pace(Pace.INSTANT, job_id=second.id)
        monkeypatch.setattr(ClockStateStore, "put", raise_store_full)
        assert engine.cancel(first).status is Status.CANCELLED
        wait_for(lambda: status_and_step(engine, second)[0] == "succeeded")


def test_a_job_that_could_not_be_created_uses_no_number(tmp_path: Path) -> None:
    """The next one is the first: a script's `"job": 1` means it."""
    with running_engine(tmp_path, FakeGraders()) as (engine, _):
        with limit_file_size(1), pytest.raises(StoreFullError):
            engine.create(job_spec())
        job_ids = [engine.create(job_spec()).id for _ in range(2)]
    with running_engine(tmp_path, FakeGraders()) as (engine, _):
        job_ids.append(engine.create(job_spec()).id)
    assert job_ids == [Ids(seed=0).job(number) for number in range(3)]


# Jobs that have ended.


def test_the_pace_of_an_ended_job_is_no_longer_stored(tmp_path: Path) -> None:
    """The next change of the state removes it."""
    with controlled(tmp_path) as (engine, _, control):
        job = create_job(engine)
        control.set_pace(Pace.INSTANT, job_id=job.id)
        assert job.id in saved_state(tmp_path)
        wait_for_end(engine, job)
        control.freeze()
        assert job.id not in saved_state(tmp_path)


def test_a_start_drops_the_paces_of_jobs_that_have_ended(tmp_path: Path) -> None:
    """Their end was the last thing that was stored."""
    with controlled(tmp_path) as (engine, _, control):
        ended, manual = create_job(engine), create_job(engine)
        control.set_pace(Pace.MANUAL, job_id=manual.id)
        control.set_pace(Pace.INSTANT, job_id=ended.id)
        wait_for_end(engine, ended)
    assert ended.id in saved_state(tmp_path)
    with controlled(tmp_path, pace=Pace.INSTANT) as (engine, _, control):
        control.freeze()
        assert (ended.id in saved_state(tmp_path), manual.id in saved_state(tmp_path)) == (False, True)


def test_the_pace_of_an_ended_job_cannot_be_set(tmp_path: Path) -> None:
    """The clock does not change. A run of that job only reports where it ended."""
    at = [0.0]
    with controlled_engine(tmp_path, FakeGraders(), monotonic=lambda: at[0]) as (engine, _, control):
        job = wait_for_end(engine, engine.create(job_spec()))
        before = control.status()
        with pytest.raises(ClockControlError, match=f"{job.id} has ended .succeeded., so its pace cannot be set"):
            control.set_pace(Pace.REALTIME, job_id=job.id, speed=1_000.0)
        at[0] = 100.0
        assert control.status() == before
        assert control.run_to_step(job.id, 3)
        assert not control.run_to_step(job.id, 30)
        assert control.run_to_time(job.id, control.status().now + 100)
        control.freeze()
        assert job.id not in saved_state(tmp_path)


# How far a job advances.


@pytest.mark.parametrize("restart", [False, True])
def test_a_new_job_waits_for_its_validation_even_if_others_ran_ahead(tmp_path: Path, restart: bool) -> None:
    """It starts at the time of the clock."""
    with controlled(tmp_path, pace=Pace.INSTANT) as (engine, _, control):
        control.freeze()
        control.thaw()
        wait_for_end(engine, engine.create(job_spec()))
        if not restart:
            control.freeze()
            control.run_to_step(create_job(engine).id, 3)
            assert is_waiting_for_validation(engine, control)
    if restart:
        with controlled(tmp_path, pace=Pace.MANUAL) as (engine, _, control):
            assert is_waiting_for_validation(engine, control)


def is_waiting_for_validation(engine: Engine, control: ClockControl) -> bool:
    """Create a job; return whether it waits for the validation of its files from now on."""
    job = create_job(engine)
    return engine.scheduler.next_at(job.id) == control.status().now + VALIDATION


def test_a_run_to_a_time_before_the_next_event_moves_only_the_clock(tmp_path: Path) -> None:
    """The job stays where it is, and so does the clock after an earlier time."""
    with controlled(tmp_path) as (engine, _, control):
        job = create_job(engine)
        assert control.run_to_time(job.id, FIXED_EPOCH + 100)
        assert (control.status().now, status_and_step(engine, job)) == (FIXED_EPOCH + 100, ("queued", 0))
        assert control.run_to_time(job.id, FIXED_EPOCH + 50)
        assert control.status().now == FIXED_EPOCH + 100
    with controlled(tmp_path) as (_, _, control):
        assert control.status().now == FIXED_EPOCH + 100


@pytest.mark.parametrize("frozen", [False, True])
def test_a_manual_or_frozen_clock_continues_at_the_same_time_after_a_restart(tmp_path: Path, frozen: bool) -> None:
    """At another pace it continues at the new epoch."""
    with controlled(tmp_path, pace=Pace.POLL if frozen else Pace.MANUAL) as (engine, _, control):
        create_job(engine)
        control.advance_to(FIXED_EPOCH + 7)
        if frozen:
            control.freeze()
    later = FIXED_EPOCH + 1_000
    with controlled_engine(tmp_path, FakeGraders(), pace=Pace.POLL if frozen else Pace.MANUAL, epoch=later) as (
        _,
        _,
        manual,
    ):
        assert manual.status().now == FIXED_EPOCH + 7
        manual.thaw()
    with controlled_engine(tmp_path, FakeGraders(), pace=Pace.POLL, epoch=later) as (_, _, restarted):
        assert restarted.status().now == later


def test_a_freeze_does_not_advance_jobs_that_are_behind(tmp_path: Path) -> None:
    """Jobs at `manual` and `realtime` do not catch up with a job that ran ahead."""
    at = [0.0]
    with controlled_engine(tmp_path, FakeGraders(), pace=Pace.REALTIME, monotonic=lambda: at[0]) as (
        engine,
        _,
        control,
    ):
        manual, normal, ahead = (create_job(engine) for _ in range(3))
        control.set_pace(Pace.MANUAL, job_id=manual.id)
        control.set_pace(Pace.INSTANT, job_id=ahead.id)
        wait_for_end(engine, ahead)
        control.freeze()
        control.set_pace(None)
        at[0] = 100.0
        control.set_pace(None)
        assert [status_and_step(engine, job)[0] for job in (manual, normal)] == ["validating_files"] * 2
        control.advance_by(0)
        assert [status_and_step(engine, job)[0] for job in (manual, normal)] == ["succeeded"] * 2


# How far the clock goes.


def test_the_clock_cannot_move_back(tmp_path: Path) -> None:
    """It can be moved to its current time."""
    with controlled(tmp_path) as (_, _, control):
        control.advance_to(FIXED_EPOCH + DAY)
        control.advance_to(FIXED_EPOCH + DAY)
        with pytest.raises(ClockControlError, match="the clock is at 2026-01-02T00:00:00Z, which is later"):
            control.advance_to(FIXED_EPOCH + DAY - 1)


def test_the_clock_stops_at_its_last_second(tmp_path: Path) -> None:
    """By any number of advances, and when it runs."""
    at = [0.0]
    with controlled_engine(tmp_path, FakeGraders(), monotonic=lambda: at[0]) as (_, _, control):
        control.advance_to(MAX_EPOCH_SECONDS - 10)
        with pytest.raises(ClockControlError, match="is at 2099-12-31T23:59:50Z, and cannot move beyond 2100-01-01"):
            control.advance_by(11)
        control.advance_by(9)
        control.set_pace(Pace.REALTIME, speed=1e6)
        at[0] = 1e9
        assert control.status().now == MAX_EPOCH_SECONDS


# How fast a job goes.


def test_the_speed_of_one_job_does_not_affect_others(tmp_path: Path) -> None:
    """The clock follows the fast job, and other jobs at `realtime` keep their speed."""
    at = [0.0]
    with controlled_engine(tmp_path, FakeGraders(), pace=Pace.REALTIME, monotonic=lambda: at[0]) as (
        engine,
        _,
        control,
    ):
        fast, normal, manual = (create_job(engine) for _ in range(3))
        control.set_pace(Pace.REALTIME, job_id=fast.id, speed=10.0)
        control.set_pace(Pace.MANUAL, job_id=manual.id)
        speeds = (control.status().speed, [job.speed for job in control.status().jobs])
        assert speeds == (1.0, [10.0, 1.0, None])
        at[0] = 4.4
        control.set_pace(None)
        assert status_and_step(engine, fast) == ("validating_files", 0)
        at[0] = 4.5
        control.set_pace(None)
        assert [status_and_step(engine, job)[0] for job in (fast, normal, manual)] == [
            "queued",
            *["validating_files"] * 2,
        ]
        assert control.status().now == FIXED_EPOCH + VALIDATION
        at[0] = 44.9
        control.set_pace(None)
        assert [status_and_step(engine, job)[0] for job in (fast, normal, manual)] == [
            "running",
            *["validating_files"] * 2,
        ]
        at[0] = 45.0
        control.set_pace(None)
        assert [status_and_step(engine, job)[0] for job in (fast, normal, manual)] == [
            "running",
            "queued",
            "validating_files",
        ]


def test_a_jobs_own_speed_survives_a_restart_and_ends_with_the_pace(tmp_path: Path) -> None:
    """It starts at the time of the clock. Another pace has no speed."""
    at = [0.0]
    with controlled_engine(tmp_path, FakeGraders(), pace=Pace.MANUAL, monotonic=lambda: at[0]) as (engine, _, control):
        job = create_job(engine)
        control.set_pace(Pace.REALTIME, job_id=job.id, speed=10.0)
        at[0] = 2.0
        control.freeze()
    with controlled_engine(tmp_path, FakeGraders(), pace=Pace.MANUAL, monotonic=lambda: at[0]) as (engine, _, control):
        at[0] = 100.0
        assert status_and_step(engine, job) == ("validating_files", 0)
        control.thaw()
        at[0] = 104.5
        control.set_pace(None)
        assert status_and_step(engine, job) == ("queued", 0)
        control.advance_to(FIXED_EPOCH + VALIDATION + QUEUE)
        assert status_and_step(engine, job) == ("running", 0)
        control.set_pace(Pace.REALTIME, job_id=job.id)
        assert control.status().jobs[0].speed == 10.0
        control.set_pace(Pace.MANUAL, job_id=job.id)
        control.set_pace(Pace.REALTIME, job_id=job.id)
        assert control.status().jobs[0].speed == 1.0
