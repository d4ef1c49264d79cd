"""Packages that Lambda does not unpack."""

import io
import stat
import zipfile
from pathlib import Path

import pytest

from fixtures.generators.hostile.zip_writer import ZipEntry, build_zip
from simulator.lambdas import archive
from simulator.lambdas.errors import InvalidZipFile
from simulator.lambdas.pool import EnvironmentPool
from tests.lambdas.zips import function_from_zip, zip_files


def unpack(tmp_path: Path, *, code: bytes, layers: tuple[bytes, ...] = ()) -> None:
    """Unpack into folders of the test."""
    archive.unpack(code=code, layers=layers, task_folder=tmp_path / "task", opt_folder=tmp_path / "opt")


@pytest.mark.parametrize(
    "name", ["../outside.py", "/etc/outside.py", "a/../../outside.py", "..\\outside.py", "C:\\outside.py"]
)
def test_a_path_outside_the_package_is_refused(tmp_path: Path, name: str) -> None:
    """No file is written outside the function's folder, and the message names the path."""
    with pytest.raises(InvalidZipFile, match="names a path outside the package"):
        unpack(tmp_path, code=zip_files({"fine.py": "", name: ""}))

    assert list((tmp_path / "task").iterdir()) == []


def test_a_package_that_is_not_a_zip_is_refused(tmp_path: Path) -> None:
    """Such as a tarball."""
    with pytest.raises(InvalidZipFile, match="function's zip is not a usable zip archive"):
        unpack(tmp_path, code=b"not a zip")


def test_a_damaged_zip_is_refused(tmp_path: Path) -> None:
    """By its checksum."""
    code = bytearray(zip_files({"a.py": "x = 1\n" * 100}))
    code[45] ^= 0xFF

    with pytest.raises(InvalidZipFile):
        unpack(tmp_path, code=bytes(code))


def test_a_zip_bomb_is_refused_before_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its declared size."""
    monkeypatch.setattr(archive, "MAX_UNZIPPED_BYTES", 1_000_000)

    with pytest.raises(InvalidZipFile, match=r"unzipped size must be smaller than 1000000 bytes .* declares 1200000"):
        unpack(tmp_path, code=zip_files({f"{number}.bin": bytes(400_000) for number in range(3)}))

    assert list((tmp_path / "task").iterdir()) == []


def test_a_huge_directory_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its entries are counted before Python's reader creates an object for each."""

    def open_archive(*_: object) -> None:
        pytest.fail("the directory was read")

    monkeypatch.setattr(archive, "MAX_UNZIPPED_FILES", 3)
    unpack(tmp_path, code=build_zip([ZipEntry(name=b"a")] * 3))
    monkeypatch.setattr("simulator.lambdas.archive.zipfile.ZipFile", open_archive)

    with pytest.raises(InvalidZipFile, match="holds more than 3 files and folders"):
        unpack(tmp_path, code=build_zip([ZipEntry(name=b"a")] * 4))


def test_layers_count_towards_the_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says which archive exceeds the limit."""
    monkeypatch.setattr(archive, "MAX_UNZIPPED_BYTES", 10)

    with pytest.raises(InvalidZipFile, match="zip of layer 2 is too large"):
        unpack(tmp_path, code=zip_files({"a": "12345"}), layers=(zip_files({"b": "123"}), zip_files({"c": "123"})))


def test_executables_stay_executable(tmp_path: Path) -> None:
    """As on AWS."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as package:
        tool = zipfile.ZipInfo("bin/tool")
        tool.external_attr = 0o755 << 16
        package.writestr(tool, "#!/bin/sh\n")

    unpack(tmp_path, code=code.getvalue())

    assert (tmp_path / "task/bin/tool").stat().st_mode & stat.S_IXUSR


def test_a_bad_package_uses_no_environment(pool: EnvironmentPool) -> None:
    """The pool runs other functions afterwards."""
    for _ in range(5):
        with pytest.raises(InvalidZipFile):
            pool.invoke(function_from_zip(b"junk"), b"{}")

    good = function_from_zip(zip_files({"lambda_function.py": "def lambda_handler(event, context): return 1\n"}))
    assert pool.invoke(good, b"{}").payload == b"1"
