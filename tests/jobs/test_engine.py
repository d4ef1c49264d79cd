"""The only writer of job logs: appending, cancelling, and continuing after a crash."""

import sqlite3
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from simulator.jobs.codec import decode_event, encode_job
from simulator.jobs.job import JobEndedError, Status, apply
from simulator.settings import Pace
from simulator.store.database import Database
from simulator.store.job_logs import JobLogStore, StoredLogEntry
from simulator.store.models import ModelStore
from tests.jobs.engine_setup import (
    FakeGraders,
    controlled_engine,
    running_engine,
    truncate_log,
    wait_for,
    wait_for_end,
)
from tests.jobs.lifecycle_setup import MODEL, job_spec


def test_the_stored_projection_is_the_fold_of_the_log(tmp_path: Path) -> None:
    """`job == reduce(apply, log)`, as text."""
    with running_engine(tmp_path, FakeGraders()) as (engine, logs):
        job = wait_for_end(engine, engine.create(job_spec()))
        events = [decode_event(entry.kind, entry.body) for entry in logs.entries(job.id)]
        job_of_log = reduce(apply, events, None)
        assert job_of_log
        assert logs.get_projection(job.id) == encode_job(job_of_log)
    assert job.status is Status.SUCCEEDED


def test_two_engines_with_one_seed_write_the_same_log(tmp_path: Path) -> None:
    """Ids, times and numbers are equal byte for byte."""
    logs_of_both = []
    for name in ("one", "two"):
        with running_engine(tmp_path / name, FakeGraders()) as (engine, logs):
            logs_of_both.append(logs.entries(wait_for_end(engine, engine.create(job_spec())).id))
    assert logs_of_both[0] == logs_of_both[1]


def test_a_job_with_a_warning_continues_to_the_same_log(tmp_path: Path) -> None:
    """A job that was cut off after its warning keeps it, although the function no longer has one."""
    graders = FakeGraders()
    graders.function_warnings = ("The function runs on another Python.",)
    with running_engine(tmp_path, graders) as (engine, logs):
        job_id = wait_for_end(engine, engine.create(job_spec(batch_size=12))).id
        expected = logs.entries(job_id)
    truncate_log(tmp_path / "simulator.sqlite", job_id, 4)
    with running_engine(tmp_path, FakeGraders()) as (engine, logs):
        job = engine.find_job(job_id)
        assert job
        wait_for_end(engine, job)

        assert [entry.kind for entry in expected[2:5]] == ["FilesValidated", "WarningIssued", "TrainingStarted"]
        assert logs.entries(job_id) == expected


def test_a_job_with_retries_continues_to_the_same_log(tmp_path: Path) -> None:
    """A job that was cut off after its first rewards keeps the times of the retries that they needed."""
    graders = FakeGraders()
    graders.retry_seconds = 7
    with running_engine(tmp_path, graders) as (engine, logs):
        job_id = wait_for_end(engine, engine.create(job_spec(batch_size=12))).id
        expected = logs.entries(job_id)
    length = next(index for index, entry in enumerate(expected, 1) if entry.kind == "RolloutsGraded")
    truncate_log(tmp_path / "simulator.sqlite", job_id, length)
    graders = FakeGraders()
    graders.retry_seconds = 7
    with running_engine(tmp_path, graders) as (engine, logs):
        job = engine.find_job(job_id)
        assert job
        wait_for_end(engine, job)
        assert logs.entries(job_id) == expected


@pytest.mark.slow
def test_a_job_killed_after_any_entry_continues_to_the_same_log(tmp_path: Path) -> None:
    """The log has the rewards, so the grader is not asked for them again."""
    with running_engine(tmp_path, FakeGraders()) as (engine, logs):
        job_id = wait_for_end(engine, engine.create(job_spec(batch_size=12))).id
        expected = logs.entries(job_id)
    for length in range(1, len(expected)):
        truncate_log(tmp_path / "simulator.sqlite", job_id, length)
        graders = FakeGraders()
        with running_engine(tmp_path, graders) as (engine, logs):
            job = engine.find_job(job_id)
            assert job
            wait_for_end(engine, job)
            assert logs.entries(job_id) == expected
        new_entries = [entry for entry in expected[length:] if entry.kind == "RolloutsGraded"]
        assert len(graders.calls) == len(new_entries)


@pytest.mark.parametrize("pace", [Pace.INSTANT, Pace.POLL])
def test_a_log_that_cannot_be_replayed_stops_its_job_and_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, pace: Pace
) -> None:
    """Nothing is lost: the job continues when the simulator is started as before."""
    with running_engine(tmp_path, FakeGraders()) as (engine, logs):
        job_id = wait_for_end(engine, engine.create(job_spec())).id
        expected = logs.entries(job_id)
    truncate_log(tmp_path / "simulator.sqlite", job_id, 6)
    alter_log(tmp_path, '"at":', '"at":9')
    with controlled_engine(tmp_path, FakeGraders(), pace=pace, slots=1) as (engine, logs, control):
        engine.scheduler.advance(job_id)
        before = logs.entries(job_id)
        assert not control.run_to_step(job_id, 5)
        control.set_pace(Pace.INSTANT)
        other = engine.create(job_spec())
        wait_for(lambda: (engine.find_job(other.id) or other).status is Status.QUEUED)
        engine.scheduler.advance(job_id)
        assert (len(before), logs.entries(job_id)) == (6, before)
        assert engine.scheduler.is_blocked(job_id)
    assert f"job {job_id} does not continue, because its log cannot be replayed: it has FilesValidated" in caplog.text
    alter_log(tmp_path, '"at":9', '"at":')
    with running_engine(tmp_path, FakeGraders()) as (engine, logs):
        job = engine.find_job(job_id)
        assert job
        assert wait_for_end(engine, job).status is wait_for_end(engine, other).status is Status.SUCCEEDED
        assert logs.entries(job_id) == expected


def test_a_job_whose_log_cannot_be_replayed_can_be_cancelled(tmp_path: Path) -> None:
    """It frees its slot."""
    with running_engine(tmp_path, FakeGraders()) as (engine, _):
        job_id = wait_for_end(engine, engine.create(job_spec())).id
    truncate_log(tmp_path / "simulator.sqlite", job_id, 6)
    alter_log(tmp_path, '"at":', '"at":9')
    with running_engine(tmp_path, FakeGraders(), slots=1) as (engine, _):
        other, job = engine.create(job_spec()), engine.find_job(job_id)
        assert job
        assert engine.cancel(job).status is Status.CANCELLED
        assert wait_for_end(engine, other).status is Status.SUCCEEDED


def alter_log(folder: Path, before: str, after: str) -> None:
    """Replace a text in the third entry of every log."""
    with sqlite3.connect(folder / "simulator.sqlite") as connection:
        connection.execute("UPDATE log SET body = replace(body, ?, ?) WHERE ordinal = 2", (before, after))
    connection.close()


def test_a_cancel_during_a_step_ends_the_job_and_discards_the_step(tmp_path: Path) -> None:
    """The rewards that arrive afterwards are not written."""
    graders = FakeGraders()
    graders.waits_at = 3
    with running_engine(tmp_path, graders) as (engine, logs):
        job = engine.create(job_spec())
        assert graders.reached.wait(10)
        cancelled = engine.cancel(job)
        graders.may_continue.set()
        engine.close()
        kinds = [entry.kind for entry in logs.entries(job.id)]
    assert (cancelled.status, cancelled.step) == (Status.CANCELLED, 2)
    assert kinds[-1] == "JobCancelled"


def test_a_second_cancel_is_refused(tmp_path: Path) -> None:
    """A job that has ended does not change."""
    with running_engine(tmp_path, FakeGraders(), pace=Pace.POLL) as (engine, _):
        job = engine.create(job_spec())
        engine.cancel(job)
        with pytest.raises(JobEndedError, match=f"{job.id} has cancelled"):
            engine.cancel(job)


def test_a_failing_grader_fails_the_job_with_its_error(tmp_path: Path) -> None:
    """The engine throws the error into the lifecycle, which ends the job."""
    with running_engine(tmp_path, FakeGraders(breaks_at=2)) as (engine, _):
        job = wait_for_end(engine, engine.create(job_spec()))
    assert job.failure
    assert (job.status, job.step, job.failure.code) == (Status.FAILED, 1, "grader_error")


def test_closing_leaves_running_jobs_unfinished(tmp_path: Path) -> None:
    """They continue at the next start. A grader that fails because of the close fails no job."""
    graders = FakeGraders(breaks_at=3)
    graders.waits_at = 3
    with running_engine(tmp_path, graders) as (engine, _):
        job = engine.create(job_spec())
        assert graders.reached.wait(10)
        engine.closing = True
        graders.may_continue.set()
    with running_engine(tmp_path, FakeGraders()) as (engine, _):
        assert wait_for_end(engine, job).status is Status.SUCCEEDED


def test_only_creations_and_cancellations_wait_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They must survive a power failure. A step is computed again."""
    appended, append = list[tuple[str, bool]](), JobLogStore.append

    def recording_append(logs: JobLogStore, *, entry: StoredLogEntry, durable: bool, **arguments: Any) -> None:
        append(logs, entry=entry, durable=durable, **arguments)
        appended.append((entry.kind, durable))

    monkeypatch.setattr(JobLogStore, "append", recording_append)
    with running_engine(tmp_path, FakeGraders(), pace=Pace.POLL) as (engine, _):
        job = engine.create(job_spec())
        while (engine.find_job(job.id) or job).step < 2:
            engine.scheduler.advance(job.id)
        engine.cancel(job)
    assert {kind for kind, durable in appended if durable} == {"JobCreated", "JobCancelled"}
    assert {kind for kind, durable in appended if not durable} >= {"FilesValidated", "RolloutsGraded", "StepCompleted"}


@pytest.mark.shows("cancel-effects")
def test_a_tuned_model_exists_only_once_its_job_has_succeeded(tmp_path: Path) -> None:
    """It is announced before. A cancellation in between leaves only the checkpoints."""
    with running_engine(tmp_path, FakeGraders(), pace=Pace.POLL) as (engine, _):
        job = engine.create(job_spec())
        while (current := engine.find_job(job.id)) and not current.fine_tuned_model:
            engine.scheduler.advance(job.id)
        assert current
        assert current.status is Status.RUNNING
        engine.cancel(current)
    database = Database(tmp_path / "simulator.sqlite")
    models = ModelStore(database).created_models(job_spec().account)
    database.close()
    assert [name for name, _ in models] == [f"{MODEL}-{job.id}:ckpt-step-9"]


def test_a_log_of_another_version_fails_only_its_own_job(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The simulator starts and logs which job it is."""
    with running_engine(tmp_path, FakeGraders()) as (engine, _):
        job_id = wait_for_end(engine, engine.create(job_spec())).id
    truncate_log(tmp_path / "simulator.sqlite", job_id, 5)
    with sqlite3.connect(tmp_path / "simulator.sqlite") as connection:
        connection.execute("UPDATE log SET kind = 'Renamed' WHERE ordinal = 3")
    connection.close()
    with running_engine(tmp_path, FakeGraders()) as (engine, _):
        job = engine.find_job(job_id)
    assert job
    assert (job.status, job.failure and job.failure.code) == (Status.FAILED, "internal_server_error")
    assert f"job {job_id}: its log cannot be read" in caplog.text
