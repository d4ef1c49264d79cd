"""Jobs: logs, projections, and the models that are stored with them."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator.store.database import Database, UnknownCursorError
from simulator.store.job_logs import JobLogStore
from simulator.store.models import ModelStore
from tests.store.rows import ACCOUNT, PROJECT, append_entry, make_entry, make_model


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty database."""
    database = Database(tmp_path / "d.sqlite")
    yield database
    database.close()


@pytest.fixture
def logs(database: Database) -> JobLogStore:
    """An empty store."""
    return JobLogStore(database)


def test_the_projection_is_that_of_the_latest_entry(logs: JobLogStore) -> None:
    """Both are written in one transaction."""
    append_entry(logs, "job", make_entry(0), make_entry(1))
    assert (logs.get_projection("job"), logs.get_projection("unknown")) == ("job after 1", None)


def test_a_log_is_returned_unchanged(logs: JobLogStore) -> None:
    """Oldest entry first; of one job only."""
    append_entry(logs, "a", make_entry(0, job="a"), make_entry(1, job="a", is_event=False), make_entry(2, job="a"))
    append_entry(logs, "b", make_entry(0, job="b"))
    assert logs.entries("a") == [make_entry(0, job="a"), make_entry(1, job="a", is_event=False), make_entry(2, job="a")]
    assert logs.entries("unknown") == []


def test_events_are_entries_with_an_event_id_newest_first(logs: JobLogStore) -> None:
    """An event of another job is not a cursor."""
    append_entry(
        logs,
        "a",
        make_entry(0, job="a"),
        make_entry(1, job="a", is_event=False),
        make_entry(2, job="a"),
        make_entry(3, job="a"),
    )
    append_entry(logs, "b", make_entry(0, job="b"))
    first = logs.events("a", after=None, limit=2)
    rest = logs.events("a", after="a-event-2", limit=2)
    assert ([row.event_id for row in first.rows], first.has_more) == (["a-event-3", "a-event-2"], True)
    assert ([row.event_id for row in rest.rows], rest.has_more) == (["a-event-0"], False)
    with pytest.raises(UnknownCursorError):
        logs.events("a", after="b-event-0", limit=2)


def test_checkpoints_are_models_with_a_checkpoint_id(database: Database, logs: JobLogStore) -> None:
    """Newest first, without the tuned model."""
    append_entry(logs, "job", make_entry(0))
    for step, ordinal in ((20, 1), (27, 2)):
        model = make_model(f"m:ckpt-step-{step}", checkpoint=f"ckpt-{step}", at=ordinal)
        append_entry(logs, "job", make_entry(ordinal), model=model)
    append_entry(logs, "job", make_entry(3), finished_at=3, model=make_model("m", at=3))
    checkpoints = logs.checkpoints("job", after=None, limit=5)
    older = logs.checkpoints("job", after="ckpt-27", limit=5)
    assert ([row.ordinal for row in checkpoints.rows], [row.ordinal for row in older.rows]) == ([2, 1], [1])
    models = ModelStore(database)
    assert models.created_models(ACCOUNT) == [("m:ckpt-step-20", 1), ("m:ckpt-step-27", 2), ("m", 3)]
    assert (models.get("m"), models.created_models("another")) == (make_model("m", at=3), [])
    with pytest.raises(UnknownCursorError):
        logs.checkpoints("unknown", after="ckpt-27", limit=5)


def test_jobs_are_listed_newest_first_and_unfinished_ones_oldest_first(logs: JobLogStore) -> None:
    """A restart resumes the oldest job first."""
    for name in ("a", "b", "c"):
        append_entry(logs, name, make_entry(0, job=name), finished_at=7 if name == "b" else None)
    listed = logs.projections_page(PROJECT, after="c", limit=1)
    assert (listed.rows, listed.has_more) == (("b after 0",), True)
    assert logs.unfinished_job_ids() == ["a", "c"]


def test_a_project_sees_its_own_jobs_only(logs: JobLogStore) -> None:
    """Those of other projects are not listed and are not cursors."""
    append_entry(logs, "a", make_entry(0, job="a"))
    append_entry(logs, "b", make_entry(0, job="b"), project="other")
    assert logs.projections_page(PROJECT, after=None, limit=5).rows == ("a after 0",)
    with pytest.raises(UnknownCursorError):
        logs.projections_page(PROJECT, after="b", limit=5)


def test_the_nth_latest_end_counts_older_jobs_only(logs: JobLogStore) -> None:
    """Ends of younger jobs do not count."""
    for name, finished_at in (("a", 50), ("b", 90), ("c", None), ("d", 70), ("e", None), ("f", 99)):
        append_entry(logs, name, make_entry(0, job=name), finished_at=finished_at)
    assert [logs.nth_latest_finish_before("e", n=back) for back in (1, 2, 3, 4)] == [90, 70, 50, None]


def test_a_failed_append_changes_nothing(logs: JobLogStore) -> None:
    """Entry, projection and model are one transaction."""
    append_entry(logs, "job", make_entry(0))
    append_entry(logs, "job", make_entry(1), projection="kept", model=make_model("m"))
    with pytest.raises(sqlite3.IntegrityError):
        append_entry(logs, "job", make_entry(2), projection="lost", finished_at=2, model=make_model("m"))
    assert (logs.get_projection("job"), len(logs.entries("job")), logs.unfinished_job_ids()) == ("kept", 2, ["job"])
