"""Interventions from outside the lifecycle: events that end a job, and a longer queue."""

from pathlib import Path

import pytest

from simulator.jobs.job import Failure, JobCancelled, JobFailed, Status
from simulator.settings import Pace
from tests.full_disk import limit_file_size
from tests.jobs.engine_setup import FakeGraders, FakeJobHooks, controlled_engine, truncate_log, wait_for_end
from tests.jobs.lifecycle_setup import job_spec

BROKEN = Failure(code="internal_server_error", message="Something broke.")


def job_failed(at: int) -> JobFailed:
    """Return a failure that does not come from the lifecycle."""
    return JobFailed(at=at, failure=BROKEN)


@pytest.mark.parametrize(
    ("effect", "step", "before"),
    [
        ("FilesValidated", None, "ValidationStarted"),
        ("Grade", 3, "StepCompleted"),
        ("StepCompleted", 3, "RolloutsGraded"),
    ],
)
def test_a_hook_can_fail_a_job_before_any_effect(tmp_path: Path, effect: str, step: int | None, before: str) -> None:
    """At validation, before a step and during a step. The log ends there."""
    graders, hooks = FakeGraders(), FakeJobHooks()
    hooks.terminal_events[effect, step] = job_failed
    with controlled_engine(tmp_path, graders, hooks=hooks) as (engine, logs, _):
        job = wait_for_end(engine, engine.create(job_spec()))
        kinds = [entry.kind for entry in logs.entries(job.id)]
    assert (job.status, job.failure, kinds[-2:]) == (Status.FAILED, BROKEN, [before, "JobFailed"])
    assert ("train", 4) not in graders.calls


def test_a_hook_can_cancel_a_job_during_a_step(tmp_path: Path) -> None:
    """The step has its rewards and does not complete."""
    hooks = FakeJobHooks()
    hooks.terminal_events["StepCompleted", 3] = lambda at: JobCancelled(at=at)
    with controlled_engine(tmp_path, FakeGraders(), hooks=hooks) as (engine, logs, _):
        job = wait_for_end(engine, engine.create(job_spec()))
        kinds = [entry.kind for entry in logs.entries(job.id)]
    assert (job.status, job.step, kinds[-2:]) == (Status.CANCELLED, 2, ["RolloutsGraded", "JobCancelled"])


@pytest.mark.parametrize("pace", [Pace.INSTANT, Pace.POLL])
def test_a_hook_can_keep_a_job_queued(tmp_path: Path, pace: Pace) -> None:
    """For an hour from the validation of its files."""
    hooks = FakeJobHooks()
    hooks.delay = 3_600
    with controlled_engine(tmp_path, FakeGraders(), pace=pace, hooks=hooks) as (engine, logs, _):
        job = engine.create(job_spec())
        while not (engine.find_job(job.id) or job).status.is_terminal:
            engine.scheduler.advance(job.id)
        (started,) = [entry.body for entry in logs.entries(job.id) if entry.kind == "TrainingStarted"]
    assert f'"at":{job.created_at + 45 + 3_600}' in started


@pytest.mark.parametrize("length", [4, 5, 9])
def test_a_queue_delay_survives_a_restart_without_the_hook(tmp_path: Path, length: int) -> None:
    """Killed in the queue or later, the log equals that of an uninterrupted run."""
    hooks = FakeJobHooks()
    hooks.delay = 3_600
    with controlled_engine(tmp_path, FakeGraders(), hooks=hooks) as (engine, logs, _):
        job = wait_for_end(engine, engine.create(job_spec()))
        expected = logs.entries(job.id)
    truncate_log(tmp_path / "simulator.sqlite", job.id, length)
    with controlled_engine(tmp_path, FakeGraders()) as (engine, logs, _):
        wait_for_end(engine, job)
        entries = logs.entries(job.id)
    assert [entry.kind for entry in expected[2:5]] == ["FilesValidated", "StartDelayed", "TrainingStarted"]
    assert entries == expected


def test_a_queue_delay_on_a_full_disk_is_written_later(tmp_path: Path) -> None:
    """It is not forgotten, and not retried all the time."""
    hooks = FakeJobHooks()
    hooks.delay = 3_600
    with controlled_engine(tmp_path, FakeGraders(), pace=Pace.POLL, hooks=hooks) as (engine, logs, _):
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
        later_kinds = [entry.kind for entry in logs.entries(job.id)]
    assert (was_full, run.is_disk_full) == (True, False)
    assert (kinds[-1], later_kinds[3:5]) == ("FilesValidated", ["StartDelayed", "TrainingStarted"])


@pytest.mark.parametrize("length", [4, 9])
def test_hooks_do_not_run_for_recorded_effects(tmp_path: Path, length: int) -> None:
    """Otherwise an operation in the account would be carried out twice."""
    with controlled_engine(tmp_path, FakeGraders()) as (engine, logs, _):
        job = wait_for_end(engine, engine.create(job_spec()))
        expected = [entry.kind for entry in logs.entries(job.id)]
    truncate_log(tmp_path / "simulator.sqlite", job.id, length)
    hooks = FakeJobHooks()
    with controlled_engine(tmp_path, FakeGraders(), hooks=hooks) as (engine, _, _):
        wait_for_end(engine, job)
    requests = ["Grade" for kind in expected[length:] if kind == "RolloutsGraded"]
    assert sorted(hooks.effects) == sorted([*expected[length:], *requests])
