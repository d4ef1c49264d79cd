"""Packages of folders, files and zips."""

from __future__ import annotations

import io
import os
import socket
import stat
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from client.deployment_package import build_package, pack, read_source
from client.errors import UsageError
from client.layers import LayerPackage
from tests.client.conftest import write_reward

SOURCE = "def lambda_handler(event, context):\n    return []\n"


def write_zip(path: Path, files: Mapping[str, str], *, mode: int = 0o100644) -> Path:
    """Write a zip whose entries have one mode."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr, entry.create_system = mode << 16, 3
            archive.writestr(entry, content)
    return path


def package_error(path: Path, handler: str | None = None) -> tuple[str, str | None]:
    """Return why a path is no package, and the next step."""
    with pytest.raises(UsageError) as exc_info:
        build_package(path, handler=handler)
    return exc_info.value.message, exc_info.value.next_step


@pytest.mark.parametrize(
    ("file", "name", "handler", "function"),
    [
        ("reward.py", "reward.py", "reward.lambda_handler", "rft-reward"),
        ("My_Reward.py", "My_Reward.py", "My_Reward.lambda_handler", "rft-my-reward"),
        ("reward.v2.py", "lambda_function.py", "lambda_function.lambda_handler", "rft-reward-v2"),
    ],
)
def test_a_single_file_keeps_its_name(tmp_path: Path, file: str, name: str, handler: str, function: str) -> None:
    """Unless Python cannot import it by that name."""
    (tmp_path / file).write_text(SOURCE, encoding="utf-8")
    package = build_package(tmp_path / file)
    assert (package.files, package.handler, package.name) == ((name,), handler, function)


def test_a_zip_is_sent_as_it_is(tmp_path: Path) -> None:
    """Its handler may be any function of it."""
    path = write_zip(tmp_path / "reward.zip", {"src/grade.py": "def score(event, context): ...\n"})
    package = build_package(path, handler="src.grade.score")
    assert (package.zip_bytes, package.name, package.handler) == (path.read_bytes(), "rft-reward", "src.grade.score")
    assert package.warnings == ()


def test_a_file_of_a_zip_that_others_may_not_read_is_a_warning(tmp_path: Path) -> None:
    """The function at AWS runs as another user."""
    path = write_zip(tmp_path / "reward.zip", {"lambda_function.py": SOURCE}, mode=0o100600)
    assert build_package(path).warnings == (
        f"{path}: only the owner may read lambda_function.py (its mode in the zip), so the function at AWS cannot.",
    )


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"../lambda_function.py": SOURCE}, " has an entry outside the package: '../lambda_function.py'"),
        ({"/lambda_function.py": SOURCE}, " has an entry outside the package: '/lambda_function.py'"),
        ({"C:\\x.py": SOURCE}, " has an entry outside the package: 'C:\\\\x.py'"),
        ({}, " is empty."),
        ({"other.py": "X = 1\n"}, ": lambda_function.py does not exist."),
        ({"lambda_function.py": "X = 1\n"}, ": lambda_function.py defines no lambda_handler."),
    ],
)
def test_an_unusable_zip_is_refused(tmp_path: Path, files: Mapping[str, str], message: str) -> None:
    """Before the upload."""
    path = write_zip(tmp_path / "reward.zip", files)
    assert package_error(path)[0] == f"{path}{message}"


def test_a_zip_with_a_device_is_refused(tmp_path: Path) -> None:
    """Lambda unpacks files and folders only."""
    path = write_zip(tmp_path / "reward.zip", {"null": ""}, mode=stat.S_IFCHR | 0o644)
    assert package_error(path)[0] == f"{path} holds a device: 'null'"


@pytest.mark.parametrize("content", [b"", b"PK?", b"text"])
def test_another_file_is_not_a_zip(tmp_path: Path, content: bytes) -> None:
    """The next step names what is taken."""
    path = tmp_path / "reward.tar"
    path.write_bytes(content)
    assert package_error(path) == (
        f"{path} is not a usable zip: File is not a zip file.",
        "Give a folder, a .py file or a zip archive.",
    )


@pytest.mark.parametrize(
    ("files", "handler", "message", "next_step"),
    [
        (
            {"reward.py": SOURCE},
            None,
            "{folder}/lambda_function.py does not exist.",
            "reward.py defines lambda_handler: use --handler reward.lambda_handler.",
        ),
        (
            {"src/lambda_function.py": SOURCE},
            None,
            "{folder}/lambda_function.py does not exist.",
            "There is src/lambda_function.py: give the contents of the folder src/.",
        ),
        (
            {"lambda_function.py": "def handler(event, context): ...\n"},
            None,
            "{folder}/lambda_function.py defines no lambda_handler.",
            "Lambda calls lambda_function.lambda_handler(event, context). Use --handler lambda_function.handler?",
        ),
        (
            {"lambda_function.py": "async def lambda_handler(event, context): ...\n"},
            None,
            "{folder}/lambda_function.py defines lambda_handler with `async def`, and Lambda does not await it.",
            "Define it with `def`, and call asyncio.run(...) in it.",
        ),
        (
            {"json.py": SOURCE},
            "json.lambda_handler",
            "The handler's module json has the name of a standard module, which Python would import instead.",
            "Rename it.",
        ),
        (
            {"lambda_function.py": SOURCE},
            "lambda_handler",
            "--handler lambda_handler is not a handler.",
            "Give a module and a function, such as --handler lambda_function.lambda_handler.",
        ),
    ],
)
def test_a_handler_that_lambda_cannot_call_is_refused(
    tmp_path: Path, files: Mapping[str, str], handler: str | None, message: str, next_step: str
) -> None:
    """With the handler that is meant, if there is one."""
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    assert package_error(tmp_path, handler) == (message.format(folder=tmp_path), next_step)


def test_programs_keep_their_executable_bit_and_all_files_are_readable(tmp_path: Path) -> None:
    """Lambda runs as another user than their owner."""
    folder = write_reward(tmp_path / "reward")
    (folder / "checker").write_bytes(b"#!/bin/sh\n")
    (folder / "checker").chmod(0o700)
    (folder / "lambda_function.py").chmod(0o600)
    with zipfile.ZipFile(io.BytesIO(build_package(folder).zip_bytes)) as archive:
        modes = {entry.filename: oct(entry.external_attr >> 16) for entry in archive.infolist()}
    assert modes == {"checker": "0o100755", "lambda_function.py": "0o100644"}


def test_a_link_to_a_folder_inside_is_followed(tmp_path: Path) -> None:
    """Its files are packed under both names."""
    folder = write_reward(tmp_path / "reward")
    (folder / "data").mkdir()
    (folder / "data" / "x.json").write_text("{}", encoding="utf-8")
    (folder / "more").symlink_to(folder / "data")
    assert build_package(folder).files == ("data/x.json", "lambda_function.py", "more/x.json")


def test_a_link_to_its_own_parent_is_refused(tmp_path: Path) -> None:
    """It has no end."""
    folder = write_reward(tmp_path / "reward")
    (folder / "again").symlink_to(folder)
    assert package_error(folder)[0] == f"{folder}/again is a link to a folder that contains it."


def test_a_link_to_nothing_is_refused(tmp_path: Path) -> None:
    """Its file would be missing at AWS."""
    folder = write_reward(tmp_path / "reward")
    (folder / "gone.py").symlink_to(folder / "none.py")
    assert package_error(folder)[0] == f"{folder}/gone.py is a link to {folder}/none.py, which does not exist."


@pytest.mark.parametrize("kind", ["a named pipe", "a socket"])
def test_a_file_that_a_zip_cannot_hold_is_refused(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of a read that waits for ever."""
    folder = write_reward(tmp_path / "reward")
    monkeypatch.chdir(folder)  # the name of a socket has a limit
    if kind == "a socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("odd")
    else:
        os.mkfifo("odd")
    assert package_error(folder) == (
        f"{folder}/odd is {kind}, which a zip cannot hold.",
        "Remove it from the folder.",
    )


def test_a_small_zip_is_stored_and_a_large_one_compressed(tmp_path: Path) -> None:
    """The bytes of a stored zip do not depend on zlib; those of a compressed one have a digest of their own."""
    folder = write_reward(tmp_path / "reward")
    small = build_package(folder)
    (folder / "data.json").write_bytes(b"[" + b"1," * 600_000 + b"1]")
    large = build_package(folder)
    assert (small.is_compressed, small.run_digest) == (False, small.sha256)
    assert (large.is_compressed, large.run_digest) == (True, large.content_digest)
    assert len(large.zip_bytes) < 10_000
    assert build_package(folder).zip_bytes == large.zip_bytes


def test_a_package_above_the_limit_names_its_largest_parts(tmp_path: Path) -> None:
    """The libraries of a package count as part of it."""
    folder = write_reward(tmp_path / "reward")
    for name, size in (("numpy/a.so", 100_000_000), ("numpy.libs/b.so", 100_000_000), ("scipy/c.so", 70_000_000)):
        (folder / name).parent.mkdir()
        with (folder / name).open("wb") as file:
            file.truncate(size)
    assert package_error(folder)[0] == (
        f"{folder} has 270,000,050 bytes unpacked; Lambda takes 262,144,000 (250 MB). "
        "The largest parts: numpy 200.0 MB, scipy 70.0 MB, lambda_function.py 50 B."
    )


def test_the_layers_count_too(tmp_path: Path) -> None:
    """As far as their size is known here."""
    layer = LayerPackage(stem="tools", zip_bytes=b"", content_digest="", unpacked_size=262_144_000)
    with pytest.raises(UsageError, match=r"262,144,050 bytes unpacked with its layers \(262,144,000\); Lambda takes"):
        pack(read_source(write_reward(tmp_path / "reward"), handler=None), layers=(layer,))


def test_a_file_of_many_gigabytes_is_not_read(tmp_path: Path) -> None:
    """It is larger than what Lambda takes unpacked."""
    with (tmp_path / "model.bin").open("wb") as file:
        file.truncate(10**12)
    assert package_error(tmp_path / "model.bin")[0].startswith(f"{tmp_path}/model.bin has 1,000,000,000,000 bytes")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such a name")
def test_a_name_that_is_not_unicode_is_refused(tmp_path: Path) -> None:
    """A zip has no such names."""
    folder = write_reward(tmp_path / "reward")
    (folder / os.fsdecode(b"\xff.txt")).write_text("x", encoding="utf-8")
    message = f"{folder} holds a file whose name is not UTF-8, which a zip cannot hold: '\\udcff.txt'"
    assert package_error(folder) == (message, "Rename it or remove it.")


def test_a_pipe_is_not_read(tmp_path: Path) -> None:
    """It would wait for a writer."""
    os.mkfifo(tmp_path / "reward.py")
    assert package_error(tmp_path / "reward.py")[0] == f"{tmp_path}/reward.py is not a folder or a file."
