"""Listings that lag behind what is so: counted in looks, so that two runs see the same."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from simulator.ids import Ids
from simulator.jobs.engine import Engine
from simulator.jobs.job import Job
from simulator.jobs.listing import Views
from simulator.settings import Consistency, Pace
from simulator.store.database import Page, UnknownCursorError
from simulator.store.job_logs import JobLogStore, StoredLogEntry
from tests.jobs.engine_setup import Graders, engine_on
from tests.jobs.lifecycle_setup import PROJECT, order

ALL = 1_000


@contextmanager
def viewed(folder: Path, **consistency: int) -> Iterator[tuple[Engine, JobLogStore, Views]]:
    """View the jobs of an engine at poll pace."""
    with engine_on(folder, Graders(), pace=Pace.POLL) as (engine, logs):
        yield engine, logs, Views(logs, Consistency(**consistency))  # type: ignore[arg-type]  # a flag is a number


def turned(engine: Engine, job: Job, times: int = 1) -> Job:
    """Give a job turns; return it as it is then."""
    for _ in range(times):
        engine.driver.turn(job.id)
    return engine.job(job.id) or job


def told(entries: tuple[StoredLogEntry, ...]) -> list[int]:
    """Return which entries of a log these are, oldest first."""
    return [entry.ordinal for entry in reversed(entries)]


def test_without_a_lag_listings_show_what_is_so(tmp_path: Path) -> None:
    """At the first look."""
    with viewed(tmp_path) as (engine, logs, views):
        job = turned(engine, engine.create(order()), 30)
        assert views.jobs(PROJECT, after=None, limit=ALL).rows == (job,)
        shown = [entry.ordinal for entry in logs.entries(job.id) if entry.event_id]
        assert told(views.events(job, after=None, limit=ALL).rows) == shown
        assert len(views.checkpoints(job, after=None, limit=ALL).rows) == 1


def test_a_list_of_jobs_that_lags_shows_each_as_it_was_and_new_ones_not_yet(tmp_path: Path) -> None:
    """Two looks late."""
    with viewed(tmp_path, jobs_lag=2) as (engine, _, views):
        job = engine.create(order())
        seen = []
        for _ in range(5):
            seen.append([listed.status.value for listed in views.jobs(PROJECT, after=None, limit=ALL).rows])
            turned(engine, job)
    assert seen == [[], [], ["validating_files"], ["validating_files"], ["queued"]]


def test_events_that_come_late_are_those_of_looks_ago(tmp_path: Path) -> None:
    """All of them come, as long as somebody looks."""
    with viewed(tmp_path, events_lag=1) as (engine, logs, views):
        job = engine.create(order())
        seen = []
        for _ in range(4):
            seen.append(told(views.events(job, after=None, limit=ALL).rows))
            job = turned(engine, job)
        job = turned(engine, job, 30)
        for _ in range(2):
            last = told(views.events(job, after=None, limit=ALL).rows)
        assert job.status.ended
        assert seen == [[], [0], [0, 1], [0, 1, 2]]
        assert last == [entry.ordinal for entry in logs.entries(job.id) if entry.event_id]


def listed(page: Page[Job]) -> tuple[list[str], bool]:
    """Return whose jobs a page lists, and whether it says that there are more."""
    return [job.id for job in page.rows], page.has_more


def test_a_job_that_was_listed_stays_when_a_new_one_comes(tmp_path: Path) -> None:
    """The new one is left out of the list, not of a page of it: a page with nothing on it is where a client stops."""
    with viewed(tmp_path, jobs_lag=1) as (engine, _, views):
        old = [engine.create(order()).id for _ in range(2)]
        views.jobs(PROJECT, after=None, limit=1)
        views.jobs(PROJECT, after=None, limit=1)
        new = engine.create(order()).id
        first = views.jobs(PROJECT, after=None, limit=1)
        rest = views.jobs(PROJECT, after=old[1], limit=1)
        beyond = views.jobs(PROJECT, after=new, limit=1)
        later = views.jobs(PROJECT, after=None, limit=2)
        with pytest.raises(UnknownCursorError):
            views.jobs(PROJECT, after="ftjob-0", limit=1)
    assert [listed(page) for page in (first, rest, beyond, later)] == [
        ([old[1]], True),
        ([old[0]], False),
        ([old[1]], True),
        ([new, old[1]], True),
    ]


def test_further_pages_of_jobs_are_no_looks(tmp_path: Path) -> None:
    """They go on from what the first page saw, however often they are asked for."""
    with viewed(tmp_path, jobs_lag=1) as (engine, _, views):
        older, newer = engine.create(order()), engine.create(order())
        views.jobs(PROJECT, after=None, limit=1)
        states = []
        for _ in range(3):
            turned(engine, older)
            page = views.jobs(PROJECT, after=newer.id, limit=1)
            states.append([job.status.value for job in page.rows])
        turned(engine, older)
        views.jobs(PROJECT, after=None, limit=1)
        (job,) = views.jobs(PROJECT, after=newer.id, limit=1).rows
    assert (states, job.status.value) == ([[], [], []], "validating_files")


def test_further_pages_of_events_are_no_looks(tmp_path: Path) -> None:
    """The next first page shows what the one before it saw, whatever was asked for in between."""
    with viewed(tmp_path, events_lag=1) as (engine, _, views):
        job = turned(engine, engine.create(order()), 2)
        views.events(job, after=None, limit=2)
        job = turned(engine, job)
        first = views.events(job, after=None, limit=2)
        for _ in range(3):
            job = turned(engine, job)
            rest = views.events(job, after=str(first.rows[-1].event_id), limit=2)
        second = views.events(job, after=None, limit=2)
    assert [(told(page.rows), page.has_more) for page in (first, rest, second)] == [
        ([1, 2], True),
        ([0], False),
        ([2, 3], True),
    ]


def test_events_in_batches_come_so_many_at_a_time_and_the_last_ones_with_the_end(tmp_path: Path) -> None:
    """No event is lost at the end."""
    with viewed(tmp_path, events_batch=5) as (engine, logs, views):
        job = engine.create(order())
        lengths = []
        while not job.status.ended:
            lengths.append(len(views.events(job, after=None, limit=ALL).rows))
            job = turned(engine, job)
        last = len(views.events(job, after=None, limit=ALL).rows)
        events = sum(1 for entry in logs.entries(job.id) if entry.event_id)
    assert sorted(set(lengths)) == [0, 5, 10, 15]
    assert last == events == 16


@pytest.mark.parametrize("limit", [1, 2, 3, 10])
def test_events_that_come_twice_are_all_there_page_by_page(tmp_path: Path, limit: int) -> None:
    """Each at least once, some twice, in their order; no page is longer than was asked for."""
    with viewed(tmp_path, events_twice=True) as (engine, logs, views):
        job = turned(engine, engine.create(order()), 8)
        after: str | None = None
        pages: list[Page[StoredLogEntry]] = []
        while not pages or pages[-1].has_more:
            pages.append(views.events(job, after=after, limit=limit))
            after = pages[-1].rows[-1].event_id
        rows = [entry for page in pages for entry in page.rows]
        shown = [entry for entry in reversed(logs.entries(job.id)) if entry.event_id]
    assert list(dict.fromkeys(rows)) == shown
    assert max(len(page.rows) for page in pages) <= limit
    assert (len(rows) > len(shown)) == (limit > 1)


def test_checkpoints_that_come_late_come_after_their_event(tmp_path: Path) -> None:
    """The event tells of one that is not listed yet."""
    with viewed(tmp_path, checkpoints_lag=2) as (engine, _, views):
        job = turned(engine, engine.create(order()), 30)
        seen = [len(views.checkpoints(job, after=None, limit=ALL).rows) for _ in range(4)]
        kinds = [entry.kind for entry in views.events(job, after=None, limit=ALL).rows]
    assert (seen, "CheckpointSaved" in kinds) == ([0, 0, 1, 1], True)


def test_further_pages_of_checkpoints_are_no_looks(tmp_path: Path) -> None:
    """Nobody sees a checkpoint the sooner for them."""
    with viewed(tmp_path, checkpoints_lag=1) as (engine, logs, views):
        job = engine.create(order())
        views.checkpoints(job, after=None, limit=ALL)
        job = turned(engine, job, 30)
        (step,) = [json.loads(entry.body)["step"] for entry in logs.entries(job.id) if entry.kind == "CheckpointSaved"]
        for _ in range(2):
            views.checkpoints(job, after=Ids(seed=0).checkpoint(job.id, step), limit=ALL)
        seen = [len(views.checkpoints(job, after=None, limit=ALL).rows) for _ in range(2)]
    assert seen == [0, 1]
