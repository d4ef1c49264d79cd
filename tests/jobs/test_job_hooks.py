"""What comes in between from outside: ends that are no story's own, and a longer queue."""

from pathlib import Path

import pytest

from simulator.jobs.job import Failure, JobCancelled, JobFailed, Status
from simulator.settings import Pace
from tests.full_disk import limit_file_size
from tests.jobs.engine_setup import Graders, Interventions, cut_off, finished, steered_engine_on
from tests.jobs.lifecycle_setup import order

BROKEN = Failure(code="internal_server_error", message="Something broke.")


def failed(at: int) -> JobFailed:
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
    graders, interventions = Graders(), Interventions()
    interventions.ends[effect, step] = failed
    with steered_engine_on(tmp_path, graders, interventions=interventions) as (engine, logs, _):
        job = finished(engine, engine.create(order()))
        kinds = [entry.kind for entry in logs.entries(job.id)]
    assert (job.status, job.failure, kinds[-2:]) == (Status.FAILED, BROKEN, [before, "JobFailed"])
    assert ("train", 4) not in graders.asked


def test_a_job_can_be_cancelled_in_mid_step(tmp_path: Path) -> None:
    """Its rewards are there, its step is not."""
    interventions = Interventions()
    interventions.ends["StepCompleted", 3] = lambda at: JobCancelled(at=at)
    with steered_engine_on(tmp_path, Graders(), interventions=interventions) as (engine, logs, _):
        job = finished(engine, engine.create(order()))
        kinds = [entry.kind for entry in logs.entries(job.id)]
    assert (job.status, job.step, kinds[-2:]) == (Status.CANCELLED, 2, ["RolloutsGraded", "JobCancelled"])


@pytest.mark.parametrize("pace", [Pace.INSTANT, Pace.POLL])
def test_a_job_is_queued_for_as_long_as_somebody_lets_it(tmp_path: Path, pace: Pace) -> None:
    """An hour, counted from where its files were validated."""
    interventions = Interventions()
    interventions.waits = 3_600
    with steered_engine_on(tmp_path, Graders(), pace=pace, interventions=interventions) as (engine, logs, _):
        job = engine.create(order())
        while not (engine.job(job.id) or job).status.ended:
            engine.driver.turn(job.id)
        (started,) = [entry.body for entry in logs.entries(job.id) if entry.kind == "TrainingStarted"]
    assert f'"at":{job.created_at + 45 + 3_600}' in started


@pytest.mark.parametrize("kept", [4, 5, 9])
def test_a_job_that_was_to_wait_in_the_queue_waits_as_long_after_a_restart(tmp_path: Path, kept: int) -> None:
    """Though nobody lets it wait any more: cut off in the queue or later, its log is that of an undisturbed run."""
    interventions = Interventions()
    interventions.waits = 3_600
    with steered_engine_on(tmp_path, Graders(), interventions=interventions) as (engine, logs, _):
        job = finished(engine, engine.create(order()))
        whole = logs.entries(job.id)
    cut_off(tmp_path / "simulator.sqlite", job.id, kept)
    with steered_engine_on(tmp_path, Graders()) as (engine, logs, _):
        finished(engine, job)
        again = logs.entries(job.id)
    assert [entry.kind for entry in whole[2:5]] == ["FilesValidated", "StartDelayed", "TrainingStarted"]
    assert again == whole


def test_a_wait_that_finds_the_disk_full_is_written_later(tmp_path: Path) -> None:
    """And not forgotten meanwhile; nor is it tried all the time."""
    interventions = Interventions()
    interventions.waits = 3_600
    with steered_engine_on(tmp_path, Graders(), pace=Pace.POLL, interventions=interventions) as (engine, logs, _):
        job = engine.create(order())
        for _ in range(2):
            engine.driver.turn(job.id)
        with limit_file_size(1):
            engine.driver.turn(job.id)
        run = engine.driver._runs[job.id]
        was_full = run.full
        kinds = [entry.kind for entry in logs.entries(job.id)]
        while not (engine.job(job.id) or job).status.ended:
            engine.driver.turn(job.id)
        later = [entry.kind for entry in logs.entries(job.id)]
    assert (was_full, run.full) == (True, False)
    assert (kinds[-1], later[3:5]) == ("FilesValidated", ["StartDelayed", "TrainingStarted"])


@pytest.mark.parametrize("kept", [4, 9])
def test_what_came_in_between_is_not_asked_again_where_the_log_has_it(tmp_path: Path, kept: int) -> None:
    """An operation in the account would be carried out twice."""
    with steered_engine_on(tmp_path, Graders()) as (engine, logs, _):
        job = finished(engine, engine.create(order()))
        whole = [entry.kind for entry in logs.entries(job.id)]
    cut_off(tmp_path / "simulator.sqlite", job.id, kept)
    interventions = Interventions()
    with steered_engine_on(tmp_path, Graders(), interventions=interventions) as (engine, _, _):
        finished(engine, job)
    requests = ["Grade" for kind in whole[kept:] if kind == "RolloutsGraded"]
    assert sorted(interventions.asked) == sorted([*whole[kept:], *requests])
