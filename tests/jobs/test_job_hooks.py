"""What comes in between from outside: ends that are no story's own, and a longer queue."""

from pathlib import Path

import pytest

from simulator.jobs.job import Failure, JobCancelled, JobFailed, Status
from simulator.settings import Pace
from tests.full_disk import limit_file_size
from tests.jobs.engine_setup import FakeGraders, FakeJobHooks, controlled_engine, truncate_log, wait_for_end
from tests.jobs.lifecycle_setup import job_spec

BROKEN = Failure(code="internal_server_error", message="Something broke.")


def job_failed(at: int) -> JobFailed:
    """Return a failure that is no story's own."""
    return JobFailed(at=at, failure=BROKEN)


@pytest.mark.parametrize(
    ("effect", "step", "before"),
    [
        ("FilesValidated", None, "ValidationStarted"),
        ("Grade", 3, "StepCompleted"),
        ("StepCompleted", 3, "RolloutsGraded"),
    ],
)
def test_a_job_fails_where_somebody_lets_it(tmp_path: Path, effect: str, step: int | None, before: str) -> None:
    """At validation, before a step, in the middle of one: with what happened before in its log, and no more."""
    graders, interventions = FakeGraders(), FakeJobHooks()
    interventions.terminal_events[effect, step] = job_failed
    with controlled_engine(tmp_path, graders, hooks=interventions) as (engine, logs, _):
        job = wait_for_end(engine, engine.create(job_spec()))
        kinds = [entry.kind for entry in logs.entries(job.id)]
    assert (job.status, job.failure, kinds[-2:]) == (Status.FAILED, BROKEN, [before, "JobFailed"])
    assert ("train", 4) not in graders.calls


def test_a_job_can_be_cancelled_in_mid_step(tmp_path: Path) -> None:
    """Its rewards are there, its step is not."""
    interventions = FakeJobHooks()
    interventions.terminal_events["StepCompleted", 3] = lambda at: JobCancelled(at=at)
    with controlled_engine(tmp_path, FakeGraders(), hooks=interventions) as (engine, logs, _):
        job = wait_for_end(engine, engine.create(job_spec()))
        kinds = [entry.kind for entry in logs.entries(job.id)]
    assert (job.status, job.step, kinds[-2:]) == (Status.CANCELLED, 2, ["RolloutsGraded", "JobCancelled"])


@pytest.mark.parametrize("pace", [Pace.INSTANT, Pace.POLL])
def test_a_job_is_queued_for_as_long_as_somebody_lets_it(tmp_path: Path, pace: Pace) -> None:
    """An hour, counted from where its files were validated."""
    interventions = FakeJobHooks()
    interventions.delay = 3_600
    with controlled_engine(tmp_path, FakeGraders(), pace=pace, hooks=interventions) as (engine, logs, _):
        job = engine.create(job_spec())
        while not (engine.find_job(job.id) or job).status.is_terminal:
            engine.scheduler.advance(job.id)
        (started,) = [entry.body for entry in logs.entries(job.id) if entry.kind == "TrainingStarted"]
    assert f'"at":{job.created_at + 45 + 3_600}' in started


@pytest.mark.parametrize("kept", [4, 5, 9])
def test_a_job_that_was_to_wait_in_the_queue_waits_as_long_after_a_restart(tmp_path: Path, kept: int) -> None:
    """Though nobody lets it wait any more: cut off in the queue or later, its log is that of an undisturbed run."""
    interventions = FakeJobHooks()
    interventions.delay = 3_600
    with controlled_engine(tmp_path, FakeGraders(), hooks=interventions) as (engine, logs, _):
        job = wait_for_end(engine, engine.create(job_spec()))
        whole = logs.entries(job.id)
    truncate_log(tmp_path / "simulator.sqlite", job.id, kept)
    with controlled_engine(tmp_path, FakeGraders()) as (engine, logs, _):
        wait_for_end(engine, job)
        again = logs.entries(job.id)
    assert [entry.kind for entry in whole[2:5]] == ["FilesValidated", "StartDelayed", "TrainingStarted"]
    assert again == whole


def test_a_wait_that_finds_the_disk_full_is_written_later(tmp_path: Path) -> None:
    """And not forgotten meanwhile; nor is it tried all the time."""
    interventions = FakeJobHooks()
    interventions.delay = 3_600
    with controlled_engine(tmp_path, FakeGraders(), pace=Pace.POLL, hooks=interventions) as (engine, logs, _):
        job = engine.create(job_spec())
        for _ in range(2):
            engine.scheduler.advance(job.id)
        with limit_file_size(1):
            engine.scheduler.advance(job.id)
        run = engine.scheduler._runs[job.id]
        was_full = run.is_disk_full
        kinds = [entry.kind for entry in logs.entries(job.id)]
        while not (engine.find_job(job.id) or job).status.is_terminal:
            engine.scheduler.advance(job.id)
        later = [entry.kind for entry in logs.entries(job.id)]
    assert (was_full, run.is_disk_full) == (True, False)
    assert (kinds[-1], later[3:5]) == ("FilesValidated", ["StartDelayed", "TrainingStarted"])


@pytest.mark.parametrize("kept", [4, 9])
def test_what_came_in_between_is_not_asked_again_where_the_log_has_it(tmp_path: Path, kept: int) -> None:
    """An operation in the account would be carried out twice."""
    with controlled_engine(tmp_path, FakeGraders()) as (engine, logs, _):
        job = wait_for_end(engine, engine.create(job_spec()))
        whole = [entry.kind for entry in logs.entries(job.id)]
    truncate_log(tmp_path / "simulator.sqlite", job.id, kept)
    interventions = FakeJobHooks()
    with controlled_engine(tmp_path, FakeGraders(), hooks=interventions) as (engine, _, _):
        wait_for_end(engine, job)
    requests = ["Grade" for kind in whole[kept:] if kind == "RolloutsGraded"]
    assert sorted(interventions.effects) == sorted([*whole[kept:], *requests])
