"""Listings that lag behind what is so: counted in looks, so that two runs see the same."""

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
    """View the jobs of an engine at poll pace."""
    with running_engine(folder, FakeGraders(), pace=Pace.POLL) as (engine, logs):
        yield engine, logs, JobListings(logs, ConsistencySettings(**consistency))  # type: ignore[arg-type]  # a flag is a number


def advance_job(engine: Engine, job: Job, times: int = 1) -> Job:
    """Give a job turns; return it as it is then."""
    for _ in range(times):
        engine.scheduler.advance(job.id)
    return engine.find_job(job.id) or job


def ordinals(entries: tuple[StoredLogEntry, ...]) -> list[int]:
    """Return which entries of a log these are, oldest first."""
    return [entry.ordinal for entry in reversed(entries)]


def test_without_a_lag_listings_show_what_is_so(tmp_path: Path) -> None:
    """At the first look."""
    with listings_on(tmp_path) as (engine, logs, views):
        job = advance_job(engine, engine.create(job_spec()), 30)
        assert views.list_jobs(PROJECT, after=None, limit=ALL).rows == (job,)
        shown = [entry.ordinal for entry in logs.entries(job.id) if entry.event_id]
        assert ordinals(views.list_events(job, after=None, limit=ALL).rows) == shown
        assert len(views.list_checkpoints(job, after=None, limit=ALL).rows) == 1


def test_a_list_of_jobs_that_lags_shows_each_as_it_was_and_new_ones_not_yet(tmp_path: Path) -> None:
    """Two looks late."""
    with listings_on(tmp_path, jobs_lag=2) as (engine, _, views):
        job = engine.create(job_spec())
        seen = []
        for _ in range(5):
            seen.append([listed.status.value for listed in views.list_jobs(PROJECT, after=None, limit=ALL).rows])
            advance_job(engine, job)
    assert seen == [[], [], ["validating_files"], ["validating_files"], ["queued"]]


def test_events_that_come_late_are_those_of_looks_ago(tmp_path: Path) -> None:
    """All of them come, as long as somebody looks."""
    with listings_on(tmp_path, events_lag=1) as (engine, logs, views):
        job = engine.create(job_spec())
        seen = []
        for _ in range(4):
            seen.append(ordinals(views.list_events(job, after=None, limit=ALL).rows))
            job = advance_job(engine, job)
        job = advance_job(engine, job, 30)
        for _ in range(2):
            last = ordinals(views.list_events(job, after=None, limit=ALL).rows)
        assert job.status.is_terminal
        assert seen == [[], [0], [0, 1], [0, 1, 2]]
        assert last == [entry.ordinal for entry in logs.entries(job.id) if entry.event_id]


def ids_and_more(page: Page[Job]) -> tuple[list[str], bool]:
    """Return whose jobs a page lists, and whether it says that there are more."""
    return [job.id for job in page.rows], page.has_more


def test_a_job_that_was_listed_stays_when_a_new_one_comes(tmp_path: Path) -> None:
    """The new one is left out of the list, not of a page of it: a page with nothing on it is where a client stops."""
    with listings_on(tmp_path, jobs_lag=1) as (engine, _, views):
        old = [engine.create(job_spec()).id for _ in range(2)]
        views.list_jobs(PROJECT, after=None, limit=1)
        views.list_jobs(PROJECT, after=None, limit=1)
        new = engine.create(job_spec()).id
        first = views.list_jobs(PROJECT, after=None, limit=1)
        rest = views.list_jobs(PROJECT, after=old[1], limit=1)
        beyond = views.list_jobs(PROJECT, after=new, limit=1)
        later = views.list_jobs(PROJECT, after=None, limit=2)
        with pytest.raises(UnknownCursorError):
            views.list_jobs(PROJECT, after="ftjob-0", limit=1)
    assert [ids_and_more(page) for page in (first, rest, beyond, later)] == [
        ([old[1]], True),
        ([old[0]], False),
        ([old[1]], True),
        ([new, old[1]], True),
    ]


def test_further_pages_of_jobs_are_no_looks(tmp_path: Path) -> None:
    """They go on from what the first page saw, however often they are asked for."""
    with listings_on(tmp_path, jobs_lag=1) as (engine, _, views):
        older, newer = engine.create(job_spec()), engine.create(job_spec())
        views.list_jobs(PROJECT, after=None, limit=1)
        states = []
        for _ in range(3):
            advance_job(engine, older)
            page = views.list_jobs(PROJECT, after=newer.id, limit=1)
            states.append([job.status.value for job in page.rows])
        advance_job(engine, older)
        views.list_jobs(PROJECT, after=None, limit=1)
        (job,) = views.list_jobs(PROJECT, after=newer.id, limit=1).rows
    assert (states, job.status.value) == ([[], [], []], "validating_files")


def test_further_pages_of_events_are_no_looks(tmp_path: Path) -> None:
    """The next first page shows what the one before it saw, whatever was asked for in between."""
    with listings_on(tmp_path, events_lag=1) as (engine, _, views):
        job = advance_job(engine, engine.create(job_spec()), 2)
        views.list_events(job, after=None, limit=2)
        job = advance_job(engine, job)
        first = views.list_events(job, after=None, limit=2)
        for _ in range(3):
            job = advance_job(engine, job)
            rest = views.list_events(job, after=str(first.rows[-1].event_id), limit=2)
        second = views.list_events(job, after=None, limit=2)
    assert [(ordinals(page.rows), page.has_more) for page in (first, rest, second)] == [
        ([1, 2], True),
        ([0], False),
        ([2, 3], True),
    ]


def test_events_in_batches_come_so_many_at_a_time_and_the_last_ones_with_the_end(tmp_path: Path) -> None:
    """No event is lost at the end."""
    with listings_on(tmp_path, events_batch=5) as (engine, logs, views):
        job = engine.create(job_spec())
        lengths = []
        while not job.status.is_terminal:
            lengths.append(len(views.list_events(job, after=None, limit=ALL).rows))
            job = advance_job(engine, job)
        last = len(views.list_events(job, after=None, limit=ALL).rows)
        events = sum(1 for entry in logs.entries(job.id) if entry.event_id)
    assert sorted(set(lengths)) == [0, 5, 10, 15]
    assert last == events == 16


@pytest.mark.parametrize("limit", [1, 2, 3, 10])
def test_events_that_come_twice_are_all_there_page_by_page(tmp_path: Path, limit: int) -> None:
    """Each at least once, some twice, in their order; no page is longer than was asked for."""
    with listings_on(tmp_path, events_twice=True) as (engine, logs, views):
        job = advance_job(engine, engine.create(job_spec()), 8)
        after: str | None = None
        pages: list[Page[StoredLogEntry]] = []
        while not pages or pages[-1].has_more:
            pages.append(views.list_events(job, after=after, limit=limit))
            after = pages[-1].rows[-1].event_id
        rows = [entry for page in pages for entry in page.rows]
        shown = [entry for entry in reversed(logs.entries(job.id)) if entry.event_id]
    assert list(dict.fromkeys(rows)) == shown
    assert max(len(page.rows) for page in pages) <= limit
    assert (len(rows) > len(shown)) == (limit > 1)


def test_checkpoints_that_come_late_come_after_their_event(tmp_path: Path) -> None:
    """The event tells of one that is not listed yet."""
    with listings_on(tmp_path, checkpoints_lag=2) as (engine, _, views):
        job = advance_job(engine, engine.create(job_spec()), 30)
        seen = [len(views.list_checkpoints(job, after=None, limit=ALL).rows) for _ in range(4)]
        kinds = [entry.kind for entry in views.list_events(job, after=None, limit=ALL).rows]
    assert (seen, "CheckpointSaved" in kinds) == ([0, 0, 1, 1], True)


def test_further_pages_of_checkpoints_are_no_looks(tmp_path: Path) -> None:
    """Nobody sees a checkpoint the sooner for them."""
    with listings_on(tmp_path, checkpoints_lag=1) as (engine, logs, views):
        job = engine.create(job_spec())
        views.list_checkpoints(job, after=None, limit=ALL)
        job = advance_job(engine, job, 30)
        (step,) = [json.loads(entry.body)["step"] for entry in logs.entries(job.id) if entry.kind == "CheckpointSaved"]
        for _ in range(2):
            views.list_checkpoints(job, after=Ids(seed=0).checkpoint(job.id, step), limit=ALL)
        seen = [len(views.list_checkpoints(job, after=None, limit=ALL).rows) for _ in range(2)]
    assert seen == [0, 1]
