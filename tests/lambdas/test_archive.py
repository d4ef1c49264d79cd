"""Packages that Lambda does not unpack."""

import re
import stat
from pathlib import Path

import pytest

from fixtures.generators.hostile.zip_writer import ZipEntry, build_zip
from simulator.lambdas import archive
from simulator.lambdas.errors import InvalidZipFile
from simulator.lambdas.pool import EnvironmentPool
from tests.lambdas.zips import function_from_zip, zip_entries, zip_files


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


@pytest.mark.parametrize(
    ("recorded", "unpacked", "for_owner"),
    [
        (0o644, 0o644, 0o644),
        (0o755, 0o755, 0o755),
        (0o600, 0o600, 0o200),  # whoever reads it as the owner may not read it either
        (0o750, 0o750, 0o250),
        (0o444, 0o444, 0o444),
    ],
    ids=oct,
)
def test_a_file_keeps_its_mode(tmp_path: Path, recorded: int, unpacked: int, for_owner: int) -> None:
    """For an owner who plays Lambda's user, what others may not do is taken away."""
    code = zip_entries(("bin/tool", 0o100000 | recorded, "#!/bin/sh\n"))
    unpack(tmp_path, code=code)
    folders = {"task_folder": tmp_path / "owned", "opt_folder": tmp_path / "opt"}
    archive.unpack(code=code, layers=(), **folders, for_owner=True)

    modes = [stat.S_IMODE((tmp_path / folder / "bin/tool").stat().st_mode) for folder in ("task", "owned")]

    assert modes == [unpacked, for_owner]


def test_a_file_of_an_archive_without_modes_can_be_read(tmp_path: Path) -> None:
    """Such as one from Windows."""
    unpack(tmp_path, code=build_zip([ZipEntry(name=b"a.py")]))

    assert stat.S_IMODE((tmp_path / "task/a.py").stat().st_mode) == 0o644


def test_links_inside_the_package_stay_links(tmp_path: Path) -> None:
    """As libraries have them."""
    unpack(
        tmp_path,
        code=zip_entries(
            ("lib/libx.so.1", 0o100644, "x"), ("lib/libx.so", 0o120777, "libx.so.1"), ("so", 0o120777, "lib")
        ),
    )

    task = tmp_path / "task"
    assert [str((task / name).readlink()) for name in ("lib/libx.so", "so")] == ["libx.so.1", "lib"]
    assert (task / "so/libx.so").read_text() == "x"


@pytest.mark.parametrize(
    "links",
    [
        {"a": "/etc/passwd"},
        {"a": "../a"},
        {"a/b": "../../c"},
        {"here": ".", "out": "here/../secret"},
        {"down": "a/b", "out": "down/../../../secret"},
    ],
)
def test_a_link_out_of_the_package_is_refused_at_the_upload(links: dict[str, str]) -> None:
    """Where a link leads is followed through the other links."""
    code = zip_entries(*((name, 0o120777, target) for name, target in links.items()))

    assert re.search(r"the symbolic link '\S+' leads out of the package", archive.check_upload(code) or "")


@pytest.mark.parametrize("bits", [stat.S_ISUID, stat.S_ISGID])
def test_a_file_that_changes_the_user_is_refused(bits: int) -> None:
    """Folders may have the bit: some file systems set it for every folder."""
    file, folder = (zip_entries((name, kind | bits | 0o755, "")) for name, kind in (("a", 0o100000), ("a/", 0o040000)))

    assert "holds a file with a set-user-id or set-group-id bit: 'a'." in (archive.check_upload(file) or "")
    assert archive.check_upload(folder) is None


def test_a_bad_package_uses_no_environment(pool: EnvironmentPool) -> None:
    """The pool runs other functions afterwards."""
    for _ in range(5):
        with pytest.raises(InvalidZipFile):
            pool.invoke(function_from_zip(b"junk"), b"{}")

    good = function_from_zip(zip_files({"lambda_function.py": "def lambda_handler(event, context): return 1\n"}))
    assert pool.invoke(good, b"{}").payload == b"1"
