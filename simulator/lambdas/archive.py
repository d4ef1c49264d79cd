"""Unpacks deployment packages and layers, and rejects those that are too large or reach outside their folder.

The archive's directory is checked at the upload, as on AWS, and again before any byte is written.
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
_ENTRY_SIGNATURE: Final = b"PK\x01\x02"  # begins each entry of an archive's directory
_ENCRYPTED: Final = 0x1
_MAX_PATH_BYTES: Final = 1_024  # the lowest limit of all systems
_MAX_NAME_BYTES: Final = 255  # for one part of a path, on all common file systems
_MAX_QUOTED_NAME: Final = 80  # characters of a file name in a message

# These two can be unpacked in bounded memory; bzip2 and LZMA expand a kilobyte to gigabytes at once. (INFERRED: AWS
# names no method, and every zip tool writes these two by default.)
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_KIND_NAMES: Final = {stat.S_IFLNK: "a symbolic link", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
_ALLOWED_KINDS: Final = (0, stat.S_IFREG, stat.S_IFDIR)

_EMPTY: Final = "Uploaded file must be a non-empty zip"
_TOO_LARGE: Final = f"Unzipped size must be smaller than {MAX_UNZIPPED_BYTES} bytes"

# All exceptions that Python's reader raises for a damaged or malicious archive.
_READ_ERRORS: Final = (
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
    """Return AWS's error for an archive that it rejects at the upload, or None. Only the final detail is not AWS's."""
    if not archive:
        return _EMPTY
    try:
        with _open_archive(archive, subject="The zip") as package:
            if _unpacked_size(package) > MAX_UNZIPPED_BYTES:
                return _TOO_LARGE
            _reject_overlap(package, archive, subject="The zip")
            return None if package.infolist() else _EMPTY
    except InvalidZipFile as error:
        return f"Could not unzip uploaded file. Please check your file, then try to upload again. {error.detail}"


def unpacked_size(archive: bytes) -> int:
    """Return the unpacked size that an archive declares after `check_upload`; 0 for a function without an archive."""
    if not archive:
        return 0
    with _open_archive(archive, subject="The zip") as package:
        return _unpacked_size(package)


def unpack(*, code: bytes, layers: Iterable[bytes], task_folder: Path, opt_folder: Path) -> None:
    """Unpack the package into `task_folder` and the layers, in order, into `opt_folder`; create both folders.

    Raises:
        InvalidZipFile: an archive is not a zip, is damaged or encrypted, holds something other than files and folders,
            names a path outside its folder, or exceeds a limit: `MAX_UNZIPPED_BYTES` in total, `MAX_UNZIPPED_FILES`
            each. Nothing is written beyond the limit.
    """
    remaining = MAX_UNZIPPED_BYTES
    remaining -= _unpack_one(archive=code, folder=task_folder, remaining=remaining, subject="The function's zip")
    for number, layer in enumerate(layers, start=1):
        remaining -= _unpack_one(
            archive=layer, folder=opt_folder, remaining=remaining, subject=f"The zip of layer {number}"
        )


def _unpack_one(*, archive: bytes, folder: Path, remaining: int, subject: str) -> int:
    folder.mkdir(exist_ok=True)
    with _open_archive(archive, subject=subject) as package:
        size = _unpacked_size(package)
        if size > remaining:
            raise InvalidZipFile(
                f"{subject} is too large: unzipped size must be smaller than {MAX_UNZIPPED_BYTES} bytes for the "
                f"function and its layers, and it declares {size}."
            )
        _reject_overlap(package, archive, subject=subject)
        for member in package.infolist():
            _write_member(package, member, folder=folder)
    return size


def _unpacked_size(package: zipfile.ZipFile) -> int:
    """Return the declared size of the unpacked archive; `zipfile` never reads more than a member declares."""
    return sum(member.file_size for member in package.infolist())


def _reject_overlap(package: zipfile.ZipFile, archive: bytes, *, subject: str) -> None:
    # Entries that share bytes would each take the time to unpack them.
    if sum(member.compress_size for member in package.infolist()) > len(archive):
        raise InvalidZipFile(f"{subject} has entries that overlap.")


@contextmanager
def _open_archive(archive: bytes, *, subject: str) -> Iterator[zipfile.ZipFile]:
    """Open an archive with a valid directory; read errors in the block are raised as InvalidZipFile."""
    # The directory itself can be an attack: an entry of 50 bytes takes a kilobyte of memory when it is read.
    if archive.count(_ENTRY_SIGNATURE) > MAX_UNZIPPED_FILES:
        raise _too_many_files_error(subject)
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as package:
            _check_directory(package.infolist(), subject=subject)
            yield package
    except _READ_ERRORS as error:
        # The message may quote a name of up to 65,535 arbitrary bytes.
        reason = ascii(str(error))[1:-1][:_MAX_NAME_BYTES]
        raise InvalidZipFile(f"{subject} is not a usable zip archive: {reason}.") from error
    except OSError as error:
        raise InvalidZipFile(f"{subject} could not be unpacked: {error.strerror or 'the disk failed'}.") from error


def _check_directory(members: Sequence[zipfile.ZipInfo], *, subject: str) -> None:
    """Reject an archive whose directory breaks a rule."""
    files: set[str] = set()
    folders: set[str] = set()
    for member in members:
        name = member.filename
        if error := _name_error(name) or _kind_error(member):
            raise InvalidZipFile(
                f"{subject} {error}: {name[:_MAX_QUOTED_NAME]!a}{'...' if len(name) > _MAX_QUOTED_NAME else ''}."
            )
        path = str(PurePosixPath(name))
        if not name.endswith("/"):
            files.add(path)
            path = path.rpartition("/")[0]
        while path and path not in folders:
            folders.add(path)
            path = path.rpartition("/")[0]
        if len(files) + len(folders) > MAX_UNZIPPED_FILES:
            raise _too_many_files_error(subject)
    if conflicts := files & folders:
        raise InvalidZipFile(f"{subject} has a file where it also has a folder: {min(conflicts)[:_MAX_QUOTED_NAME]!a}.")


def _name_error(name: str) -> str | None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name[:2]:
        return "names a path outside the package"
    if not path.parts:
        return "has a file without a name"
    if len(name.encode()) > _MAX_PATH_BYTES or any(len(part.encode()) > _MAX_NAME_BYTES for part in path.parts):
        return "names a path that is too long"
    return None


def _kind_error(member: zipfile.ZipInfo) -> str | None:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in _ALLOWED_KINDS:
        return f"holds {_KIND_NAMES.get(kind, 'a device')}, where the file itself should be"
    if member.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if member.compress_type not in _METHODS:
        return f"uses a compression other than deflate (method {member.compress_type})"
    return None


def _too_many_files_error(subject: str) -> InvalidZipFile:
    return InvalidZipFile(f"{subject} holds more than {MAX_UNZIPPED_FILES:,} files and folders.")


def _write_member(package: zipfile.ZipFile, member: zipfile.ZipInfo, *, folder: Path) -> None:
    target = folder / member.filename
    if member.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with package.open(member) as source, target.open("wb") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)
        if sink.tell() != member.file_size:
            raise zipfile.BadZipFile(f"a file of {member.file_size} bytes holds {sink.tell()}")
    # On AWS, files keep their executable bits. The other mode bits keep their defaults.
    if (member.external_attr >> 16) & _EXECUTABLE:
        target.chmod(0o755)
