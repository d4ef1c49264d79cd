"""The data folder: whose it is, what it may hold, and what is left of those who were killed."""

import json
import tempfile
from pathlib import Path

import pytest

from simulator.store.data_folder import DataFolder, DataFolderError


@pytest.fixture
def folder_with_state(tmp_path: Path) -> Path:
    """A data folder that holds a state."""
    folder = DataFolder(tmp_path / "data")
    state = folder.create_state_folder()
    (state / "content").write_text("kept")
    folder.activate(state)
    folder.close()
    return tmp_path / "data"


@pytest.fixture
def temporary_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


def list_content(folder: Path) -> dict[str, bytes]:
    """Return all that lies in a folder, but for the lock."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def open_error(folder: Path) -> str:
    """Return why a folder cannot be used; it is as it was."""
    before = list_content(folder)
    with pytest.raises(DataFolderError) as refused:
        DataFolder(folder)
    assert list_content(folder) == before
    return str(refused.value)


def test_a_new_folder_holds_no_state_until_one_is_kept(tmp_path: Path) -> None:
    """A kill before that leaves nothing behind."""
    first = DataFolder(tmp_path / "data")
    assert first.state_folder is None
    (first.create_state_folder() / "half").write_text("made")
    first.close()
    second = DataFolder(tmp_path / "data")
    assert second.state_folder is None
    assert list(list_content(tmp_path / "data")) == ["simulator.json"]
    second.close()


def test_the_state_that_was_kept_is_found_again(folder_with_state: Path) -> None:
    """With what is in it."""
    folder = DataFolder(folder_with_state)
    assert folder.state_folder
    assert (folder.state_folder / "content").read_text() == "kept"
    folder.close()


@pytest.mark.parametrize(("told", "then"), [(False, {"content": b"kept"}), (True, {"content": b"new"})])
def test_another_state_counts_from_when_it_is_kept(folder_with_state: Path, told: bool, then: dict[str, bytes]) -> None:
    """Whenever it is killed: the one or the other, and nothing of the other is left."""
    folder = DataFolder(folder_with_state)
    fresh = folder.create_state_folder()
    (fresh / "content").write_text("new")
    if told:
        folder.activate(fresh)
    folder.close()
    again = DataFolder(folder_with_state)
    assert again.state_folder
    assert list_content(again.state_folder) == then
    assert len(list(folder_with_state.glob("state-*"))) == 1
    again.close()


def test_a_folder_has_one_simulator_at_a_time(folder_with_state: Path) -> None:
    """The second one is refused as long as the first has it."""
    first = DataFolder(folder_with_state)
    said = open_error(folder_with_state)
    first.close()
    DataFolder(folder_with_state).close()
    assert said == f"{folder_with_state} is in use by another simulator. Stop it, or choose another folder."


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
def test_a_folder_that_cannot_be_read_is_told_of_and_left_as_it_is(
    folder_with_state: Path, manifest: str, why: str
) -> None:
    """Newer, older, damaged."""
    (folder_with_state / "simulator.json").write_text(manifest)
    assert open_error(folder_with_state) == (
        f"{folder_with_state} cannot be used: {why}. It is unchanged; choose another folder with --data."
    )


@pytest.mark.parametrize("name", ["state-1", "state-old", "thesis", "lock.txt"])
def test_a_folder_of_somebody_elses_is_refused_and_nothing_in_it_is_touched(tmp_path: Path, name: str) -> None:
    """Whatever its files are called; no lock is put there either."""
    (tmp_path / name).mkdir()
    (tmp_path / name / "a").write_text("theirs")
    assert "it is not empty and not a simulator's: it has no simulator.json" in open_error(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_that_has_lost_its_manifest_is_left_as_it_is(folder_with_state: Path) -> None:
    """What it held is there, for whoever writes the manifest anew."""
    (folder_with_state / "simulator.json").unlink()
    assert "it has no simulator.json" in open_error(folder_with_state)


def test_a_copy_that_somebody_keeps_in_the_folder_stays(folder_with_state: Path) -> None:
    """Only names that a simulator gives are swept."""
    (folder_with_state / "state-1-before").mkdir()
    DataFolder(folder_with_state).close()
    assert (folder_with_state / "state-1-before").is_dir()


def test_a_folder_of_the_format_before_has_no_manifest(tmp_path: Path) -> None:
    """It is known by its database."""
    (tmp_path / "simulator.sqlite").write_bytes(b"whatever it holds")
    assert "an older version wrote it (format 2, this is 3)" in open_error(tmp_path)


def test_a_folder_that_cannot_be_made_is_told_of(tmp_path: Path) -> None:
    """A file has its name."""
    (tmp_path / "data").write_text("no folder")
    with pytest.raises(
        DataFolderError, match=r"data cannot be used: File exists\. Choose another folder with --data\."
    ):
        DataFolder(tmp_path / "data")


def test_what_is_kept_is_its_owners_alone(folder_with_state: Path) -> None:
    """Functions may hold secrets of their users."""
    assert [path.stat().st_mode & 0o077 for path in (folder_with_state, *folder_with_state.glob("state-*"))] == [0, 0]


def test_a_temporary_folder_is_gone_when_it_is_closed(temporary_root: Path) -> None:
    """With all that was made in it."""
    folder = DataFolder(None)
    (folder.create_state_folder() / "content").write_text("for a while")
    folder.close()
    assert list(temporary_root.iterdir()) == []


def test_temporary_folders_of_simulators_that_were_killed_are_removed_by_the_next(temporary_root: Path) -> None:
    """Not those of simulators that run, and nothing that is not ours."""
    left = temporary_root / "rft-sim-left"
    left.mkdir()
    (left / "lock").write_text("")
    (temporary_root / "rft-sim-other").mkdir()
    (temporary_root / "somebody").mkdir()
    running = DataFolder(None)
    another = DataFolder(None)
    there = {path.name for path in temporary_root.iterdir()}
    assert there >= {"rft-sim-other", "somebody"}
    assert "rft-sim-left" not in there
    assert len(there) == 4
    another.close()
    running.close()


def test_the_manifest_is_json_that_a_person_can_read(folder_with_state: Path) -> None:
    """The format, and where the state is."""
    assert json.loads((folder_with_state / "simulator.json").read_text()) == {"format": 3, "state": "state-1"}
