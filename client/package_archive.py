"""Write the zip of a package, and read a zip of the user's."""

from __future__ import annotations

import hashlib
import io
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

from client.errors import UsageError
from client.package_files import PackageFile

_DATE: Final = (1980, 1, 1, 0, 0, 0)
_UNIX: Final = 3
_FILE_MODE, _PROGRAM_MODE = 0o100644, 0o100755
_ENCRYPTED: Final = 0x1
# Level 6 is zlib's default: level 9 takes twice as long for one percent.
_DEFLATE_LEVEL: Final = 6
_KIND_NAMES: Final = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}

# What Python's reader raises for a damaged archive.
_READ_ERRORS: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    IndexError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


def zip_files(files: Iterable[PackageFile], *, is_compressed: bool) -> bytes:
    """Return a zip of `files` in their order. Each entry has a fixed date and is readable for all.

    Lambda runs as another user than the owner of the files (DOCUMENTED: it needs modes 644 and 755).
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in files:
            add_file(
                archive,
                file.name,
                file.path.read_bytes(),
                is_executable=file.is_executable,
                is_compressed=is_compressed,
            )
    return buffer.getvalue()


def add_file(archive: zipfile.ZipFile, name: str, content: bytes, *, is_executable: bool, is_compressed: bool) -> None:
    """Add one entry whose bytes depend only on the arguments, and on the build of zlib if it is compressed."""
    entry = zipfile.ZipInfo(name, date_time=_DATE)
    entry.external_attr = (_PROGRAM_MODE if is_executable else _FILE_MODE) << 16
    entry.create_system = _UNIX
    if is_compressed:
        archive.writestr(entry, content, zipfile.ZIP_DEFLATED, _DEFLATE_LEVEL)
    else:
        archive.writestr(entry, content, zipfile.ZIP_STORED)


def digest_files(files: Iterable[tuple[str, bool, str]]) -> str:
    """Return a hash of names, executable bits and hashes of contents, which do not depend on zlib."""
    digest = hashlib.sha256()
    for name, is_executable, sha256 in files:
        digest.update(f"{name}\0{is_executable:d}{sha256}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


@contextmanager
def open_user_zip(path: Path, content: bytes) -> Iterator[zipfile.ZipFile]:
    """Open a zip of the user's after a check of its directory.

    Raises:
        UsageError: it is no zip, it is damaged, encrypted or empty, or an entry names a path outside it or is a device.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for entry in archive.infolist():
                if problem := _entry_problem(entry):
                    raise UsageError(
                        f"{path} {problem}: {entry.filename[:80]!a}", next_step="Make the zip from inside its folder."
                    )
            if not archive.infolist():
                raise UsageError(f"{path} is empty.", next_step="Lambda refuses an empty zip.")
            yield archive
    except _READ_ERRORS as error:
        raise UsageError(
            f"{path} is not a usable zip: {error}.", next_step="Give a folder, a .py file or a zip archive."
        ) from error


def unreadable_entries(archive: zipfile.ZipFile) -> tuple[str, ...]:
    """Return the files whose mode lets only their owner read them, so that the function at AWS cannot."""
    return tuple(
        entry.filename
        for entry in archive.infolist()
        if entry.create_system == _UNIX
        and not entry.is_dir()
        and stat.S_IMODE(mode := entry.external_attr >> 16)
        and not mode & stat.S_IROTH
    )


def _entry_problem(entry: zipfile.ZipInfo) -> str | None:
    path = PurePosixPath(entry.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in entry.filename[:2]:
        return "has an entry outside the package"
    if entry.flag_bits & _ENCRYPTED:
        return "is encrypted"
    kind = stat.S_IFMT(entry.external_attr >> 16)
    return f"holds {_KIND_NAMES[kind]}" if kind in _KIND_NAMES else None
