"""Files: listings of a project, deletion, and which bytes are still needed."""

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
    opened = Database(tmp_path / "d.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def files(database: Database) -> FileStore:
    """No files yet."""
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
    """Return the ids on one page, and whether there are more."""
    found = files.page(project, after=after, limit=limit, order=order, purpose=purpose)
    return [row.id for row in found.rows], found.has_more


def test_files_come_newest_first_or_oldest_first(files: FileStore) -> None:
    """By upload order, both ways."""
    for ordinal in range(3):
        files.add(make_file(ordinal))
    assert page(files) == (["file-2", "file-1", "file-0"], False)
    assert page(files, order="asc") == (["file-0", "file-1", "file-2"], False)


def test_a_page_goes_on_after_its_cursor(files: FileStore) -> None:
    """`has_more` is false exactly when nothing follows."""
    for ordinal in range(4):
        files.add(make_file(ordinal))
    assert page(files, limit=2) == (["file-3", "file-2"], True)
    assert page(files, limit=2, after="file-2") == (["file-1", "file-0"], False)
    assert page(files, limit=2, after="file-0") == ([], False)
    assert page(files, limit=2, after="file-1", order="asc") == (["file-2", "file-3"], False)


def test_a_cursor_that_names_nothing_is_refused(files: FileStore) -> None:
    """An empty page would end a client's loop in silence."""
    with pytest.raises(UnknownCursorError, match="file-9"):
        page(files, after="file-9")


def test_a_purpose_filters_and_its_cursor_may_be_of_another(files: FileStore) -> None:
    """The position counts, not the kind."""
    for ordinal in range(4):
        files.add(make_file(ordinal, purpose="fine-tune" if ordinal % 2 else "other"))
    assert page(files, purpose="fine-tune") == (["file-3", "file-1"], False)
    assert page(files, purpose="fine-tune", after="file-2") == (["file-1"], False)
    assert page(files, purpose="nothing") == ([], False)


def test_a_project_has_its_own_files_only(files: FileStore) -> None:
    """Another's are neither listed nor found nor deleted, and are no cursor."""
    files.add(make_file(0))
    files.add(make_file(1, project="other"))
    assert (page(files), page(files, project="other")) == ((["file-0"], False), (["file-1"], False))
    assert (files.get(PROJECT, "file-1"), files.delete(PROJECT, "file-1")) == (None, False)
    with pytest.raises(UnknownCursorError):
        page(files, after="file-1")


@given(count=st.integers(0, 12), limit=st.integers(1, 5), order=st.sampled_from(["asc", "desc"]))
def test_pages_put_together_are_the_list(count: int, limit: int, order: str) -> None:
    """Each element exactly once, in order, whatever the page's size."""
    database = Database(Path(":memory:"))
    files = FileStore(database)
    try:
        for ordinal in range(count):
            files.add(make_file(ordinal))
        seen: list[str] = []
        more, after = True, None
        while more:
            rows, more = page(files, after=after, limit=limit, order=order)
            seen += rows
            after = rows[-1] if rows else None
        expected = [f"file-{ordinal}" for ordinal in range(count)]
        assert seen == (expected if order == "asc" else expected[::-1])
    finally:
        database.close()


def test_a_deleted_file_is_gone_once(files: FileStore) -> None:
    """The second time there is nothing to delete."""
    files.add(make_file(0))
    assert files.get(PROJECT, "file-0") == make_file(0)
    assert (files.delete(PROJECT, "file-0"), files.delete(PROJECT, "file-0")) == (True, False)
    assert files.get(PROJECT, "file-0") is None


def test_bytes_are_in_use_while_a_file_or_a_job_names_them(database: Database, files: FileStore) -> None:
    """A job's data outlive the file object that it was made from."""
    files.add(make_file(0, sha256="same"))
    files.add(make_file(1, sha256="same", project="other"))
    uses = ["same", "other"]
    JobLogStore(database).append(
        job="job", project=PROJECT, at=0, finished_at=None, projection="{}", entry=make_entry(0), used_sha256s=uses
    )
    in_use = [files.is_referenced(sha) for sha in ("same", "other", "never")]
    files.delete(PROJECT, "file-0")
    files.delete("other", "file-1")
    assert (in_use, files.is_referenced("same")) == ([True, True, False], True)


def test_bytes_that_nobody_names_are_free(files: FileStore) -> None:
    """Two files of the same bytes, in two projects: the first deletion frees nothing."""
    files.add(make_file(0, sha256="same"))
    files.add(make_file(1, sha256="same", project="other"))
    files.delete(PROJECT, "file-0")
    after_one = files.is_referenced("same")
    files.delete("other", "file-1")
    assert (after_one, files.is_referenced("same")) == (True, False)


def test_the_shas_are_those_of_files_latest_first_then_of_jobs(database: Database, files: FileStore) -> None:
    """Each once: a prompt of a deleted file that a job was made from is still known."""
    uses = ["gone", "sha-0"]
    JobLogStore(database).append(
        job="job", project=PROJECT, at=0, finished_at=None, projection="{}", entry=make_entry(0), used_sha256s=uses
    )
    for ordinal in range(3):
        files.add(make_file(ordinal))
    assert files.all_sha256s() == ["sha-2", "sha-1", "sha-0", "gone"]


def test_the_generation_is_another_one_after_files_came_or_went(files: FileStore) -> None:
    """So whoever keeps something made of all files need not list them to know that it is stale."""
    seen = [files.generation]
    files.add(make_file(0))
    seen.append(files.generation)
    files.delete(PROJECT, "file-0")
    seen.append(files.generation)
    assert len(set(seen)) == 3
