"""Unpacks deployment packages and layers, and refuses those that are too large or reach outside their folder.

Everything that can be told from the archive's directory is told when it is uploaded, as AWS does, and again before a
byte is written.
"""

import io
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

from simulator.lambdas.errors import InvalidZipFile
from simulator.lambdas.limits import MAX_UNZIPPED_BYTES, MAX_UNZIPPED_FILES

_EXECUTABLE: Final = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH
_ENTRY: Final = b"PK\x01\x02"  # how each entry of an archive's directory begins
_ENCRYPTED: Final = 0x1
_LONGEST_PATH: Final = 1_024  # bytes; systems differ, and none allows less
_LONGEST_NAME: Final = 255  # bytes of one part of a path, on every usual file system
_SHOWN: Final = 80  # characters of a name in a message

# Neither grows without bound while it is read; bzip2 and LZMA make gigabytes of a kilobyte at once (INFERRED: AWS names
# no method, and every zip tool writes these two unless told otherwise).
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_KINDS: Final = {stat.S_IFLNK: "a symbolic link", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
_PLAIN: Final = (0, stat.S_IFREG, stat.S_IFDIR)

_EMPTY: Final = "Uploaded file must be a non-empty zip"
_TOO_LARGE: Final = f"Unzipped size must be smaller than {MAX_UNZIPPED_BYTES} bytes"

# All that Python's reader raises of an archive that is damaged or made to mislead.
_UNREADABLE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    IndexError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
)


def check_upload(archive: bytes) -> str | None:
    """Return what AWS says when it refuses an archive at its upload, or None (OBSERVED, but for what follows it here).

    Layers that come with the function are counted when it is unpacked.
    """
    if not archive:
        return _EMPTY
    try:
        with _opened(archive, what="The zip") as package:
            if _size(package) > MAX_UNZIPPED_BYTES:
                return _TOO_LARGE
            _refuse_overlap(package, archive, what="The zip")
            return None if package.infolist() else _EMPTY
    except InvalidZipFile as fault:
        return f"Could not unzip uploaded file. Please check your file, then try to upload again. {fault.detail}"


def unpack(*, code: bytes, layers: Iterable[bytes], task_folder: Path, opt_folder: Path) -> None:
    """Unpack the package into `task_folder` and the layers, in order, into `opt_folder`; both folders are made.

    Raises:
        InvalidZipFile: an archive is not a zip, is damaged or encrypted, holds what is neither file nor folder, names a
            path outside its folder, or is larger than Lambda or a file system takes: `MAX_UNZIPPED_BYTES` in all,
            `MAX_UNZIPPED_FILES` each. Nothing is written beyond that.
    """
    left = MAX_UNZIPPED_BYTES
    left -= _unpack_one(archive=code, into=task_folder, left=left, what="The function's zip")
    for number, layer in enumerate(layers, start=1):
        left -= _unpack_one(archive=layer, into=opt_folder, left=left, what=f"The zip of layer {number}")


def _unpack_one(*, archive: bytes, into: Path, left: int, what: str) -> int:
    into.mkdir(exist_ok=True)
    with _opened(archive, what=what) as package:
        size = _size(package)
        if size > left:
            raise InvalidZipFile(
                f"{what} is too large: unzipped size must be smaller than {MAX_UNZIPPED_BYTES} bytes for the "
                f"function and its layers, and it declares {size}."
            )
        _refuse_overlap(package, archive, what=what)
        for member in package.infolist():
            _write(package, member, into=into)
    return size


def _size(package: zipfile.ZipFile) -> int:
    """Return the bytes that an archive unpacks to, at most: `zipfile` reads no more than a member declares."""
    return sum(member.file_size for member in package.infolist())


def _refuse_overlap(package: zipfile.ZipFile, archive: bytes, *, what: str) -> None:
    # Bytes that many entries share take the time of each of them.
    if sum(member.compress_size for member in package.infolist()) > len(archive):
        raise InvalidZipFile(f"{what} has entries that overlap.")


@contextmanager
def _opened(archive: bytes, *, what: str) -> Iterator[zipfile.ZipFile]:
    """Open an archive whose directory is sound; what fails in the block for the archive's sake is told as that."""
    # The directory itself may be the bomb: an entry of 50 bytes takes a kilobyte of memory when it is read.
    if archive.count(_ENTRY) > MAX_UNZIPPED_FILES:
        raise _too_many(what)
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as package:
            _check(package.infolist(), what=what)
            yield package
    except _UNREADABLE as fault:
        # A name in its words may be 65,535 bytes long, and hold anything.
        words = ascii(str(fault))[1:-1][:_LONGEST_NAME]
        raise InvalidZipFile(f"{what} is not a usable zip archive: {words}.") from fault
    except OSError as fault:
        raise InvalidZipFile(f"{what} could not be unpacked: {fault.strerror or 'the disk failed'}.") from fault


def _check(members: Sequence[zipfile.ZipInfo], *, what: str) -> None:
    """Refuse what can be told by an archive's directory."""
    files: set[str] = set()
    folders: set[str] = set()
    for member in members:
        name = member.filename
        if fault := _fault_of_name(name) or _fault_of_kind(member):
            raise InvalidZipFile(f"{what} {fault}: {name[:_SHOWN]!a}{'...' if len(name) > _SHOWN else ''}.")
        path = str(PurePosixPath(name))
        if not name.endswith("/"):
            files.add(path)
            path = path.rpartition("/")[0]
        while path and path not in folders:
            folders.add(path)
            path = path.rpartition("/")[0]
        if len(files) + len(folders) > MAX_UNZIPPED_FILES:
            raise _too_many(what)
    if both := files & folders:
        raise InvalidZipFile(f"{what} has a file where it also has a folder: {min(both)[:_SHOWN]!a}.")


def _fault_of_name(name: str) -> str | None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name[:2]:
        return "names a path outside the package"
    if not path.parts:
        return "has a file without a name"
    if len(name.encode()) > _LONGEST_PATH or any(len(part.encode()) > _LONGEST_NAME for part in path.parts):
        return "names a path that is too long"
    return None


def _fault_of_kind(member: zipfile.ZipInfo) -> str | None:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in _PLAIN:
        return f"holds {_KINDS.get(kind, 'a device')}, where the file itself should be"
    if member.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if member.compress_type not in _METHODS:
        return f"uses a compression other than deflate (method {member.compress_type})"
    return None


def _too_many(what: str) -> InvalidZipFile:
    return InvalidZipFile(f"{what} holds more than {MAX_UNZIPPED_FILES:,} files and folders.")


def _write(package: zipfile.ZipFile, member: zipfile.ZipInfo, *, into: Path) -> None:
    target = into / member.filename
    if member.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with package.open(member) as source, target.open("wb") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)
        if sink.tell() != member.file_size:
            raise zipfile.BadZipFile(f"a file of {member.file_size} bytes holds {sink.tell()}")
    # Binaries in a package or layer keep their executable bits on AWS; the rest of the mode is left as it is here.
    if (member.external_attr >> 16) & _EXECUTABLE:
        target.chmod(0o755)
