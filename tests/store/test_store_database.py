"""The SQLite database: files, jobs and their logs, models; pages, transactions, and what a restart finds."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.store.database import Database, Page, StoredEntry, StoredFile, StoredModel, UnknownCursorError


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty database."""
    opened = Database(tmp_path / "d.sqlite")
    yield opened
    opened.close()


def file(ordinal: int, *, sha256: str | None = None, purpose: str = "fine-tune") -> StoredFile:
    """Return a file's description."""
    return StoredFile(
        ordinal=ordinal,
        id=f"file-{ordinal}",
        filename="train.jsonl",
        purpose=purpose,
        bytes=10,
        sha256=sha256 or f"sha-{ordinal}",
        created_at=100 + ordinal,
    )


def entry(ordinal: int, *, job: str = "job", shown: bool = True) -> StoredEntry:
    """Return a log entry."""
    return StoredEntry(
        ordinal=ordinal,
        kind="Happened",
        body=f'{{"at":{ordinal}}}',
        event_id=f"{job}-event-{ordinal}" if shown else None,
    )


def model(name: str, *, job: str = "job", checkpoint: str | None = None, at: int = 7) -> StoredModel:
    """Return a model."""
    return StoredModel(id=name, job=job, base_model="base", created_at=at, weights="{}", checkpoint_id=checkpoint)


def log(database: Database, job: str, *entries: StoredEntry, ended: bool = False) -> None:
    """Append entries to a job's log."""
    for one in entries:
        database.append(job=job, ended=ended, projection=f"{job} after {one.ordinal}", entry=one)


def names(page: Page[StoredFile]) -> tuple[list[str], bool]:
    """Return the ids on a page, and whether there are more."""
    return [row.id for row in page.rows], page.has_more


def page(
    database: Database, *, after: str | None = None, limit: int = 10, order: str = "desc", purpose: str | None = None
) -> tuple[list[str], bool]:
    """Return one page of files."""
    return names(database.files(after=after, limit=limit, order=order, purpose=purpose))


def test_files_come_newest_first_or_oldest_first(database: Database) -> None:
    """By upload order, both ways."""
    for ordinal in range(3):
        database.add_file(file(ordinal))
    assert page(database) == (["file-2", "file-1", "file-0"], False)
    assert page(database, order="asc") == (["file-0", "file-1", "file-2"], False)


def test_a_page_goes_on_after_its_cursor(database: Database) -> None:
    """`has_more` is false exactly when nothing follows."""
    for ordinal in range(4):
        database.add_file(file(ordinal))
    assert page(database, limit=2) == (["file-3", "file-2"], True)
    assert page(database, limit=2, after="file-2") == (["file-1", "file-0"], False)
    assert page(database, limit=2, after="file-0") == ([], False)
    assert page(database, limit=2, after="file-1", order="asc") == (["file-2", "file-3"], False)


def test_a_cursor_that_names_nothing_is_refused(database: Database) -> None:
    """An empty page would end a client's loop in silence."""
    with pytest.raises(UnknownCursorError, match="file-9"):
        page(database, after="file-9")


def test_a_purpose_filters_and_its_cursor_may_be_of_another(database: Database) -> None:
    """The position counts, not the kind."""
    for ordinal in range(4):
        database.add_file(file(ordinal, purpose="fine-tune" if ordinal % 2 else "other"))
    assert page(database, purpose="fine-tune") == (["file-3", "file-1"], False)
    assert page(database, purpose="fine-tune", after="file-2") == (["file-1"], False)
    assert page(database, purpose="nothing") == ([], False)


@given(count=st.integers(0, 12), limit=st.integers(1, 5), order=st.sampled_from(["asc", "desc"]))
def test_pages_put_together_are_the_list(count: int, limit: int, order: str) -> None:
    """Each element exactly once, in order, whatever the page's size."""
    database = Database(Path(":memory:"))
    try:
        for ordinal in range(count):
            database.add_file(file(ordinal))
        seen: list[str] = []
        more, after = True, None
        while more:
            rows, more = page(database, after=after, limit=limit, order=order)
            seen += rows
            after = rows[-1] if rows else None
        expected = [f"file-{ordinal}" for ordinal in range(count)]
        assert seen == (expected if order == "asc" else expected[::-1])
    finally:
        database.close()


def test_a_deleted_file_is_gone_once(database: Database) -> None:
    """The second time there is nothing to delete."""
    database.add_file(file(0))
    assert database.file("file-0") == file(0)
    assert (database.delete_file("file-0"), database.delete_file("file-0")) == (True, False)
    assert database.file("file-0") is None


def test_bytes_are_in_use_while_a_file_or_a_job_names_them(database: Database) -> None:
    """A job's data outlive the file object that it was made from."""
    database.add_file(file(0, sha256="same"))
    database.add_file(file(1, sha256="same"))
    database.append(job="job", ended=False, projection="{}", entry=entry(0), uses=["same", "other"])
    in_use = [database.in_use(sha) for sha in ("same", "other", "never")]
    database.delete_file("file-0")
    database.delete_file("file-1")
    assert (in_use, database.in_use("same")) == ([True, True, False], True)


def test_bytes_that_nobody_names_are_free(database: Database) -> None:
    """Two files of the same bytes: the first deletion frees nothing."""
    database.add_file(file(0, sha256="same"))
    database.add_file(file(1, sha256="same"))
    database.delete_file("file-0")
    after_one = database.in_use("same")
    database.delete_file("file-1")
    assert (after_one, database.in_use("same")) == (True, False)


def test_the_shas_are_those_of_files_latest_first_then_of_jobs(database: Database) -> None:
    """Each once: a prompt of a deleted file that a job was made from is still known."""
    database.append(job="job", ended=False, projection="{}", entry=entry(0), uses=["gone", "sha-0"])
    for ordinal in range(3):
        database.add_file(file(ordinal))
    assert database.shas() == ["sha-2", "sha-1", "sha-0", "gone"]


def test_a_job_is_its_latest_projection(database: Database) -> None:
    """Written in the same transaction as the entry."""
    log(database, "job", entry(0), entry(1))
    assert (database.job("job"), database.job("nobody")) == ("job after 1", None)


def test_a_log_comes_back_as_it_went_in(database: Database) -> None:
    """Oldest first; of one job only."""
    log(database, "a", entry(0, job="a"), entry(1, job="a", shown=False), entry(2, job="a"))
    log(database, "b", entry(0, job="b"))
    assert database.log("a") == [entry(0, job="a"), entry(1, job="a", shown=False), entry(2, job="a")]
    assert database.log("nobody") == []


def test_events_are_the_shown_entries_newest_first(database: Database) -> None:
    """Paged by event id, within one job: another's event is no cursor here."""
    log(database, "a", entry(0, job="a"), entry(1, job="a", shown=False), entry(2, job="a"), entry(3, job="a"))
    log(database, "b", entry(0, job="b"))
    first = database.events("a", after=None, limit=2)
    rest = database.events("a", after="a-event-2", limit=2)
    assert ([row.event_id for row in first.rows], first.has_more) == (["a-event-3", "a-event-2"], True)
    assert ([row.event_id for row in rest.rows], rest.has_more) == (["a-event-0"], False)
    with pytest.raises(UnknownCursorError):
        database.events("a", after="b-event-0", limit=2)


def test_checkpoints_are_models_that_have_an_id_of_their_own(database: Database) -> None:
    """Newest first; the tuned model itself is none."""
    log(database, "job", entry(0))
    for step, ordinal in ((20, 1), (27, 2)):
        made = model(f"m:ckpt-step-{step}", checkpoint=f"ckpt-{step}", at=ordinal)
        database.append(job="job", ended=False, projection="{}", entry=entry(ordinal), model=made)
    database.append(job="job", ended=True, projection="{}", entry=entry(3), model=model("m", at=3))
    both = database.checkpoints("job", after=None, limit=5)
    older = database.checkpoints("job", after="ckpt-27", limit=5)
    assert ([row.ordinal for row in both.rows], [row.ordinal for row in older.rows]) == ([2, 1], [1])
    assert database.models() == [("m:ckpt-step-20", 1), ("m:ckpt-step-27", 2), ("m", 3)]
    assert database.model("m") == model("m", at=3)
    with pytest.raises(UnknownCursorError):
        database.checkpoints("nobody", after="ckpt-27", limit=5)


def test_jobs_come_newest_first_and_unfinished_ones_oldest_first(database: Database) -> None:
    """As the API lists them, and as a restart takes them up again."""
    for name in ("a", "b", "c"):
        log(database, name, entry(0, job=name), ended=name == "b")
    listed = database.jobs(after="c", limit=1)
    assert (listed.rows, listed.has_more) == (("b after 0",), True)
    assert database.unfinished_jobs() == ["a", "c"]


def test_an_append_that_fails_changes_nothing(database: Database) -> None:
    """Projection, entry and model are one transaction: a second model of the same name undoes the other two."""
    log(database, "job", entry(0))
    database.append(job="job", ended=False, projection="kept", entry=entry(1), model=model("m"))
    with pytest.raises(sqlite3.IntegrityError):
        database.append(job="job", ended=True, projection="lost", entry=entry(2), model=model("m"))
    assert (database.job("job"), len(database.log("job")), database.unfinished_jobs()) == ("kept", 2, ["job"])


def test_an_ordinal_is_never_given_twice(database: Database) -> None:
    """Threads included; each name counts for itself."""
    given_out: list[int] = []

    def take() -> None:
        given_out.extend(database.next_ordinal("files") for _ in range(20))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(given_out) == list(range(80))
    assert database.next_ordinal("jobs") == 0


def test_what_is_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    """Counters go on where they stopped."""
    path = tmp_path / "d.sqlite"
    first = Database(path)
    first.next_ordinal("files")
    first.add_file(file(0))
    log(first, "job", entry(0))
    first.close()
    second = Database(path)
    try:
        assert second.next_ordinal("files") == 1
        assert second.file("file-0") == file(0)
        assert second.log("job") == [entry(0)]
    finally:
        second.close()
