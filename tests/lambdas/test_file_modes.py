"""Which file of a package may not be read, and why."""

import io
import zipfile

import pytest

from simulator.lambdas.file_modes import explain_permission_error
from tests.lambdas.zips import function_from_zip

ADVICE = (
    "data.json has the mode 0600 in the zip, so only its owner may read it, and Lambda's user is another one. Pack it "
    "with mode 0644."
)


def package(mode: int, *, system: int = 3) -> bytes:
    """Return a zip with data.json."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        entry = zipfile.ZipInfo("data.json")
        entry.external_attr = mode << 16
        entry.create_system = system
        writer.writestr(entry, "{}")
    return archive.getvalue()


@pytest.mark.parametrize(
    ("code", "message", "explanation"),
    [
        (package(0o100600), "[Errno 13] Permission denied: '/var/task/data.json'", ADVICE),
        (package(0o100644), "[Errno 13] Permission denied: '/var/task/data.json'", ""),
        (package(0o100600, system=0), "[Errno 13] Permission denied: '/var/task/data.json'", ""),
        (package(0o100600), "[Errno 13] Permission denied: '/var/task/other.json'", ""),
        (package(0o100600), "[Errno 13] Permission denied: '/etc/shadow'", ""),
        (package(0o100600), "[Errno 2] No such file or directory: '/var/task/data.json'", ""),
        (b"no zip", "[Errno 13] Permission denied: '/var/task/data.json'", ""),
    ],
)
def test_a_file_that_only_its_owner_may_read_is_named(code: bytes, message: str, explanation: str) -> None:
    """With its mode and what to do. A zip from Windows records no modes."""
    assert explain_permission_error(function_from_zip(code), message) == explanation


def test_a_file_of_a_layer_is_named() -> None:
    """The last layer with the file counts."""
    spec = function_from_zip(package(0o100644), layers=(package(0o100644), package(0o100600)))
    assert explain_permission_error(spec, "[Errno 13] Permission denied: '/opt/data.json'") == ADVICE
