"""Lists that lag behind the job. The lag counts reads, so two runs get the same lists."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from simulator.ids import Ids
from simulator.jobs.engine import Engine
from simulator.jobs.job import Job
from simulator.jobs.listing import JobListings
from simulator.settings import ConsistencySettings, Pace
from simulator.store.database import Page, UnknownCursorError
from simulator.store.job_logs import JobLogStore, StoredLogEntry
from tests.jobs.engine_setup import FakeGraders, running_engine
from tests.jobs.lifecycle_setup import PROJECT, job_spec

ALL = 1_000


@contextmanager
def listings_on(folder: Path, **consistency: int) -> Iterator[tuple[Engine, JobLogStore, JobListings]]:
    """Return the listings of an engine at the pace `poll`."""
    with running_engine(folder, FakeGraders(), pace=Pace.POLL) as (engine, logs):
        yield engine, logs, JobListings(logs, ConsistencySettings(**consistency))  # type: ignore[arg-type]  # a flag is a number


def advance_job(engine: Engine, job: Job, times: int = 1) -> Job:
    """Advance a job; return its new state."""
    for _ in range(times):
        engine.scheduler.advance(job.id)
    return engine.find_job(job.id) or job


def ordinals(entries: tuple[StoredLogEntry, ...]) -> list[int]:
    """Return the ordinals of log entries, oldest first."""
    return [entry.ordinal for entry in reversed(entries)]


def test_lists_without_a_lag_are_current(tmp_path: Path) -> None:
    """From the first read on."""
    with listings_on(tmp_path) as (engine, logs, listings):
        job = advance_job(engine, engine.create(job_spec()), 30)
        assert listings.list_jobs(PROJECT, after=None, limit=ALL).rows == (job,)
        expected = [entry.ordinal for entry in logs.entries(job.id) if entry.event_id]
        assert ordinals(listings.list_events(job, after=None, limit=ALL).rows) == expected
        assert len(listings.list_checkpoints(job, after=None, limit=ALL).rows) == 1


def test_a_lagging_list_of_jobs_has_old_states_and_no_new_jobs(tmp_path: Path) -> None:
    """By two reads."""
    with listings_on(tmp_path, jobs_lag=2) as (engine, _, listings):
        job = engine.create(job_spec())
        lists = []
        for _ in range(5):
            lists.append([listed.status.value for listed in listings.list_jobs(PROJECT, after=None, limit=ALL).rows])
            advance_job(engine, job)
    assert lists == [[], [], ["validating_files"], ["validating_files"], ["queued"]]


def test_lagging_events_are_those_of_the_last_read(tmp_path: Path) -> None:
    """Every event appears after enough reads."""
    with listings_on(tmp_path, events_lag=1) as (engine, logs, listings):
        job = engine.create(job_spec())
        lists = []
        for _ in range(4):
            lists.append(ordinals(listings.list_events(job, after=None, limit=ALL).rows))
            job = advance_job(engine, job)
        job = advance_job(engine, job, 30)
        for _ in range(2):
            last = ordinals(listings.list_events(job, after=None, limit=ALL).rows)
        assert job.status.is_terminal
        assert lists == [[], [0], [0, 1], [0, 1, 2]]
        assert last == [entry.ordinal for entry in logs.entries(job.id) if entry.event_id]


def ids_and_more(page: Page[Job]) -> tuple[list[str], bool]:
    """Return the ids on a page, and whether more follow."""
    return [job.id for job in page.rows], page.has_more


def test_a_listed_job_stays_listed_when_a_new_one_is_created(tmp_path: Path) -> None:
    """The new job is missing from the whole list, and not from one page: a client stops at an empty page."""
    with listings_on(tmp_path, jobs_lag=1) as (engine, _, listings):
        old = [engine.create(job_spec()).id for _ in range(2)]
        listings.list_jobs(PROJECT, after=None, limit=1)
        listings.list_jobs(PROJECT, after=None, limit=1)
        new = engine.create(job_spec()).id
        first = listings.list_jobs(PROJECT, after=None, limit=1)
        rest = listings.list_jobs(PROJECT, after=old[1], limit=1)
        beyond = listings.list_jobs(PROJECT, after=new, limit=1)
        later = listings.list_jobs(PROJECT, after=None, limit=2)
        with pytest.raises(UnknownCursorError):
            listings.list_jobs(PROJECT, after="ftjob-0", limit=1)
    assert [ids_and_more(page) for page in (first, rest, beyond, later)] == [
        ([old[1]], True),
        ([old[0]], False),
        ([old[1]], True),
        ([new, old[1]], True),
    ]


def test_further_pages_of_jobs_are_not_reads(tmp_path: Path) -> None:
    """They continue the read of the first page."""
    with listings_on(tmp_path, jobs_lag=1) as (engine, _, listings):
        older, newer = engine.create(job_spec()), engine.create(job_spec())
        listings.list_jobs(PROJECT, after=None, limit=1)
        states = []
        for _ in range(3):
            advance_job(engine, older)
            page = listings.list_jobs(PROJECT, after=newer.id, limit=1)
            states.append([job.status.value for job in page.rows])
        advance_job(engine, older)
        listings.list_jobs(PROJECT, after=None, limit=1)
        (job,) = listings.list_jobs(PROJECT, after=newer.id, limit=1).rows
    assert (states, job.status.value) == ([[], [], []], "validating_files")


def test_further_pages_of_events_are_not_reads(tmp_path: Path) -> None:
    """The next first page shows the previous read."""
    with listings_on(tmp_path, events_lag=1) as (engine, _, listings):
        job = advance_job(engine, engine.create(job_spec()), 2)
        listings.list_events(job, after=None, limit=2)
        job = advance_job(engine, job)
        first = listings.list_events(job, after=None, limit=2)
        for _ in range(3):
            job = advance_job(engine, job)
            rest = listings.list_events(job, after=str(first.rows[-1].event_id), limit=2)
        second = listings.list_events(job, after=None, limit=2)
    assert [(ordinals(page.rows), page.has_more) for page in (first, rest, second)] == [
        ([1, 2], True),
        ([0], False),
        ([2, 3], True),
    ]


def test_events_appear_in_batches_and_the_rest_with_the_end_of_the_job(tmp_path: Path) -> None:
    """No event is missing at the end."""
    with listings_on(tmp_path, events_batch=5) as (engine, logs, listings):
        job = engine.create(job_spec())
        lengths = []
        while not job.status.is_terminal:
            lengths.append(len(listings.list_events(job, after=None, limit=ALL).rows))
            job = advance_job(engine, job)
        last = len(listings.list_events(job, after=None, limit=ALL).rows)
        events = sum(1 for entry in logs.entries(job.id) if entry.event_id)
    assert sorted(set(lengths)) == [0, 5, 10, 15]
    assert last == events == 16


@pytest.mark.parametrize("limit", [1, 2, 3, 10])
def test_doubled_events_are_complete_page_by_page(tmp_path: Path, limit: int) -> None:
    """Each event at least once, in order. No page is longer than its limit."""
    with listings_on(tmp_path, events_twice=True) as (engine, logs, listings):
        job = advance_job(engine, engine.create(job_spec()), 8)
        after: str | None = None
        pages: list[Page[StoredLogEntry]] = []
        while not pages or pages[-1].has_more:
            pages.append(listings.list_events(job, after=after, limit=limit))
            after = pages[-1].rows[-1].event_id
        rows = [entry for page in pages for entry in page.rows]
        expected = [entry for entry in reversed(logs.entries(job.id)) if entry.event_id]
    assert list(dict.fromkeys(rows)) == expected
    assert max(len(page.rows) for page in pages) <= limit
    assert (len(rows) > len(expected)) == (limit > 1)


def test_a_lagging_checkpoint_is_listed_after_its_event(tmp_path: Path) -> None:
    """The event names a checkpoint that is not listed yet."""
    with listings_on(tmp_path, checkpoints_lag=2) as (engine, _, listings):
        job = advance_job(engine, engine.create(job_spec()), 30)
        lists = [len(listings.list_checkpoints(job, after=None, limit=ALL).rows) for _ in range(4)]
        kinds = [entry.kind for entry in listings.list_events(job, after=None, limit=ALL).rows]
    assert (lists, "CheckpointSaved" in kinds) == ([0, 0, 1, 1], True)


def test_further_pages_of_checkpoints_are_not_reads(tmp_path: Path) -> None:
    """They do not make a checkpoint appear earlier."""
    with listings_on(tmp_path, checkpoints_lag=1) as (engine, logs, listings):
        job = engine.create(job_spec())
        listings.list_checkpoints(job, after=None, limit=ALL)
        job = advance_job(engine, job, 30)
        (step,) = [json.loads(entry.body)["step"] for entry in logs.entries(job.id) if entry.kind == "CheckpointSaved"]
        for _ in range(2):
            listings.list_checkpoints(job, after=Ids(seed=0).checkpoint(job.id, step), limit=ALL)
        lists = [len(listings.list_checkpoints(job, after=None, limit=ALL).rows) for _ in range(2)]
    assert lists == [0, 1]
