"""The clock's wheel: what stands, what moves, how far, and what is the same afterwards."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Flag
from threading import Thread

import pytest

from simulator.jobs.clock_control import ClockControl
from simulator.jobs.engine import Engine
from simulator.jobs.job import Job, Status
from simulator.settings import FIXED_EPOCH, Pace
from simulator.store.job_logs import JobLogStore, StoredLogEntry
from tests.jobs.engine_setup import FakeGraders, controlled_engine, running_engine, truncate_log, wait_for_end
from tests.jobs.lifecycle_setup import job_spec

VALIDATION, QUEUE = 45, 240  # the modelled seconds
DAY = 86_400


@contextmanager
def controlled(
    folder: Path, graders: FakeGraders | None = None, *, pace: Pace = Pace.MANUAL, places: int = 8
) -> Iterator[tuple[Engine, JobLogStore, ClockControl]]:
    """Steer an engine."""
    with controlled_engine(folder, graders or FakeGraders(), pace=pace, slots=places) as everything:
        yield everything


def create_job(engine: Engine) -> Job:
    """Create a job as the route does: what the clock holds has come to where it stands."""
    job = engine.create(job_spec())
    engine.scheduler.wait_until_idle([job.id], until=job.created_at)
    return job


def status_and_step(engine: Engine, job: Job) -> tuple[str, int]:
    """Return a job's status and its last completed step."""
    current = engine.find_job(job.id)
    assert current
    return current.status.value, current.step


def uninterrupted_log(folder: Path) -> list[StoredLogEntry]:
    """Return the log of a job that nobody held."""
    with running_engine(folder, FakeGraders()) as (engine, logs):
        return list(logs.entries(wait_for_end(engine, engine.create(job_spec())).id))


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait for what threads bring about."""
    flag = Flag()
    for _ in range(2_000):
        if condition():
            return
        flag.wait(0.005)
    pytest.fail("it never came about")


def test_at_manual_pace_a_job_moves_as_far_as_the_clock_and_no_further(tmp_path: Path) -> None:
    """One second before it is due it stands; then it has moved."""
    with controlled(tmp_path) as (engine, _, steering):
        job = create_job(engine)
        seen = [status_and_step(engine, job)]
        for seconds in (VALIDATION - 1, 1, QUEUE - 1, 1):
            steering.advance_to(steering.status().now + seconds)
            seen.append(status_and_step(engine, job))
    assert seen == [("validating_files", 0), ("validating_files", 0), ("queued", 0), ("queued", 0), ("running", 0)]


def test_an_advance_of_hours_runs_a_job_to_its_end_with_the_log_of_one_that_nobody_held(tmp_path: Path) -> None:
    """The times in it are the modelled ones, whatever the clock was moved by."""
    with controlled(tmp_path / "manual") as (engine, logs, steering):
        job = create_job(engine)
        steering.advance_to(FIXED_EPOCH + DAY)
        assert status_and_step(engine, job) == ("succeeded", 9)
        assert list(logs.entries(job.id)) == uninterrupted_log(tmp_path / "instant")
        assert steering.status().now == FIXED_EPOCH + DAY


@pytest.mark.parametrize("stride", [7, 60, 997])
def test_many_small_advances_come_to_the_same_as_a_large_one(tmp_path: Path, stride: int) -> None:
    """Byte for byte."""
    with controlled(tmp_path / "manual") as (engine, logs, steering):
        job = create_job(engine)
        while not (engine.find_job(job.id) or job).status.is_terminal:
            steering.advance_to(steering.status().now + stride)
        assert list(logs.entries(job.id)) == uninterrupted_log(tmp_path / "instant")


def test_no_grader_is_asked_before_the_clock_is_there(tmp_path: Path) -> None:
    """Whoever takes a permission away at step 2 finds that step 3 was not graded yet."""
    graders = FakeGraders()
    with controlled(tmp_path, graders) as (engine, _, steering):
        job = create_job(engine)
        assert steering.run_to_step(job.id, 2)
        assert graders.calls == [("held_out", 0), ("train", 1), ("train", 2)]


@pytest.mark.parametrize("pace", Pace)
def test_a_job_runs_to_a_step_and_stands_there_whatever_its_pace(tmp_path: Path, pace: Pace) -> None:
    """The clock follows it; with the next step it goes on to the same log."""
    with controlled(tmp_path / "run", pace=pace) as (engine, logs, steering):
        steering.freeze()
        job = create_job(engine)
        assert steering.run_to_step(job.id, 4)
        assert status_and_step(engine, job) == ("running", 4)
        current = engine.find_job(job.id)
        assert current
        assert steering.status().now == current.changed_at
        assert steering.run_to_status(job.id, Status.SUCCEEDED)
        assert list(logs.entries(job.id)) == uninterrupted_log(tmp_path / "instant")


def test_a_job_that_ran_by_itself_stands_after_a_run_to_a_step(tmp_path: Path) -> None:
    """It goes by the pace `manual` from then on, and by another when that is chosen."""
    graders = FakeGraders()
    graders.waits_at = 2
    with controlled(tmp_path, graders, pace=Pace.INSTANT) as (engine, _, steering):
        job = engine.create(job_spec())
        assert graders.reached.wait(10)
        graders.may_continue.set()
        assert steering.run_to_step(job.id, 5)
        assert status_and_step(engine, job) == ("running", 5)
        (known,) = steering.status().jobs
        assert known.pace is Pace.MANUAL
        steering.set_pace(Pace.INSTANT, job_id=job.id)
        assert wait_for_end(engine, job).status is Status.SUCCEEDED


@pytest.mark.parametrize(
    ("status", "then"),
    [
        (Status.QUEUED, ("queued", 0)),
        (Status.RUNNING, ("running", 0)),
        (Status.SUCCEEDED, ("succeeded", 9)),
    ],
)
def test_a_job_runs_to_a_status(tmp_path: Path, status: Status, then: tuple[str, int]) -> None:
    """And no further."""
    with controlled(tmp_path) as (engine, _, steering):
        job = create_job(engine)
        assert steering.run_to_status(job.id, status)
        assert status_and_step(engine, job) == then


def test_a_status_that_is_past_is_not_run_to(tmp_path: Path) -> None:
    """The job stays where it is."""
    with controlled(tmp_path) as (engine, _, steering):
        job = create_job(engine)
        steering.run_to_step(job.id, 3)
        assert not steering.run_to_status(job.id, Status.QUEUED)
        assert status_and_step(engine, job) == ("running", 3)


def test_an_end_that_a_job_does_not_come_to_is_told(tmp_path: Path) -> None:
    """It broke before."""
    with controlled(tmp_path, FakeGraders(breaks_at=3)) as (engine, _, steering):
        job = create_job(engine)
        assert not steering.run_to_step(job.id, 7)
        assert status_and_step(engine, job) == ("failed", 2)


def test_a_job_runs_to_a_time(tmp_path: Path) -> None:
    """Its next move is later, and the clock is at that time."""
    with controlled(tmp_path) as (engine, _, steering):
        job = create_job(engine)
        assert steering.run_to_time(job.id, FIXED_EPOCH + VALIDATION + QUEUE)
        assert status_and_step(engine, job) == ("running", 0)
        (known,) = steering.status().jobs
        assert steering.status().now == FIXED_EPOCH + VALIDATION + QUEUE < (known.next_at or 0)


def test_while_one_job_runs_others_that_stand_stay(tmp_path: Path) -> None:
    """They catch up with the clock when it is advanced."""
    with controlled(tmp_path) as (engine, _, steering):
        first, second = create_job(engine), create_job(engine)
        steering.run_to_step(first.id, 4)
        assert status_and_step(engine, second) == ("validating_files", 0)
        steering.advance_to(steering.status().now)
        assert status_and_step(engine, second)[0] == "running"


def test_a_job_in_line_for_a_place_that_nobody_leaves_is_not_waited_for(tmp_path: Path) -> None:
    """The one that has the place stands."""
    with controlled(tmp_path, places=1) as (engine, _, steering):
        first, second = create_job(engine), create_job(engine)
        steering.run_to_step(first.id, 1)
        assert not steering.run_to_step(second.id, 1)
        assert status_and_step(engine, second) == ("queued", 0)
        steering.run_to_status(first.id, Status.SUCCEEDED)
        assert steering.run_to_step(second.id, 1)


@pytest.mark.parametrize("pace", Pace)
def test_a_frozen_simulator_moves_at_no_pace(tmp_path: Path, pace: Pace) -> None:
    """Not by retrieves, not by itself; after the thaw the log is that of a job that nobody held."""
    with controlled(tmp_path / "frozen", pace=pace) as (engine, logs, steering):
        steering.freeze()
        job = create_job(engine)
        for _ in range(5):
            engine.scheduler.advance(job.id)
        before = (steering.status().now, status_and_step(engine, job))
        steering.set_pace(Pace.INSTANT)
        after = (steering.status().now, status_and_step(engine, job))
        steering.thaw()
        wait_for_end(engine, job)
        assert before == after == (FIXED_EPOCH, ("validating_files", 0))
        assert list(logs.entries(job.id)) == uninterrupted_log(tmp_path / "instant")


def test_a_freeze_catches_a_running_job_between_two_moves(tmp_path: Path) -> None:
    """What the grader was asked before is written; nothing is asked after."""
    graders = FakeGraders()
    graders.waits_at = 3
    with controlled(tmp_path, graders, pace=Pace.INSTANT) as (engine, logs, steering):
        job = engine.create(job_spec())
        assert graders.reached.wait(10)
        freezing = Flag()

        def release() -> None:
            freezing.wait(0.05)
            graders.may_continue.set()

        Thread(target=release).start()
        steering.freeze()
        entries = logs.entries(job.id)
        assert (entries[-1].kind, graders.calls[-1]) == ("RolloutsGraded", ("train", 3))
        freezing.wait(0.05)
        assert logs.entries(job.id) == entries
        steering.thaw()
        assert wait_for_end(engine, job).status is Status.SUCCEEDED
        assert graders.calls.count(("train", 3)) == 1


def test_a_clock_that_runs_moves_jobs_by_itself(tmp_path: Path) -> None:
    """At a speed of a million a run of hours is over at once; what happens is the usual."""
    with controlled_engine(tmp_path / "realtime", FakeGraders(), pace=Pace.REALTIME, speed=1_000_000) as (
        engine,
        logs,
        _,
    ):
        job = wait_for_end(engine, engine.create(job_spec()))
        told = list(logs.entries(job.id))
    usual = uninterrupted_log(tmp_path / "instant")
    assert [entry.kind for entry in told] == [entry.kind for entry in usual]
    assert job.status is Status.SUCCEEDED


def test_a_clock_that_runs_moves_no_job_before_its_time(tmp_path: Path) -> None:
    """One second before the files are validated nothing has moved; then it does, without anybody's doing."""
    at = [0.0]
    with controlled_engine(tmp_path, FakeGraders(), pace=Pace.REALTIME, speed=10.0, monotonic=lambda: at[0]) as (
        engine,
        _,
        steering,
    ):
        job = create_job(engine)
        at[0] = 4.4
        steering.set_pace(None)
        before = status_and_step(engine, job)
        at[0] = 4.5
        steering.set_pace(None)
        wait_for(lambda: status_and_step(engine, job) == ("queued", 0))
    assert before == ("validating_files", 0)


def test_a_job_may_have_a_pace_of_its_own(tmp_path: Path) -> None:
    """One waits for its user while another runs to its end."""
    with controlled(tmp_path, pace=Pace.MANUAL) as (engine, _, steering):
        held, led = create_job(engine), create_job(engine)
        steering.set_pace(Pace.INSTANT, job_id=led.id)
        assert wait_for_end(engine, led).status is Status.SUCCEEDED
        assert status_and_step(engine, held) == ("validating_files", 0)


def test_how_a_user_left_the_clock_is_kept(tmp_path: Path) -> None:
    """The freeze, the pace, a job's own, and where it stood, whatever the next start would begin with."""
    with controlled(tmp_path, pace=Pace.INSTANT) as (engine, _, steering):
        steering.freeze()
        job = create_job(engine)
        steering.set_pace(Pace.POLL)
        steering.set_pace(Pace.MANUAL, job_id=job.id)
        steering.advance_to(FIXED_EPOCH + 10)
        left = steering.status()
    with controlled(tmp_path, pace=Pace.INSTANT) as (engine, _, steering):
        engine.scheduler.wait_until_idle([job.id])
        assert steering.status() == left


def test_a_job_that_was_held_and_cut_off_goes_on_to_the_same_log(tmp_path: Path) -> None:
    """Held anywhere, killed, started again, thawed."""
    usual = uninterrupted_log(tmp_path / "instant")
    with controlled(tmp_path / "cut") as (engine, _, steering):
        job = create_job(engine)
        steering.run_to_step(job.id, 5)
    truncate_log(tmp_path / "cut" / "simulator.sqlite", job.id, 11)
    with controlled(tmp_path / "cut") as (engine, logs, steering):
        steering.advance_to(FIXED_EPOCH + DAY)
        assert status_and_step(engine, job) == ("succeeded", 9)
        assert list(logs.entries(job.id)) == usual


def test_a_held_job_can_be_cancelled(tmp_path: Path) -> None:
    """At the time that the clock shows."""
    with controlled(tmp_path) as (engine, _, steering):
        job = create_job(engine)
        steering.advance_to(FIXED_EPOCH + 20)
        cancelled = engine.cancel(job)
    assert (cancelled.status, cancelled.finished_at) == (Status.CANCELLED, FIXED_EPOCH + 20)


def test_closing_ends_whoever_waits_for_a_job(tmp_path: Path) -> None:
    """A run to a step that never comes does not hold up a Ctrl-C."""
    graders = FakeGraders()
    graders.waits_at = 2
    with controlled(tmp_path, graders) as (engine, _, steering):
        job = create_job(engine)
        answers: list[bool] = []

        waiting = Thread(target=lambda: answers.append(steering.run_to_step(job.id, 5)))
        waiting.start()
        assert graders.reached.wait(10)
        engine.closing = True
        graders.may_continue.set()
    waiting.join(10)
    assert answers == [False]
