"""The clock's wheel: what stands, what moves, how far, and what is the same afterwards."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Flag
from threading import Thread

import pytest

from simulator.jobs.clock_control import Steering
from simulator.jobs.engine import Engine
from simulator.jobs.job import Job, Status
from simulator.settings import FIXED_EPOCH, Pace
from simulator.store.job_logs import JobLogStore, StoredLogEntry
from tests.jobs.engine_setup import Graders, cut_off, engine_on, finished, steered_engine_on
from tests.jobs.lifecycle_setup import order

VALIDATION, QUEUE = 45, 240  # the modelled seconds
DAY = 86_400


@contextmanager
def steered(
    folder: Path, graders: Graders | None = None, *, pace: Pace = Pace.MANUAL, places: int = 8
) -> Iterator[tuple[Engine, JobLogStore, Steering]]:
    """Steer an engine."""
    with steered_engine_on(folder, graders or Graders(), pace=pace, places=places) as everything:
        yield everything


def created(engine: Engine) -> Job:
    """Create a job as the route does: what the clock holds has come to where it stands."""
    job = engine.create(order())
    engine.driver.settle([job.id], by=job.created_at)
    return job


def standing(engine: Engine, job: Job) -> tuple[str, int]:
    """Return a job's status and its last completed step."""
    current = engine.job(job.id)
    assert current
    return current.status.value, current.step


def undisturbed(folder: Path) -> list[StoredLogEntry]:
    """Return the log of a job that nobody held."""
    with engine_on(folder, Graders()) as (engine, logs):
        return list(logs.entries(finished(engine, engine.create(order())).id))


def until(condition: Callable[[], bool]) -> None:
    """Wait for what threads bring about."""
    flag = Flag()
    for _ in range(2_000):
        if condition():
            return
        flag.wait(0.005)
    pytest.fail("it never came about")


def test_at_manual_pace_a_job_moves_as_far_as_the_clock_and_no_further(tmp_path: Path) -> None:
    """One second before it is due it stands; then it has moved."""
    with steered(tmp_path) as (engine, _, steering):
        job = created(engine)
        seen = [standing(engine, job)]
        for seconds in (VALIDATION - 1, 1, QUEUE - 1, 1):
            steering.advance(steering.look().now + seconds)
            seen.append(standing(engine, job))
    assert seen == [("validating_files", 0), ("validating_files", 0), ("queued", 0), ("queued", 0), ("running", 0)]


def test_an_advance_of_hours_runs_a_job_to_its_end_with_the_log_of_one_that_nobody_held(tmp_path: Path) -> None:
    """The times in it are the modelled ones, whatever the clock was moved by."""
    with steered(tmp_path / "manual") as (engine, logs, steering):
        job = created(engine)
        steering.advance(FIXED_EPOCH + DAY)
        assert standing(engine, job) == ("succeeded", 9)
        assert list(logs.entries(job.id)) == undisturbed(tmp_path / "instant")
        assert steering.look().now == FIXED_EPOCH + DAY


@pytest.mark.parametrize("stride", [7, 60, 997])
def test_many_small_advances_come_to_the_same_as_a_large_one(tmp_path: Path, stride: int) -> None:
    """Byte for byte."""
    with steered(tmp_path / "manual") as (engine, logs, steering):
        job = created(engine)
        while not (engine.job(job.id) or job).status.ended:
            steering.advance(steering.look().now + stride)
        assert list(logs.entries(job.id)) == undisturbed(tmp_path / "instant")


def test_no_grader_is_asked_before_the_clock_is_there(tmp_path: Path) -> None:
    """Whoever takes a permission away at step 2 finds that step 3 was not graded yet."""
    graders = Graders()
    with steered(tmp_path, graders) as (engine, _, steering):
        job = created(engine)
        assert steering.run_to_step(job.id, 2)
        assert graders.asked == [("held_out", 0), ("train", 1), ("train", 2)]


@pytest.mark.parametrize("pace", Pace)
def test_a_job_runs_to_a_step_and_stands_there_whatever_its_pace(tmp_path: Path, pace: Pace) -> None:
    """The clock follows it; with the next step it goes on to the same log."""
    with steered(tmp_path / "run", pace=pace) as (engine, logs, steering):
        steering.freeze()
        job = created(engine)
        assert steering.run_to_step(job.id, 4)
        assert standing(engine, job) == ("running", 4)
        current = engine.job(job.id)
        assert current
        assert steering.look().now == current.changed_at
        assert steering.run_to_status(job.id, Status.SUCCEEDED)
        assert list(logs.entries(job.id)) == undisturbed(tmp_path / "instant")


def test_a_job_that_ran_by_itself_stands_after_a_run_to_a_step(tmp_path: Path) -> None:
    """It goes by the pace `manual` from then on, and by another when that is chosen."""
    graders = Graders()
    graders.waits_at = 2
    with steered(tmp_path, graders, pace=Pace.INSTANT) as (engine, _, steering):
        job = engine.create(order())
        assert graders.reached.wait(10)
        graders.go_on.set()
        assert steering.run_to_step(job.id, 5)
        assert standing(engine, job) == ("running", 5)
        (known,) = steering.look().jobs
        assert known.pace is Pace.MANUAL
        steering.choose(Pace.INSTANT, job_id=job.id)
        assert finished(engine, job).status is Status.SUCCEEDED


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
    with steered(tmp_path) as (engine, _, steering):
        job = created(engine)
        assert steering.run_to_status(job.id, status)
        assert standing(engine, job) == then


def test_a_status_that_is_past_is_not_run_to(tmp_path: Path) -> None:
    """The job stays where it is."""
    with steered(tmp_path) as (engine, _, steering):
        job = created(engine)
        steering.run_to_step(job.id, 3)
        assert not steering.run_to_status(job.id, Status.QUEUED)
        assert standing(engine, job) == ("running", 3)


def test_an_end_that_a_job_does_not_come_to_is_told(tmp_path: Path) -> None:
    """It broke before."""
    with steered(tmp_path, Graders(breaks_at=3)) as (engine, _, steering):
        job = created(engine)
        assert not steering.run_to_step(job.id, 7)
        assert standing(engine, job) == ("failed", 2)


def test_a_job_runs_to_a_time(tmp_path: Path) -> None:
    """Its next move is later, and the clock is at that time."""
    with steered(tmp_path) as (engine, _, steering):
        job = created(engine)
        assert steering.run_to_time(job.id, FIXED_EPOCH + VALIDATION + QUEUE)
        assert standing(engine, job) == ("running", 0)
        (known,) = steering.look().jobs
        assert steering.look().now == FIXED_EPOCH + VALIDATION + QUEUE < (known.next_at or 0)


def test_while_one_job_runs_others_that_stand_stay(tmp_path: Path) -> None:
    """They catch up with the clock when it is advanced."""
    with steered(tmp_path) as (engine, _, steering):
        first, second = created(engine), created(engine)
        steering.run_to_step(first.id, 4)
        assert standing(engine, second) == ("validating_files", 0)
        steering.advance(steering.look().now)
        assert standing(engine, second)[0] == "running"


def test_a_job_in_line_for_a_place_that_nobody_leaves_is_not_waited_for(tmp_path: Path) -> None:
    """The one that has the place stands."""
    with steered(tmp_path, places=1) as (engine, _, steering):
        first, second = created(engine), created(engine)
        steering.run_to_step(first.id, 1)
        assert not steering.run_to_step(second.id, 1)
        assert standing(engine, second) == ("queued", 0)
        steering.run_to_status(first.id, Status.SUCCEEDED)
        assert steering.run_to_step(second.id, 1)


@pytest.mark.parametrize("pace", Pace)
def test_a_frozen_simulator_moves_at_no_pace(tmp_path: Path, pace: Pace) -> None:
    """Not by retrieves, not by itself; after the thaw the log is that of a job that nobody held."""
    with steered(tmp_path / "frozen", pace=pace) as (engine, logs, steering):
        steering.freeze()
        job = created(engine)
        for _ in range(5):
            engine.driver.turn(job.id)
        before = (steering.look().now, standing(engine, job))
        steering.choose(Pace.INSTANT)
        after = (steering.look().now, standing(engine, job))
        steering.thaw()
        finished(engine, job)
        assert before == after == (FIXED_EPOCH, ("validating_files", 0))
        assert list(logs.entries(job.id)) == undisturbed(tmp_path / "instant")


def test_a_freeze_catches_a_running_job_between_two_moves(tmp_path: Path) -> None:
    """What the grader was asked before is written; nothing is asked after."""
    graders = Graders()
    graders.waits_at = 3
    with steered(tmp_path, graders, pace=Pace.INSTANT) as (engine, logs, steering):
        job = engine.create(order())
        assert graders.reached.wait(10)
        freezing = Flag()

        def release() -> None:
            freezing.wait(0.05)
            graders.go_on.set()

        Thread(target=release).start()
        steering.freeze()
        entries = logs.entries(job.id)
        assert (entries[-1].kind, graders.asked[-1]) == ("RolloutsGraded", ("train", 3))
        freezing.wait(0.05)
        assert logs.entries(job.id) == entries
        steering.thaw()
        assert finished(engine, job).status is Status.SUCCEEDED
        assert graders.asked.count(("train", 3)) == 1


def test_a_clock_that_runs_moves_jobs_by_itself(tmp_path: Path) -> None:
    """At a speed of a million a run of hours is over at once; what happens is the usual."""
    with steered_engine_on(tmp_path / "realtime", Graders(), pace=Pace.REALTIME, speed=1_000_000) as (engine, logs, _):
        job = finished(engine, engine.create(order()))
        told = list(logs.entries(job.id))
    usual = undisturbed(tmp_path / "instant")
    assert [entry.kind for entry in told] == [entry.kind for entry in usual]
    assert job.status is Status.SUCCEEDED


def test_a_clock_that_runs_moves_no_job_before_its_time(tmp_path: Path) -> None:
    """One second before the files are validated nothing has moved; then it does, without anybody's doing."""
    at = [0.0]
    with steered_engine_on(tmp_path, Graders(), pace=Pace.REALTIME, speed=10.0, seconds=lambda: at[0]) as (
        engine,
        _,
        steering,
    ):
        job = created(engine)
        at[0] = 4.4
        steering.choose(None)
        before = standing(engine, job)
        at[0] = 4.5
        steering.choose(None)
        until(lambda: standing(engine, job) == ("queued", 0))
    assert before == ("validating_files", 0)


def test_a_job_may_have_a_pace_of_its_own(tmp_path: Path) -> None:
    """One waits for its user while another runs to its end."""
    with steered(tmp_path, pace=Pace.MANUAL) as (engine, _, steering):
        held, led = created(engine), created(engine)
        steering.choose(Pace.INSTANT, job_id=led.id)
        assert finished(engine, led).status is Status.SUCCEEDED
        assert standing(engine, held) == ("validating_files", 0)


def test_how_a_user_left_the_clock_is_kept(tmp_path: Path) -> None:
    """The freeze, the pace, a job's own, and where it stood, whatever the next start would begin with."""
    with steered(tmp_path, pace=Pace.INSTANT) as (engine, _, steering):
        steering.freeze()
        job = created(engine)
        steering.choose(Pace.POLL)
        steering.choose(Pace.MANUAL, job_id=job.id)
        steering.advance(FIXED_EPOCH + 10)
        left = steering.look()
    with steered(tmp_path, pace=Pace.INSTANT) as (engine, _, steering):
        engine.driver.settle([job.id])
        assert steering.look() == left


def test_a_job_that_was_held_and_cut_off_goes_on_to_the_same_log(tmp_path: Path) -> None:
    """Held anywhere, killed, started again, thawed."""
    usual = undisturbed(tmp_path / "instant")
    with steered(tmp_path / "cut") as (engine, _, steering):
        job = created(engine)
        steering.run_to_step(job.id, 5)
    cut_off(tmp_path / "cut" / "simulator.sqlite", job.id, 11)
    with steered(tmp_path / "cut") as (engine, logs, steering):
        steering.advance(FIXED_EPOCH + DAY)
        assert standing(engine, job) == ("succeeded", 9)
        assert list(logs.entries(job.id)) == usual


def test_a_held_job_can_be_cancelled(tmp_path: Path) -> None:
    """At the time that the clock shows."""
    with steered(tmp_path) as (engine, _, steering):
        job = created(engine)
        steering.advance(FIXED_EPOCH + 20)
        cancelled = engine.cancel(job)
    assert (cancelled.status, cancelled.finished_at) == (Status.CANCELLED, FIXED_EPOCH + 20)


def test_closing_ends_whoever_waits_for_a_job(tmp_path: Path) -> None:
    """A run to a step that never comes does not hold up a Ctrl-C."""
    graders = Graders()
    graders.waits_at = 2
    with steered(tmp_path, graders) as (engine, _, steering):
        job = created(engine)
        answers: list[bool] = []

        waiting = Thread(target=lambda: answers.append(steering.run_to_step(job.id, 5)))
        waiting.start()
        assert graders.reached.wait(10)
        engine.closing = True
        graders.go_on.set()
    waiting.join(10)
    assert answers == [False]
