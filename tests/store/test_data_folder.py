"""The data folder: its lock, its manifest, its state folders, and what a kill leaves."""

import json
import tempfile
from pathlib import Path

import pytest

from simulator.store.data_folder import DataFolder, DataFolderError


@pytest.fixture
def folder_with_state(tmp_path: Path) -> Path:
    """A data folder with a state."""
    folder = DataFolder(tmp_path / "data")
    state = folder.create_state_folder()
    (state / "content").write_text("kept")
    folder.activate(state)
    folder.close()
    return tmp_path / "data"


@pytest.fixture
def temporary_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary folders."""
    root = tmp_path / "temporary"
    root.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(root))
    return root


def list_content(folder: Path) -> dict[str, bytes]:
    """Return all paths in a folder except the lock."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def open_error(folder: Path) -> str:
    """Return why a folder cannot be used, and check that it is unchanged."""
    before = list_content(folder)
    with pytest.raises(DataFolderError) as exc_info:
        DataFolder(folder)
    assert list_content(folder) == before
    return str(exc_info.value)


def test_a_new_folder_has_no_state_before_activate(tmp_path: Path) -> None:
    """A kill before that leaves nothing."""
    first = DataFolder(tmp_path / "data")
    assert first.state_folder is None
    (first.create_state_folder() / "half").write_text("made")
    first.close()
    second = DataFolder(tmp_path / "data")
    assert second.state_folder is None
    assert list(list_content(tmp_path / "data")) == ["simulator.json"]
    second.close()


def test_an_active_state_is_found_after_a_restart(folder_with_state: Path) -> None:
    """With its contents."""
    folder = DataFolder(folder_with_state)
    assert folder.state_folder
    assert (folder.state_folder / "content").read_text() == "kept"
    folder.close()


@pytest.mark.parametrize(("activated", "contents"), [(False, {"content": b"kept"}), (True, {"content": b"new"})])
def test_a_new_state_replaces_the_old_one_at_activate(
    folder_with_state: Path, activated: bool, contents: dict[str, bytes]
) -> None:
    """A kill leaves one of the two, completely."""
    folder = DataFolder(folder_with_state)
    fresh = folder.create_state_folder()
    (fresh / "content").write_text("new")
    if activated:
        folder.activate(fresh)
    folder.close()
    again = DataFolder(folder_with_state)
    assert again.state_folder
    assert list_content(again.state_folder) == contents
    assert len(list(folder_with_state.glob("state-*"))) == 1
    again.close()


def test_a_folder_is_used_by_one_simulator_at_a_time(folder_with_state: Path) -> None:
    """The second one is refused until the first closes it."""
    first = DataFolder(folder_with_state)
    message = open_error(folder_with_state)
    first.close()
    DataFolder(folder_with_state).close()
    assert message == f"{folder_with_state} is in use by another simulator. Stop it, or choose another folder."


@pytest.mark.parametrize(
    ("manifest", "why"),
    [
        ('{"format": 4, "state": "state-1"}', "a newer version wrote it (format 4, this is 3)"),
        ('{"format": 1, "state": "state-1"}', "an older version wrote it (format 1, this is 3)"),
        ('{"format": 3, "state": "state-7"}', "it is damaged: there is no folder 'state-7' in it"),
        ('{"format": 3, "state": "../elsewhere"}', "it is damaged: there is no folder '../elsewhere' in it"),
        ('{"format": 3}', "it is damaged: simulator.json names no state"),
        ('{"format": "three", "state": "state-1"}', "it is damaged: simulator.json names no state"),
        ("[]", "it is damaged: simulator.json names no state"),
        ('{"form', "it is damaged: simulator.json names no state"),
        ("", "it is damaged: simulator.json names no state"),
    ],
)
def test_an_unreadable_folder_is_reported_and_unchanged(folder_with_state: Path, manifest: str, why: str) -> None:
    """Newer, older or damaged."""
    (folder_with_state / "simulator.json").write_text(manifest)
    assert open_error(folder_with_state) == (
        f"{folder_with_state} cannot be used: {why}. It is unchanged; choose another folder with --data."
    )


@pytest.mark.parametrize("name", ["state-1", "state-old", "thesis", "lock.txt"])
def test_a_folder_of_another_program_is_refused_and_unchanged(tmp_path: Path, name: str) -> None:
    """With any file names; it gets no lock file."""
    (tmp_path / name).mkdir()
    (tmp_path / name / "a").write_text("theirs")
    assert "it is not empty and not a simulator's: it has no simulator.json" in open_error(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_without_its_manifest_is_unchanged(folder_with_state: Path) -> None:
    """A user can restore the manifest."""
    (folder_with_state / "simulator.json").unlink()
    assert "it has no simulator.json" in open_error(folder_with_state)


def test_a_users_copy_of_a_state_folder_stays(folder_with_state: Path) -> None:
    """Only the simulator's own names are removed."""
    (folder_with_state / "state-1-before").mkdir()
    DataFolder(folder_with_state).close()
    assert (folder_with_state / "state-1-before").is_dir()


def test_a_folder_of_format_2_is_recognized_by_its_database(tmp_path: Path) -> None:
    """It has no manifest."""
    (tmp_path / "simulator.sqlite").write_bytes(b"whatever it holds")
    assert "an older version wrote it (format 2, this is 3)" in open_error(tmp_path)


def test_a_folder_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    """A file has its name."""
    (tmp_path / "data").write_text("no folder")
    with pytest.raises(
        DataFolderError, match=r"data cannot be used: File exists\. Choose another folder with --data\."
    ):
        DataFolder(tmp_path / "data")


def test_only_the_owner_can_read_the_folder(folder_with_state: Path) -> None:
    """Lambda functions may hold secrets."""
    assert [path.stat().st_mode & 0o077 for path in (folder_with_state, *folder_with_state.glob("state-*"))] == [0, 0]


def test_close_removes_a_temporary_folder(temporary_root: Path) -> None:
    """With its contents."""
    folder = DataFolder(None)
    (folder.create_state_folder() / "content").write_text("for a while")
    folder.close()
    assert list(temporary_root.iterdir()) == []


def test_temporary_folders_of_killed_simulators_are_removed(temporary_root: Path) -> None:
    """Those of running simulators and of other programs stay."""
    remaining = temporary_root / "rft-sim-left"
    remaining.mkdir()
    (remaining / "lock").write_text("")
    (temporary_root / "rft-sim-other").mkdir()
    (temporary_root / "other-program").mkdir()
    running = DataFolder(None)
    another = DataFolder(None)
    names = {path.name for path in temporary_root.iterdir()}
    assert names >= {"rft-sim-other", "other-program"}
    assert "rft-sim-left" not in names
    assert len(names) == 4
    another.close()
    running.close()


def test_the_manifest_is_readable_json(folder_with_state: Path) -> None:
    """The format and the state folder."""
    assert json.loads((folder_with_state / "simulator.json").read_text()) == {"format": 3, "state": "state-1"}
