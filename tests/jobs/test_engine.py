"""The one writer of job logs: pace, cancelling, and going on after a cut."""

import sqlite3
from functools import reduce
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from simulator.jobs.codec import decode_event, encode_job
from simulator.jobs.job import JobEndedError, Status, apply
from simulator.settings import Pace
from simulator.store.database import Database
from simulator.store.job_logs import JobLogStore, StoredLogEntry
from simulator.store.models import ModelStore
from tests.jobs.engine_setup import FakeGraders, controlled_engine, running_engine, truncate_log, wait_for_end
from tests.jobs.lifecycle_setup import MODEL, job_spec
from tests.jobs.test_clock_control import wait_for


def test_the_projection_that_is_kept_is_the_fold_of_the_log(tmp_path: Path) -> None:
    """`job == reduce(apply, log)`, as text."""
    with running_engine(tmp_path, FakeGraders()) as (engine, logs):
        job = wait_for_end(engine, engine.create(job_spec()))
        events = [decode_event(entry.kind, entry.body) for entry in logs.entries(job.id)]
        told = reduce(apply, events, None)
        assert told
        assert logs.get_projection(job.id) == encode_job(told)
    assert job.status is Status.SUCCEEDED


def test_two_engines_with_one_seed_write_the_same_log(tmp_path: Path) -> None:
    """Ids, times and numbers: byte for byte."""
    both = []
    for name in ("one", "two"):
        with running_engine(tmp_path / name, FakeGraders()) as (engine, logs):
            both.append(logs.entries(wait_for_end(engine, engine.create(job_spec())).id))
    assert both[0] == both[1]


def test_a_job_that_was_cut_off_anywhere_goes_on_to_the_same_log(tmp_path: Path) -> None:
    """Its answers are in the log: the grader is asked again for none of them."""
    with running_engine(tmp_path, FakeGraders()) as (engine, logs):
        job_id = wait_for_end(engine, engine.create(job_spec())).id
        whole = logs.entries(job_id)
    path = tmp_path / "simulator.sqlite"
    for kept in range(1, len(whole), 3):
        truncate_log(path, job_id, kept)
        graders = FakeGraders()
        with running_engine(tmp_path, graders) as (engine, logs):
            job = engine.find_job(job_id)
            assert job
            wait_for_end(engine, job)
            assert logs.entries(job_id) == whole
        recorded = [entry for entry in whole[:kept] if entry.kind == "RolloutsGraded"]
        everything = [entry for entry in whole if entry.kind == "RolloutsGraded"]
        assert len(graders.calls) == len(everything) - len(recorded)


@pytest.mark.parametrize("pace", [Pace.INSTANT, Pace.POLL])
def test_a_log_that_cannot_be_told_again_leaves_its_job_where_it_is_and_stops_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, pace: Pace
) -> None:
    """Nothing that it went through is thrown away: started as it was before, the simulator goes on with it."""
    with running_engine(tmp_path, FakeGraders()) as (engine, logs):
        job_id = wait_for_end(engine, engine.create(job_spec())).id
        whole = logs.entries(job_id)
    truncate_log(tmp_path / "simulator.sqlite", job_id, 6)
    alter_log(tmp_path, '"at":', '"at":9')
    with controlled_engine(tmp_path, FakeGraders(), pace=pace, slots=1) as (engine, logs, steering):
        engine.scheduler.advance(job_id)
        before = logs.entries(job_id)
        assert not steering.run_to_step(job_id, 5)
        steering.set_pace(Pace.INSTANT)
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
        assert logs.entries(job_id) == whole


def test_a_job_whose_log_cannot_be_told_again_can_be_cancelled(tmp_path: Path) -> None:
    """Then it leaves its place."""
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
    """Write something else into the third entry of every log."""
    with sqlite3.connect(folder / "simulator.sqlite") as connection:
        connection.execute("UPDATE log SET body = replace(body, ?, ?) WHERE ordinal = 2", (before, after))
    connection.close()


def test_a_cancel_in_mid_step_ends_the_job_at_once_and_drops_the_step(tmp_path: Path) -> None:
    """The answer of the grader that was busy meanwhile is not written any more."""
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
    """What has ended stays as it ended."""
    with running_engine(tmp_path, FakeGraders(), pace=Pace.POLL) as (engine, _):
        job = engine.create(job_spec())
        engine.cancel(job)
        with pytest.raises(JobEndedError, match=f"{job.id} has cancelled"):
            engine.cancel(job)


def test_at_poll_pace_a_job_moves_only_when_it_is_given_a_turn(tmp_path: Path) -> None:
    """One turn a step, so a test sees every status and every step."""
    with running_engine(tmp_path, FakeGraders(), pace=Pace.POLL) as (engine, _):
        job = engine.create(job_spec())
        seen: list[tuple[str, int]] = []
        while not job.status.is_terminal:
            seen.append((job.status.value, job.step))
            engine.scheduler.advance(job.id)
            job = engine.find_job(job.id) or job
    steps = [("running", step) for step in range(10)]
    assert [turn for turn in dict.fromkeys(seen) if turn[0] != "running"] == [("validating_files", 0), ("queued", 0)]
    assert [turn for turn in dict.fromkeys(seen) if turn[0] == "running"] == steps
    assert job.status is Status.SUCCEEDED


def test_a_turn_taken_while_another_is_under_way_is_skipped(tmp_path: Path) -> None:
    """Two clients that poll at once do not push a job twice, and do not wait for each other."""
    graders = FakeGraders()
    graders.waits_at = 1
    with running_engine(tmp_path, graders, pace=Pace.POLL) as (engine, _):
        job = engine.create(job_spec())
        for _turn in range(3):
            engine.scheduler.advance(job.id)
        busy = Thread(target=engine.scheduler.advance, args=(job.id,))
        busy.start()
        assert graders.reached.wait(10)
        engine.scheduler.advance(job.id)
        current = engine.find_job(job.id)
        graders.may_continue.set()
        busy.join()
    assert current
    assert current.step == 0


def test_a_grader_that_breaks_ends_the_job_with_its_error(tmp_path: Path) -> None:
    """The engine hands the error to the story, and the story ends the job."""
    with running_engine(tmp_path, FakeGraders(breaks_at=2)) as (engine, _):
        job = wait_for_end(engine, engine.create(job_spec()))
    assert job.failure
    assert (job.status, job.step, job.failure.code) == (Status.FAILED, 1, "grader_error")


def test_closing_leaves_running_jobs_unfinished_and_whole(tmp_path: Path) -> None:
    """They go on at the next start; a grader that fails because of the stop fails nothing."""
    graders = FakeGraders(breaks_at=3)
    graders.waits_at = 3
    with running_engine(tmp_path, graders) as (engine, _):
        job = engine.create(job_spec())
        assert graders.reached.wait(10)
        engine.closing = True
        graders.may_continue.set()
    with running_engine(tmp_path, FakeGraders()) as (engine, _):
        assert wait_for_end(engine, job).status is Status.SUCCEEDED


def test_what_a_caller_asked_for_outlives_a_power_cut_and_what_a_job_made_of_it_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a job waits for the disk when it is created and when it is cancelled, and not at each step."""
    kept, append = list[tuple[str, bool]](), JobLogStore.append

    def noted(logs: JobLogStore, *, entry: StoredLogEntry, durable: bool, **others: Any) -> None:
        append(logs, entry=entry, durable=durable, **others)
        kept.append((entry.kind, durable))

    monkeypatch.setattr(JobLogStore, "append", noted)
    with running_engine(tmp_path, FakeGraders(), pace=Pace.POLL) as (engine, _):
        job = engine.create(job_spec())
        while (engine.find_job(job.id) or job).step < 2:
            engine.scheduler.advance(job.id)
        engine.cancel(job)
    assert {kind for kind, durable in kept if durable} == {"JobCreated", "JobCancelled"}
    assert {kind for kind, durable in kept if not durable} >= {"FilesValidated", "RolloutsGraded", "StepCompleted"}


@pytest.mark.shows("cancel-effects")
def test_a_tuned_model_exists_only_once_its_job_has_succeeded(tmp_path: Path) -> None:
    """Announced before the end, kept from the end on; a cancel in between leaves checkpoints alone."""
    with running_engine(tmp_path, FakeGraders(), pace=Pace.POLL) as (engine, _):
        job = engine.create(job_spec())
        while (current := engine.find_job(job.id)) and not current.fine_tuned_model:
            engine.scheduler.advance(job.id)
        assert current
        assert current.status is Status.RUNNING
        engine.cancel(current)
    database = Database(tmp_path / "simulator.sqlite")
    made = ModelStore(database).created_models(job_spec().account)
    database.close()
    assert [name for name, _ in made] == [f"{MODEL}-{job.id}:ckpt-step-9"]


def test_a_log_of_another_version_fails_its_job_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The simulator starts, and says which log it could not read."""
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
