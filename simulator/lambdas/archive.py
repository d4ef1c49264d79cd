"""Unpacks deployment packages and layers, and refuses those that are too large or reach outside their folder."""

import io
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from simulator.lambdas.errors import InvalidZipFile
from simulator.lambdas.limits import MAX_UNZIPPED_BYTES

_EXECUTABLE = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH


def unpack(*, code: bytes, layers: Iterable[bytes], task: Path, opt: Path) -> None:
    """Unpack the package into `task` and the layers, in order, into `opt`; both folders are made.

    Raises:
        InvalidZipFile: an archive is not a zip, is damaged or encrypted, names a path outside its folder, or
            all of them together are larger than `MAX_UNZIPPED_BYTES` when unzipped. Nothing is written beyond
            that size.
    """
    left = MAX_UNZIPPED_BYTES
    left -= _unpack_one(archive=code, into=task, left=left, what="The function's zip")
    for number, layer in enumerate(layers, start=1):
        left -= _unpack_one(archive=layer, into=opt, left=left, what=f"The zip of layer {number}")


def _unpack_one(*, archive: bytes, into: Path, left: int, what: str) -> int:
    into.mkdir(exist_ok=True)
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as package:
            members = package.infolist()
            for member in members:
                _refuse_outside(member.filename, what=what)
            # The declared sizes are a true bound: `zipfile` reads no more than a member declares, then checks its CRC.
            size = sum(member.file_size for member in members)
            if size > left:
                raise InvalidZipFile(
                    f"{what} is too large: unzipped size must be smaller than {MAX_UNZIPPED_BYTES} bytes for the "
                    f"function and its layers, and it declares {size}."
                )
            for member in members:
                _write(package, member, into=into)
    except zipfile.BadZipFile as fault:
        raise InvalidZipFile(f"{what} is not a usable zip archive: {fault}.") from fault
    except (OSError, zlib.error, EOFError) as fault:
        raise InvalidZipFile(f"{what} could not be unpacked: {fault}.") from fault
    except (RuntimeError, NotImplementedError) as fault:
        raise InvalidZipFile(f"{what} is encrypted or uses an unknown compression: {fault}.") from fault
    return size


def _refuse_outside(name: str, *, what: str) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name[:2]:
        raise InvalidZipFile(f"{what} names a path outside the package: {name!r}.")


def _write(package: zipfile.ZipFile, member: zipfile.ZipInfo, *, into: Path) -> None:
    target = into / member.filename
    if member.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with package.open(member) as source, target.open("wb") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)
    # Binaries in a package or layer keep their executable bits on AWS; the rest of the mode is left as it is here.
    if (member.external_attr >> 16) & _EXECUTABLE:
        target.chmod(0o755)
