"""Unpacks deployment packages and layers, and rejects those that are too large or reach outside their folder.

The archive's directory is checked at the upload, as on AWS, and again before any byte is written. Files keep the modes
of the archive (DOCUMENTED: "Lambda requires global read permissions on code files"), and links inside a package stay
links.
"""

import io
import posixpath
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
from simulator.lambdas.links import leads_out

_UNIX: Final = 3  # the system of an archive that records modes
_FILE_MODE: Final = 0o644  # where the archive records none
_FOLDER_MODE: Final = 0o755
_SET_ID: Final = stat.S_ISUID | stat.S_ISGID
_ENTRY_SIGNATURE: Final = b"PK\x01\x02"  # begins each entry of an archive's directory
_ENCRYPTED: Final = 0x1
_MAX_PATH_BYTES: Final = 1_024  # the lowest limit of all systems
_MAX_NAME_BYTES: Final = 255  # for one part of a path, on all common file systems
_MAX_QUOTED_NAME: Final = 80  # characters of a file name in a message

# These two can be unpacked in bounded memory; bzip2 and LZMA expand a kilobyte to gigabytes at once. (INFERRED: AWS
# names no method, and every zip tool writes these two by default.)
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_KIND_NAMES: Final = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
_ALLOWED_KINDS: Final = (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)

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
            _check_links(package)
            return None if package.infolist() else _EMPTY
    except InvalidZipFile as error:
        return f"Could not unzip uploaded file. Please check your file, then try to upload again. {error.detail}"


def unpacked_size(archive: bytes) -> int:
    """Return the unpacked size that an archive declares after `check_upload`; 0 for a function without an archive."""
    if not archive:
        return 0
    with _open_archive(archive, subject="The zip") as package:
        return _unpacked_size(package)


def unpack(
    *, code: bytes, layers: Iterable[bytes], task_folder: Path, opt_folder: Path, for_owner: bool = False
) -> None:
    """Unpack the package into `task_folder` and the layers, in order, into `opt_folder`; create both folders.

    On Lambda, another user owns the files. With `for_owner`, the owner reads them, so the owner gets no more
    permissions than others have: a file that Lambda cannot open cannot be opened here.

    Raises:
        InvalidZipFile: an archive is not a zip, is damaged or encrypted, holds something other than files, folders and
            links inside the package, names a path outside its folder, or exceeds a limit: `MAX_UNZIPPED_BYTES` in
            total, `MAX_UNZIPPED_FILES` each. Nothing is written beyond the limit.
    """
    remaining = MAX_UNZIPPED_BYTES
    writers = [_Writer(folder=task_folder, for_owner=for_owner), _Writer(folder=opt_folder, for_owner=for_owner)]
    remaining -= _unpack_one(archive=code, writer=writers[0], remaining=remaining, subject="The function's zip")
    for number, layer in enumerate(layers, start=1):
        remaining -= _unpack_one(
            archive=layer, writer=writers[1], remaining=remaining, subject=f"The zip of layer {number}"
        )
    for writer in writers:
        writer.finish()


def _unpack_one(*, archive: bytes, writer: "_Writer", remaining: int, subject: str) -> int:
    with _open_archive(archive, subject=subject) as package:
        size = _unpacked_size(package)
        if size > remaining:
            raise InvalidZipFile(
                f"{subject} is too large: unzipped size must be smaller than {MAX_UNZIPPED_BYTES} bytes for the "
                f"function and its layers, and it declares {size}."
            )
        _reject_overlap(package, archive, subject=subject)
        _check_links(package)
        for member in package.infolist():
            writer.write(package, member)
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
    """Reject an archive whose directory breaks a rule. A link is a file here, so nothing can be written through it."""
    files: set[str] = set()
    links: set[str] = set()
    folders: set[str] = set()
    for member in members:
        name = member.filename
        if error := _name_error(name) or _kind_error(member):
            raise InvalidZipFile(f"{subject} {error}: {_quote(name)}.")
        path = str(PurePosixPath(name))
        if not name.endswith("/"):
            files.add(path)
            if stat.S_ISLNK(member.external_attr >> 16):
                links.add(path)
            path = path.rpartition("/")[0]
        while path and path not in folders:
            folders.add(path)
            path = path.rpartition("/")[0]
        if len(files) + len(folders) > MAX_UNZIPPED_FILES:
            raise _too_many_files_error(subject)
    if conflicts := files & folders:
        name = min(conflicts)
        kind = "symbolic link" if name in links else "file"
        raise InvalidZipFile(f"{subject} has a {kind} where it also has a folder: {_quote(name)}.")


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
    if kind != stat.S_IFDIR and not member.is_dir() and (member.external_attr >> 16) & _SET_ID:
        return "holds a file with a set-user-id or set-group-id bit"
    if member.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if member.compress_type not in _METHODS:
        return f"uses a compression other than deflate (method {member.compress_type})"
    return None


def _too_many_files_error(subject: str) -> InvalidZipFile:
    return InvalidZipFile(f"{subject} holds more than {MAX_UNZIPPED_FILES:,} files and folders.")


class _Writer:
    """Writes the members of archives into one folder, which it creates; modes and links come last, in `finish`."""

    def __init__(self, *, folder: Path, for_owner: bool) -> None:
        self._folder = folder
        self._for_owner = for_owner
        self._folder_modes: dict[Path, int] = {folder: _FOLDER_MODE}
        self._links: dict[Path, str] = {}
        folder.mkdir(exist_ok=True)

    def write(self, package: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
        """Write one member. A later layer replaces the files of an earlier one."""
        target = self._folder / member.filename
        mode = member.external_attr >> 16 if member.create_system == _UNIX else 0
        if member.is_dir():
            self._make_folder(target)
            self._folder_modes[target] = mode & 0o777 or _FOLDER_MODE
            return
        self._make_folder(target.parent)
        self._links.pop(target, None)
        target.unlink(missing_ok=True)
        if stat.S_ISLNK(mode):
            self._links[target] = _read_link(package, member)
            return
        with package.open(member) as source, target.open("wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
            if sink.tell() != member.file_size:
                raise zipfile.BadZipFile(f"a file of {member.file_size} bytes holds {sink.tell()}")
        target.chmod(self._effective(mode & 0o777 or _FILE_MODE))

    def finish(self) -> None:
        """Create the links and set the modes of the folders, the innermost first."""
        for target, destination in self._links.items():
            if not target.exists():  # else a later layer has a folder there
                target.symlink_to(destination)
        for folder in sorted(self._folder_modes, reverse=True):
            folder.chmod(self._effective(self._folder_modes[folder]))

    def _make_folder(self, folder: Path) -> None:
        if folder not in self._folder_modes:
            self._make_folder(folder.parent)
            folder.mkdir(exist_ok=True)
            self._folder_modes[folder] = _FOLDER_MODE

    def _effective(self, mode: int) -> int:
        # Whether the owner may write is left alone: the file system is read-only.
        return mode & ~0o500 | (mode & 0o005) << 6 if self._for_owner else mode


def _check_links(package: zipfile.ZipFile) -> None:
    """Check every link, and where a link leads through others.

    Raises:
        ValueError: one leads out of the package.
    """
    links = {
        posixpath.normpath(member.filename): _read_link(package, member)
        for member in package.infolist()
        if stat.S_ISLNK(member.external_attr >> 16)
    }
    for name in links:
        if leads_out(name, links):
            raise ValueError(f"the symbolic link {_quote(name)} leads out of the package")


def _read_link(package: zipfile.ZipFile, member: zipfile.ZipInfo) -> str:
    """Return the target of a link.

    Raises:
        ValueError: it is no path inside the package.
    """
    target = package.read(member).decode("utf-8", "surrogateescape") if member.file_size < _MAX_PATH_BYTES else ""
    name = posixpath.normpath(member.filename)
    if not target or "\0" in target or leads_out(name, {name: target}):
        raise ValueError(f"the symbolic link {_quote(member.filename)} leads out of the package")
    return target


def _quote(name: str) -> str:
    return f"{name[:_MAX_QUOTED_NAME]!a}{'...' if len(name) > _MAX_QUOTED_NAME else ''}"
