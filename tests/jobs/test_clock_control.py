"""Clock control: which jobs advance, how far, and that the log stays the same."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Flag
from threading import Thread

import pytest

from simulator.jobs.clock_control import ClockControl
from simulator.jobs.engine import Engine
from simulator.jobs.job import Status
from simulator.settings import FIXED_EPOCH, Pace
from simulator.store.job_logs import JobLogStore, StoredLogEntry
from tests.jobs.engine_setup import (
    FakeGraders,
    controlled_engine,
    create_job,
    running_engine,
    status_and_step,
    truncate_log,
    wait_for,
    wait_for_end,
)
from tests.jobs.lifecycle_setup import job_spec

VALIDATION, QUEUE = 45, 240  # the modelled seconds
DAY = 86_400


@contextmanager
def controlled(
    folder: Path, graders: FakeGraders | None = None, *, pace: Pace = Pace.MANUAL, slots: int = 8
) -> Iterator[tuple[Engine, JobLogStore, ClockControl]]:
    """Run an engine with its clock control."""
    with controlled_engine(folder, graders or FakeGraders(), pace=pace, slots=slots) as engine_and_control:
        yield engine_and_control


@pytest.fixture(scope="module")
def uninterrupted_log(tmp_path_factory: pytest.TempPathFactory) -> list[StoredLogEntry]:
    """The log of a job at the pace `instant`. Ids depend only on the seed, so all tests have the same log."""
    with running_engine(tmp_path_factory.mktemp("instant"), FakeGraders()) as (engine, logs):
        return list(logs.entries(wait_for_end(engine, engine.create(job_spec())).id))


def test_at_manual_pace_a_job_advances_exactly_as_far_as_the_clock(tmp_path: Path) -> None:
    """It waits one second before an event is due, and has advanced when it is due."""
    with controlled(tmp_path) as (engine, _, control):
        job = create_job(engine)
        states = [status_and_step(engine, job)]
        for seconds in (VALIDATION - 1, 1, QUEUE - 1, 1):
            control.advance_to(control.status().now + seconds)
            states.append(status_and_step(engine, job))
    assert states == [("validating_files", 0), ("validating_files", 0), ("queued", 0), ("queued", 0), ("running", 0)]


def test_one_advance_to_the_end_gives_the_log_of_an_uninterrupted_job(
    tmp_path: Path, uninterrupted_log: list[StoredLogEntry]
) -> None:
    """The times in the log are the modelled ones."""
    with controlled(tmp_path / "manual") as (engine, logs, control):
        job = create_job(engine)
        control.advance_to(FIXED_EPOCH + DAY)
        assert status_and_step(engine, job) == ("succeeded", 9)
        assert list(logs.entries(job.id)) == uninterrupted_log
        assert control.status().now == FIXED_EPOCH + DAY


@pytest.mark.parametrize("stride", [60, 997])
def test_many_small_advances_give_the_same_log(
    tmp_path: Path, uninterrupted_log: list[StoredLogEntry], stride: int
) -> None:
    """Byte for byte."""
    with controlled(tmp_path / "manual") as (engine, logs, control):
        job = create_job(engine)
        while not (engine.find_job(job.id) or job).status.is_terminal:
            control.advance_to(control.status().now + stride)
        assert list(logs.entries(job.id)) == uninterrupted_log


def test_no_step_is_graded_before_the_clock_reaches_it(tmp_path: Path) -> None:
    """A user who removes a permission after step 2 affects step 3."""
    graders = FakeGraders()
    with controlled(tmp_path, graders) as (engine, _, control):
        job = create_job(engine)
        assert control.run_to_step(job.id, 2)
        assert graders.calls == [("held_out", 0), ("train", 1), ("train", 2)]


@pytest.mark.parametrize("pace", Pace)
def test_a_job_runs_to_a_step_and_stops_there_at_every_pace(
    tmp_path: Path, uninterrupted_log: list[StoredLogEntry], pace: Pace
) -> None:
    """The clock follows it. Then it continues to the same log."""
    with controlled(tmp_path / "run", pace=pace) as (engine, logs, control):
        control.freeze()
        job = create_job(engine)
        assert control.run_to_step(job.id, 4)
        assert status_and_step(engine, job) == ("running", 4)
        current = engine.find_job(job.id)
        assert current
        assert control.status().now == current.changed_at
        assert control.run_to_status(job.id, Status.SUCCEEDED)
        assert list(logs.entries(job.id)) == uninterrupted_log


def test_a_run_to_a_step_sets_the_pace_of_a_self_running_job_to_manual(tmp_path: Path) -> None:
    """Another pace lets it continue."""
    graders = FakeGraders()
    graders.waits_at = 2
    with controlled(tmp_path, graders, pace=Pace.INSTANT) as (engine, _, control):
        job = engine.create(job_spec())
        assert graders.reached.wait(10)
        graders.may_continue.set()
        assert control.run_to_step(job.id, 5)
        assert status_and_step(engine, job) == ("running", 5)
        (status,) = control.status().jobs
        assert status.pace is Pace.MANUAL
        control.set_pace(Pace.INSTANT, job_id=job.id)
        assert wait_for_end(engine, job).status is Status.SUCCEEDED


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (Status.QUEUED, ("queued", 0)),
        (Status.RUNNING, ("running", 0)),
        (Status.SUCCEEDED, ("succeeded", 9)),
    ],
)
def test_a_job_runs_to_a_status(tmp_path: Path, status: Status, expected: tuple[str, int]) -> None:
    """It stops there."""
    with controlled(tmp_path) as (engine, _, control):
        job = create_job(engine)
        assert control.run_to_status(job.id, status)
        assert status_and_step(engine, job) == expected


def test_a_run_to_a_past_status_does_nothing(tmp_path: Path) -> None:
    """The job does not advance."""
    with controlled(tmp_path) as (engine, _, control):
        job = create_job(engine)
        control.run_to_step(job.id, 3)
        assert not control.run_to_status(job.id, Status.QUEUED)
        assert status_and_step(engine, job) == ("running", 3)


def test_a_run_to_a_step_after_the_jobs_failure_returns_false(tmp_path: Path) -> None:
    """The job failed before."""
    with controlled(tmp_path, FakeGraders(breaks_at=3)) as (engine, _, control):
        job = create_job(engine)
        assert not control.run_to_step(job.id, 7)
        assert status_and_step(engine, job) == ("failed", 2)


def test_a_job_runs_to_a_time(tmp_path: Path) -> None:
    """Its next effect is later, and the clock is at that time."""
    with controlled(tmp_path) as (engine, _, control):
        job = create_job(engine)
        assert control.run_to_time(job.id, FIXED_EPOCH + VALIDATION + QUEUE)
        assert status_and_step(engine, job) == ("running", 0)
        (status,) = control.status().jobs
        assert control.status().now == FIXED_EPOCH + VALIDATION + QUEUE < (status.next_at or 0)


def test_a_run_of_one_job_does_not_advance_others(tmp_path: Path) -> None:
    """They follow when the clock is advanced."""
    with controlled(tmp_path) as (engine, _, control):
        first, second = create_job(engine), create_job(engine)
        control.run_to_step(first.id, 4)
        assert status_and_step(engine, second) == ("validating_files", 0)
        control.advance_to(control.status().now)
        assert status_and_step(engine, second)[0] == "running"


def test_a_run_returns_false_if_no_running_job_can_free_a_slot(tmp_path: Path) -> None:
    """The job that has the slot waits for the clock."""
    with controlled(tmp_path, slots=1) as (engine, _, control):
        first, second = create_job(engine), create_job(engine)
        control.run_to_step(first.id, 1)
        assert not control.run_to_step(second.id, 1)
        assert status_and_step(engine, second) == ("queued", 0)
        control.run_to_status(first.id, Status.SUCCEEDED)
        assert control.run_to_step(second.id, 1)


@pytest.mark.parametrize("pace", Pace)
def test_no_job_advances_while_frozen_at_any_pace(
    tmp_path: Path, uninterrupted_log: list[StoredLogEntry], pace: Pace
) -> None:
    """Neither by retrieves nor by itself. After the thaw the log is that of an uninterrupted job."""
    with controlled(tmp_path / "frozen", pace=pace) as (engine, logs, control):
        control.freeze()
        job = create_job(engine)
        for _ in range(5):
            engine.scheduler.advance(job.id)
        before = (control.status().now, status_and_step(engine, job))
        control.set_pace(Pace.INSTANT)
        after = (control.status().now, status_and_step(engine, job))
        control.thaw()
        wait_for_end(engine, job)
        assert before == after == (FIXED_EPOCH, ("validating_files", 0))
        assert list(logs.entries(job.id)) == uninterrupted_log


def test_a_freeze_saves_the_rewards_of_the_current_step_and_stops(tmp_path: Path) -> None:
    """The function is not invoked again after the thaw."""
    graders = FakeGraders()
    graders.waits_at = 3
    with controlled(tmp_path, graders, pace=Pace.INSTANT) as (engine, logs, control):
        job = engine.create(job_spec())
        assert graders.reached.wait(10)
        freezing = Flag()

        def release() -> None:
            freezing.wait(0.05)
            graders.may_continue.set()

        Thread(target=release).start()
        control.freeze()
        entries = logs.entries(job.id)
        assert (entries[-1].kind, graders.calls[-1]) == ("RolloutsGraded", ("train", 3))
        freezing.wait(0.05)
        assert logs.entries(job.id) == entries
        control.thaw()
        assert wait_for_end(engine, job).status is Status.SUCCEEDED
        assert graders.calls.count(("train", 3)) == 1


def test_a_running_clock_advances_jobs_by_itself(tmp_path: Path, uninterrupted_log: list[StoredLogEntry]) -> None:
    """At a speed of a million, hours pass at once. The events are the usual ones."""
    with controlled_engine(tmp_path / "realtime", FakeGraders(), pace=Pace.REALTIME, speed=1_000_000) as (
        engine,
        logs,
        _,
    ):
        job = wait_for_end(engine, engine.create(job_spec()))
        entries = list(logs.entries(job.id))
    assert [entry.kind for entry in entries] == [entry.kind for entry in uninterrupted_log]
    assert job.status is Status.SUCCEEDED


def test_a_running_clock_advances_no_job_before_its_time(tmp_path: Path) -> None:
    """Nothing happens one second before the files are validated. Then the job advances by itself."""
    at = [0.0]
    with controlled_engine(tmp_path, FakeGraders(), pace=Pace.REALTIME, speed=10.0, monotonic=lambda: at[0]) as (
        engine,
        _,
        control,
    ):
        job = create_job(engine)
        at[0] = 4.4
        control.set_pace(None)
        before = status_and_step(engine, job)
        at[0] = 4.5
        control.set_pace(None)
        wait_for(lambda: status_and_step(engine, job) == ("queued", 0))
    assert before == ("validating_files", 0)


def test_a_job_can_have_its_own_pace(tmp_path: Path) -> None:
    """One job waits for its user while another runs to its end."""
    with controlled(tmp_path, pace=Pace.MANUAL) as (engine, _, control):
        waiting, running = create_job(engine), create_job(engine)
        control.set_pace(Pace.INSTANT, job_id=running.id)
        assert wait_for_end(engine, running).status is Status.SUCCEEDED
        assert status_and_step(engine, waiting) == ("validating_files", 0)


def test_the_clock_and_paces_survive_a_restart(tmp_path: Path) -> None:
    """The freeze, the pace, a job's own pace and the time."""
    with controlled(tmp_path, pace=Pace.INSTANT) as (engine, _, control):
        control.freeze()
        job = create_job(engine)
        control.set_pace(Pace.POLL)
        control.set_pace(Pace.MANUAL, job_id=job.id)
        control.advance_to(FIXED_EPOCH + 10)
        status_before = control.status()
    with controlled(tmp_path, pace=Pace.INSTANT) as (engine, _, control):
        engine.scheduler.wait_until_idle([job.id])
        assert control.status() == status_before


def test_a_stopped_and_killed_job_continues_to_the_same_log(
    tmp_path: Path, uninterrupted_log: list[StoredLogEntry]
) -> None:
    """Stopped at a step, killed, started again, advanced."""
    with controlled(tmp_path / "cut") as (engine, _, control):
        job = create_job(engine)
        control.run_to_step(job.id, 5)
    truncate_log(tmp_path / "cut" / "simulator.sqlite", job.id, 11)
    with controlled(tmp_path / "cut") as (engine, logs, control):
        control.advance_to(FIXED_EPOCH + DAY)
        assert status_and_step(engine, job) == ("succeeded", 9)
        assert list(logs.entries(job.id)) == uninterrupted_log


def test_a_waiting_job_can_be_cancelled(tmp_path: Path) -> None:
    """At the time of the clock."""
    with controlled(tmp_path) as (engine, _, control):
        job = create_job(engine)
        control.advance_to(FIXED_EPOCH + 20)
        cancelled = engine.cancel(job)
    assert (cancelled.status, cancelled.finished_at) == (Status.CANCELLED, FIXED_EPOCH + 20)


def test_closing_ends_a_run_to_a_step(tmp_path: Path) -> None:
    """A run that cannot finish does not delay Ctrl-C."""
    graders = FakeGraders()
    graders.waits_at = 2
    with controlled(tmp_path, graders) as (engine, _, control):
        job = create_job(engine)
        results: list[bool] = []

        waiting = Thread(target=lambda: results.append(control.run_to_step(job.id, 5)))
        waiting.start()
        assert graders.reached.wait(10)
        engine.closing = True
        graders.may_continue.set()
    waiting.join(10)
    assert results == [False]
