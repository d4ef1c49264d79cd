"""The zip of a reward function: its files, its handler, its name as a Lambda function."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from client.dependency_archive import Dependencies, add_to_archive
from client.errors import UsageError
from client.handler_check import HANDLER, HANDLER_FUNCTION, HANDLER_MODULE, require_handler
from client.layers import Layer, LayerPackage
from client.package_archive import digest_files, open_user_zip, unreadable_entries, zip_files
from client.package_files import PackageFile, list_files
from client.package_size import require_unpacked_size

if TYPE_CHECKING:
    from mypy_boto3_lambda.literals import ArchitectureType

# Above this a zip is compressed. Below it is stored: its hash, which Lambda compares, is then the same on every
# machine, because zlib's output differs between builds of zlib.
_MAX_STORED_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentPackage:
    """The zip of a reward function, and what is known about it.

    Attributes:
        name: the function's name, from the name of the folder or file.
        zip_bytes: the zip.
        sha256: of the zip, hexadecimal.
        content_digest: a hash of names, modes and contents of the files, hexadecimal. It is the same on every machine.
        is_compressed: the zip is compressed by this machine's zlib, so another machine may give it another `sha256`.
        files: the paths inside, sorted, without those of the dependencies.
        unpacked_size: the size of the files in bytes.
        handler: module and function.
        folder_digest: a hash of the folder's path on this machine.
        dependencies: the installed requirements in it.
        layers: the layers of the function.
        architecture: that of the function, or None if it runs on each.
        warnings: what may go wrong with it at AWS.
    """

    name: str
    zip_bytes: bytes
    sha256: str
    content_digest: str
    is_compressed: bool
    files: tuple[str, ...]
    unpacked_size: int
    handler: str
    folder_digest: str
    dependencies: Dependencies | None = None
    layers: tuple[Layer, ...] = ()
    architecture: ArchitectureType | None = None
    warnings: tuple[str, ...] = ()

    @property
    def role_name(self) -> str:
        """The name of the function's role."""
        return f"{self.name}-role"

    @property
    def run_digest(self) -> str:
        """What identifies the code of a run on every machine: the hash of the zip, or of the files if compressed."""
        return self.content_digest if self.is_compressed else self.sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageSource:
    """A folder, a .py file or a zip that defines the handler.

    Attributes:
        path: as the user wrote it.
        files: the files to pack, sorted; empty for a zip of the user's.
        user_zip: the bytes of a zip of the user's.
    """

    path: Path
    handler: str
    files: tuple[PackageFile, ...] = ()
    user_zip: bytes | None = None


def build_package(path: Path, *, handler: str | None = None) -> DeploymentPackage:
    """Return a folder, a .py file or a zip as a package. See `read_source()` and `pack()`."""
    return pack(read_source(path, handler=handler))


def read_source(path: Path, *, handler: str | None) -> PackageSource:
    """Return what a package is made of, after a check of its handler.

    Of a folder all files are packed, except caches and hidden files. A single file keeps its name, and its handler is
    its `lambda_handler`. A zip stays as it is.

    Raises:
        UsageError: the path is none of the three, it defines no such handler, or it holds what a zip cannot.
    """
    if path.is_dir():
        return _checked(PackageSource(path=path, handler=handler or HANDLER, files=list_files(path)), prefix=f"{path}/")
    if not path.is_file():  # reading a pipe would wait for a writer
        raise UsageError(
            f"{path} is not a folder or a file.",
            next_step=f"Give a folder with {HANDLER_MODULE}.py, a .py file or a zip.",
        )
    if path.suffix == ".py":
        # Python reads a dot in a module's name as a package.
        module = HANDLER_MODULE if "." in path.stem else path.stem
        file = PackageFile(name=f"{module}.py", path=path, size=path.stat().st_size, is_executable=False)
        source = PackageSource(path=path, handler=handler or f"{module}.{HANDLER_FUNCTION}", files=(file,))
        return _checked(source, prefix=f"{path.parent}/" if path.parent != Path() else "")
    # A zip is no larger than its files, and a wrong file of many gigabytes must not be read.
    require_unpacked_size({path.name: path.stat().st_size}, location=str(path))
    return PackageSource(path=path, handler=handler or HANDLER, user_zip=path.read_bytes())


def pack(
    source: PackageSource,
    *,
    dependencies: Dependencies | None = None,
    layers: tuple[Layer, ...] = (),
    architecture: ArchitectureType | None = None,
) -> DeploymentPackage:
    """Return the zip of a source.

    Entries are sorted and dated 1980, so the bytes depend only on the files.

    Args:
        source: the user's files.
        dependencies: installed requirements to add.
        layers: the layers of the function.
        architecture: that of the function, if it has to be that one.

    Raises:
        UsageError: it is too large, or a zip of the user's is damaged, reaches outside its folder or has no handler.
    """
    if source.user_zip is not None:
        return _check_user_zip(source, source.user_zip, layers=layers, architecture=architecture)
    added = {} if dependencies is None else dependencies.files
    sizes = {name: file.size for name, file in added.items()} | {file.name: file.size for file in source.files}
    size = require_unpacked_size(sizes, location=str(source.path), layers_size=_layers_size(layers))
    contents = {name: (file.is_executable, file.sha256) for name, file in added.items()}
    contents |= {file.name: (file.is_executable, file.sha256()) for file in source.files}
    is_compressed = dependencies is not None or size > _MAX_STORED_BYTES
    return _build_package(
        source,
        zip_bytes=zip_files(source.files, is_compressed=is_compressed)
        if dependencies is None
        else add_to_archive(dependencies, source.files),
        content_digest=digest_files((name, *contents[name]) for name in sorted(contents)),
        is_compressed=is_compressed,
        files=[file.name for file in source.files],
        unpacked_size=size,
        dependencies=dependencies,
        layers=layers,
        architecture=architecture,
    )


def function_name_for(path: Path) -> str:
    """Return the name of the Lambda function of a folder or a file."""
    resolved = path.resolve()
    text = resolved.stem if resolved.is_file() else resolved.name
    name = re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower() or "reward"
    # Lambda allows 64 characters; IAM allows the same for the role, which adds five.
    return f"rft-{name}"[:59]


def _checked(source: PackageSource, *, prefix: str) -> PackageSource:
    paths = {file.name: file.path for file in source.files}
    require_handler(source.handler, names=list(paths), read=lambda name: paths[name].read_bytes(), location=prefix)
    return source


def _layers_size(layers: tuple[Layer, ...]) -> int:
    # The size of a layer that is only named is not known here; Lambda checks it.
    return sum(layer.unpacked_size for layer in layers if isinstance(layer, LayerPackage))


def _check_user_zip(
    source: PackageSource, content: bytes, *, layers: tuple[Layer, ...], architecture: ArchitectureType | None
) -> DeploymentPackage:
    with open_user_zip(source.path, content) as archive:
        sizes = {entry.filename: entry.file_size for entry in archive.infolist() if not entry.is_dir()}
        size = require_unpacked_size(sizes, location=str(source.path), layers_size=_layers_size(layers))
        require_handler(source.handler, names=sorted(sizes), read=archive.read, location=f"{source.path}: ")
        warnings = tuple(
            f"{source.path}: only the owner may read {name} (its mode in the zip), so the function at AWS cannot."
            for name in unreadable_entries(archive)
        )
    digest = hashlib.sha256(content).hexdigest()
    return _build_package(
        source,
        zip_bytes=content,
        content_digest=digest,
        is_compressed=False,
        files=sorted(sizes),
        unpacked_size=size,
        layers=layers,
        architecture=architecture,
        warnings=warnings,
    )


def _build_package(
    source: PackageSource,
    *,
    zip_bytes: bytes,
    content_digest: str,
    is_compressed: bool,
    files: Sequence[str],
    unpacked_size: int,
    layers: tuple[Layer, ...],
    architecture: ArchitectureType | None,
    dependencies: Dependencies | None = None,
    warnings: tuple[str, ...] = (),
) -> DeploymentPackage:
    resolved = str(source.path.resolve())
    return DeploymentPackage(
        name=function_name_for(source.path),
        zip_bytes=zip_bytes,
        sha256=hashlib.sha256(zip_bytes).hexdigest(),
        content_digest=content_digest,
        is_compressed=is_compressed,
        files=tuple(files),
        unpacked_size=unpacked_size,
        handler=source.handler,
        folder_digest=hashlib.sha256(resolved.encode("utf-8", "surrogateescape")).hexdigest()[:16],
        dependencies=dependencies,
        layers=layers,
        architecture=architecture,
        warnings=warnings,
    )
