"""What a simulator that was killed in mid-upload left behind: the next start removes it."""

from pathlib import Path

from simulator.services import UPLOADS_FOLDER
from simulator.settings import Settings
from tests.simulators import database_path, simulator_in_process
from tests.training.training_files import make_training_file


def test_a_start_removes_what_nothing_that_was_kept_needs(tmp_path: Path) -> None:
    """The bytes of an upload without a name, and those that were never written down; the others stay."""
    settings = Settings(data=tmp_path / "data")
    with simulator_in_process(settings) as world:
        file = world.upload(make_training_file(100))
    uploads = database_path(tmp_path / "data").parent / UPLOADS_FOLDER
    (needed,) = uploads.iterdir()
    (uploads / "incoming-abc").write_bytes(b"half")
    (uploads / ("0" * 64)).write_bytes(b"orphaned")
    with simulator_in_process(settings) as world:
        assert list(uploads.iterdir()) == [needed]
        assert world.http.get(f"/v1/files/{file}/content").content == make_training_file(100)
