"""Files: listings of a project, deletion, and referenced blobs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.store.database import Database, UnknownCursorError
from simulator.store.files import FileStore
from simulator.store.job_logs import JobLogStore
from tests.store.rows import PROJECT, make_entry, make_file


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty database."""
    database = Database(tmp_path / "d.sqlite")
    yield database
    database.close()


@pytest.fixture
def files(database: Database) -> FileStore:
    """A store without files."""
    return FileStore(database)


def page(
    files: FileStore,
    *,
    project: str = PROJECT,
    after: str | None = None,
    limit: int = 10,
    order: str = "desc",
    purpose: str | None = None,
) -> tuple[list[str], bool]:
    """Return the ids of a page, and whether there are more."""
    result = files.page(project, after=after, limit=limit, order=order, purpose=purpose)
    return [row.id for row in result.rows], result.has_more


def test_files_are_listed_in_both_orders(files: FileStore) -> None:
    """The order is the order of upload."""
    for ordinal in range(3):
        files.add(make_file(ordinal))
    assert page(files) == (["file-2", "file-1", "file-0"], False)
    assert page(files, order="asc") == (["file-0", "file-1", "file-2"], False)


def test_a_page_starts_after_its_cursor(files: FileStore) -> None:
    """`has_more` is false exactly at the end."""
    for ordinal in range(4):
        files.add(make_file(ordinal))
    assert page(files, limit=2) == (["file-3", "file-2"], True)
    assert page(files, limit=2, after="file-2") == (["file-1", "file-0"], False)
    assert page(files, limit=2, after="file-0") == ([], False)
    assert page(files, limit=2, after="file-1", order="asc") == (["file-2", "file-3"], False)


def test_an_unknown_cursor_is_refused(files: FileStore) -> None:
    """An empty page would silently end a client's loop."""
    with pytest.raises(UnknownCursorError, match="file-9"):
        page(files, after="file-9")


def test_the_filter_by_purpose_does_not_apply_to_the_cursor(files: FileStore) -> None:
    """The page starts after the position of the cursor."""
    for ordinal in range(4):
        files.add(make_file(ordinal, purpose="fine-tune" if ordinal % 2 else "other"))
    assert page(files, purpose="fine-tune") == (["file-3", "file-1"], False)
    assert page(files, purpose="fine-tune", after="file-2") == (["file-1"], False)
    assert page(files, purpose="nothing") == ([], False)


def test_a_project_sees_its_own_files_only(files: FileStore) -> None:
    """A file of another project is not listed or found. It cannot be deleted or used as a cursor."""
    files.add(make_file(0))
    files.add(make_file(1, project="other"))
    assert (page(files), page(files, project="other")) == ((["file-0"], False), (["file-1"], False))
    assert (files.get(PROJECT, "file-1"), files.delete(PROJECT, "file-1")) == (None, False)
    with pytest.raises(UnknownCursorError):
        page(files, after="file-1")


@pytest.mark.slow
@given(count=st.integers(0, 12), limit=st.integers(1, 5), order=st.sampled_from(["asc", "desc"]))
def test_pages_cover_the_list(count: int, limit: int, order: str) -> None:
    """With any page size, each file is listed once, in order."""
    database = Database(Path(":memory:"))
    files = FileStore(database)
    try:
        for ordinal in range(count):
            files.add(make_file(ordinal))
        ids: list[str] = []
        more, after = True, None
        while more:
            rows, more = page(files, after=after, limit=limit, order=order)
            ids += rows
            after = rows[-1] if rows else None
        expected = [f"file-{ordinal}" for ordinal in range(count)]
        assert ids == (expected if order == "asc" else expected[::-1])
    finally:
        database.close()


def test_a_file_can_be_deleted_once(files: FileStore) -> None:
    """The second deletion returns False."""
    files.add(make_file(0))
    assert files.get(PROJECT, "file-0") == make_file(0)
    assert (files.delete(PROJECT, "file-0"), files.delete(PROJECT, "file-0")) == (True, False)
    assert files.get(PROJECT, "file-0") is None


def test_a_blob_is_referenced_by_files_and_jobs(database: Database, files: FileStore) -> None:
    """The data of a job stays after the file object is deleted."""
    files.add(make_file(0, sha256="same"))
    files.add(make_file(1, sha256="same", project="other"))
    job_hashes = ["same", "other"]
    JobLogStore(database).append(
        job="job",
        project=PROJECT,
        at=0,
        finished_at=None,
        projection="{}",
        entry=make_entry(0),
        used_sha256s=job_hashes,
    )
    in_use = [files.is_referenced(sha) for sha in ("same", "other", "never")]
    files.delete(PROJECT, "file-0")
    files.delete("other", "file-1")
    assert (in_use, files.is_referenced("same")) == ([True, True, False], True)


def test_a_blob_is_referenced_until_its_last_file_is_deleted(files: FileStore) -> None:
    """Two files in two projects have the same bytes."""
    files.add(make_file(0, sha256="same"))
    files.add(make_file(1, sha256="same", project="other"))
    files.delete(PROJECT, "file-0")
    is_referenced_by_second_file = files.is_referenced("same")
    files.delete("other", "file-1")
    assert (is_referenced_by_second_file, files.is_referenced("same")) == (True, False)


def test_hashes_of_files_come_before_hashes_of_jobs(database: Database, files: FileStore) -> None:
    """Files are listed by latest upload. Each hash is listed once. A deleted file of a job is still listed."""
    job_hashes = ["gone", "sha-0"]
    JobLogStore(database).append(
        job="job",
        project=PROJECT,
        at=0,
        finished_at=None,
        projection="{}",
        entry=make_entry(0),
        used_sha256s=job_hashes,
    )
    for ordinal in range(3):
        files.add(make_file(ordinal))
    assert files.all_sha256s() == ["sha-2", "sha-1", "sha-0", "gone"]


def test_the_generation_changes_with_files(files: FileStore) -> None:
    """A cache of all files compares the generation to detect a change without a query."""
    generations = [files.generation]
    files.add(make_file(0))
    generations.append(files.generation)
    files.delete(PROJECT, "file-0")
    generations.append(files.generation)
    assert len(set(generations)) == 3
