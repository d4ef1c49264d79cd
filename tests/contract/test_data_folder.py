"""A simulator on a data folder: damaged data, a full disk, and a second simulator."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from simulator.settings import Pace, Settings
from simulator.store.data_folder import DataFolderError
from tests.full_disk import limit_file_size
from tests.simulators import RunningSimulator, simulator_in_process
from tests.training.training_files import make_training_file


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a file and a job."""
    with simulator_in_process(Settings(data=tmp_path / "data")) as simulator:
        simulator.run_job(make_training_file(100))
    return tmp_path / "data"


def folder_content(folder: Path) -> dict[str, bytes]:
    """Return the content of a folder, except for SQLite's temporary files and the lock."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    passing = ("lock", "simulator.sqlite-shm", "simulator.sqlite-wal")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if path.name not in passing}


def damage_header(state: Path) -> None:
    """Overwrite the first bytes of the database."""
    with (state / "simulator.sqlite").open("r+b") as database:
        database.write(b"no database any more")


def damage_page(state: Path) -> None:
    """Overwrite a page in the middle of the database."""
    with (state / "simulator.sqlite").open("r+b") as database:
        database.seek(5 * 4096)
        database.write(b"\xff" * 4096)


def truncate_database(state: Path) -> None:
    """Cut the database in half."""
    path = state / "simulator.sqlite"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty_database(state: Path) -> None:
    """Make the database empty."""
    (state / "simulator.sqlite").write_bytes(b"")


def remove_database(state: Path) -> None:
    """Remove the database."""
    (state / "simulator.sqlite").unlink()


def set_newer_version(state: Path) -> None:
    """Set another format version."""
    with sqlite3.connect(state / "simulator.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()


def remove_upload(state: Path) -> None:
    """Remove the bytes of the file."""
    (upload,) = (state / "uploads").iterdir()
    upload.unlink()


def change_upload(state: Path) -> None:
    """Change one byte of the file."""
    (upload,) = (state / "uploads").iterdir()
    content = upload.read_bytes()
    upload.write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])


def replace_tables(state: Path) -> None:
    """Rename a column."""
    with closing(sqlite3.connect(state / "simulator.sqlite")) as connection:
        connection.execute("ALTER TABLE files RENAME COLUMN filename TO filenam")


def corrupt_text(state: Path) -> None:
    """Write bytes in place of a text."""
    with closing(sqlite3.connect(state / "simulator.sqlite")) as connection, connection:
        connection.execute("UPDATE files SET sha256 = CAST(x'ff' AS TEXT)")


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (damage_header, r"simulator\.sqlite is damaged \(file is not a database\)"),
        (damage_page, r"simulator\.sqlite is damaged \(.+\)"),
        (truncate_database, r"simulator\.sqlite is damaged \(.+\)"),
        (empty_database, r"simulator\.sqlite is of format 0, and this version reads 3"),
        (remove_database, r"simulator\.sqlite is damaged \(unable to open database file\)"),
        (set_newer_version, r"simulator\.sqlite is of format 99, and this version reads 3"),
        (remove_upload, r"it is damaged: the uploaded file uploads/[0-9a-f]{64} is missing"),
        (
            change_upload,
            r"it is damaged: the uploaded file uploads/[0-9a-f]{64} has changed since it was written",
        ),
        (replace_tables, r"simulator\.sqlite is damaged \(its tables are not those of format 3\)"),
        (corrupt_text, r"the data folder is damaged: a text in it is not UTF-8"),
    ],
)
def test_a_damaged_folder_is_reported_and_left_unchanged(data: Path, harm: Callable[[Path], None], why: str) -> None:
    """One line that names it, so that a user can repair it."""
    (state,) = data.glob("state-*")
    harm(state)
    before = folder_content(data)
    with pytest.raises(DataFolderError, match=rf"{state} cannot be used: {why}\. It is unchanged"):
        simulator_in_process(Settings(data=data)).__enter__()
    assert folder_content(data) == before


def damage_table(state: Path, table: str) -> None:
    """Overwrite the first page of a table."""
    with closing(sqlite3.connect(state / "simulator.sqlite")) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with (state / "simulator.sqlite").open("r+b") as database:
        database.seek((page - 1) * size)
        database.write(b"\xff" * size)


def test_later_damage_is_reported_by_the_request_that_reads_it(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large database is not read completely at the start."""
    monkeypatch.setattr("simulator.store.database._MAX_CHECKED_BYTES", 0)
    (state,) = data.glob("state-*")
    damage_table(state, "log")
    with simulator_in_process(Settings(data=data)) as simulator:
        (job,) = simulator.http.get("/v1/fine_tuning/jobs").json()["data"]
        answer = simulator.http.get(f"/v1/fine_tuning/jobs/{job['id']}/events")
    assert answer.status_code == 500
    assert answer.headers["x-simulator-hint"].startswith("the data folder is damaged: ")


def test_damage_that_the_start_reads_ends_the_start(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As any other damage does."""
    monkeypatch.setattr("simulator.store.database._MAX_CHECKED_BYTES", 0)
    (state,) = data.glob("state-*")
    damage_table(state, "counters")
    with pytest.raises(DataFolderError, match=r"cannot be used: the data folder is damaged: .+\. It is unchanged"):
        simulator_in_process(Settings(data=data)).__enter__()


def test_a_full_disk_fails_only_the_upload(data: Path) -> None:
    """Nothing of it is left. It succeeds when there is space again."""
    with simulator_in_process(Settings(data=data)) as simulator:
        before = simulator.http.get("/v1/files").json()
        form = {"data": {"purpose": "fine-tune"}, "files": {"file": ("train.jsonl", make_training_file(200))}}
        with limit_file_size(10_000):
            refused = simulator.http.post("/v1/files", **form)  # type: ignore[arg-type]  # keywords by name
            during = simulator.http.get("/v1/files").json()
        (uploads,) = data.glob("state-*/uploads")
        left = len(list(uploads.iterdir()))
        accepted = simulator.http.post("/v1/files", **form)  # type: ignore[arg-type]  # as above
    assert (refused.status_code, refused.json()["error"]["code"]) == (507, "insufficient_storage")
    assert "free some space and retry" in refused.headers["x-simulator-hint"]
    assert (during, left, accepted.status_code) == (before, 1, 200)


def test_a_full_disk_fails_only_the_new_job(data: Path) -> None:
    """Existing resources can still be read."""
    with simulator_in_process(Settings(data=data)) as simulator:
        (file,) = simulator.http.get("/v1/files").json()["data"]
        jobs = simulator.http.get("/v1/fine_tuning/jobs").json()
        body = {"model": "openai.gpt-oss-20b", "training_file": file["id"], "method": requested_method(jobs)}
        with limit_file_size(1):
            refused = simulator.http.post("/v1/fine_tuning/jobs", json=body)
            assert simulator.http.get("/v1/fine_tuning/jobs").json() == jobs
        accepted = simulator.http.post("/v1/fine_tuning/jobs", json=body)
    assert (refused.status_code, accepted.status_code) == (507, 200)


def requested_method(jobs: object) -> object:
    """Return the method of the only job in a list."""
    assert isinstance(jobs, dict)
    (job,) = jobs["data"]
    return job["method"]


def test_a_job_waits_while_the_disk_is_full(tmp_path: Path) -> None:
    """Then it continues where it was."""
    settings = Settings(data=tmp_path / "data", pace=Pace.POLL)
    with simulator_in_process(settings) as simulator:
        job = simulator.create_job(simulator.upload(make_training_file(100)))["id"]
        with limit_file_size(1):
            during = [simulator.retrieve_job(job)["status"] for _ in range(3)]
        after = [simulator.retrieve_job(job)["status"] for _ in range(4)]
    assert during == ["validating_files"] * 3
    assert after == ["validating_files", "validating_files", "queued", "failed"]


def test_a_second_simulator_on_the_folder_is_refused(data: Path) -> None:
    """While the first one runs."""

    def open_another() -> None:
        simulator_in_process(Settings(data=data)).__enter__()

    with (
        simulator_in_process(Settings(data=data)),
        pytest.raises(DataFolderError, match="is in use by another simulator"),
    ):
        open_another()
    with simulator_in_process(Settings(data=data)) as simulator:
        assert isinstance(simulator, RunningSimulator)
