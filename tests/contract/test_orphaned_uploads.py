"""After a kill during an upload, the next start removes what is left of it."""

from pathlib import Path

from simulator.services import UPLOADS_FOLDER
from simulator.settings import Settings
from tests.simulators import database_path, simulator_in_process
from tests.training.training_files import make_training_file


def test_a_start_removes_unreferenced_uploads(tmp_path: Path) -> None:
    """Bytes without a file object, and incomplete ones. The others stay."""
    settings = Settings(data=tmp_path / "data")
    with simulator_in_process(settings) as simulator:
        file = simulator.upload(make_training_file(100))
    uploads = database_path(tmp_path / "data").parent / UPLOADS_FOLDER
    (needed,) = uploads.iterdir()
    (uploads / "incoming-abc").write_bytes(b"half")
    (uploads / ("0" * 64)).write_bytes(b"orphaned")
    with simulator_in_process(settings) as simulator:
        assert list(uploads.iterdir()) == [needed]
        assert simulator.http.get(f"/v1/files/{file}/content").content == make_training_file(100)
