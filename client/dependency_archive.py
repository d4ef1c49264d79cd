"""The zip of installed requirements, whose bytes do not depend on the installer or the machine but only on zlib."""

from __future__ import annotations

import hashlib
import io
import re
import stat
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from client.package_archive import add_file
from client.package_files import PackageFile
from client.progress import StepProgress

# What installers write beside the packages: it differs between installers and machines, and no program reads it.
_INSTALLER_FILES: Final = frozenset(
    {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json"}
)
_METADATA_FIELD: Final = re.compile(r"^(Name|Version): *(.+)$", re.MULTILINE)
_SHARED_LIBRARY: Final = re.compile(r"\.so(\.|$)")
_EXECUTABLE: Final = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedFile:
    """A file in the zip of the dependencies."""

    size: int
    is_executable: bool
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """Installed requirements, ready to be packed.

    Attributes:
        source: the name of the file that requires them.
        zip_bytes: their zip, compressed.
        files: every file of it by its path.
        resolved: every project with its version, such as `numpy==2.2.6`, sorted.
        is_cached: they were installed by an earlier run.
    """

    source: str
    zip_bytes: bytes
    files: Mapping[str, PackedFile]
    resolved: tuple[str, ...]
    is_cached: bool

    @property
    def is_compiled(self) -> bool:
        """True if they run on one architecture only."""
        return any(_SHARED_LIBRARY.search(name) for name in self.files)


def list_installed(folder: Path) -> dict[str, Path]:
    """Return the files of installed projects that are packed, sorted by their path in `folder`.

    Left out are caches, what the installer notes for itself, and scripts, whose first line names this machine's Python.
    """
    return dict(_packed_paths(folder))


def _packed_paths(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
        parts = path.relative_to(folder).parts
        if path.is_symlink() or not path.is_file():
            continue
        if path.suffix == ".pyc" or "__pycache__" in parts or (len(parts) == 1 and path.name.startswith(".")):
            continue
        if parts[0].endswith(".dist-info") and path.name in _INSTALLER_FILES:
            continue
        if parts[0] == "bin" and _is_script(path):
            continue
        yield "/".join(parts), path


def _is_script(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def pack_installed(paths: Mapping[str, Path], target: Path, *, progress: StepProgress) -> dict[str, PackedFile]:
    """Write the zip of `paths` to `target`, and return what it holds."""
    total, done = sum(path.stat().st_size for path in paths.values()), 0
    files: dict[str, PackedFile] = {}
    with zipfile.ZipFile(target, "w") as archive:
        for name, path in paths.items():
            content = path.read_bytes()
            is_executable = bool(path.stat().st_mode & _EXECUTABLE)
            add_file(archive, name, content, is_executable=is_executable, is_compressed=True)
            files[name] = PackedFile(
                size=len(content), is_executable=is_executable, sha256=hashlib.sha256(content).hexdigest()
            )
            done += len(content)
            progress.advance(done, total)
    return files


def list_projects(folder: Path) -> list[str]:
    """Return the installed projects with their versions, sorted."""
    projects = []
    for file in folder.glob("*.dist-info/METADATA"):
        header = file.read_text(encoding="utf-8", errors="replace").partition("\n\n")[0]
        fields = dict(_METADATA_FIELD.findall(header))
        projects.append(f"{fields.get('Name', '?')}=={fields.get('Version', '?')}")
    return sorted(projects)


def add_to_archive(dependencies: Dependencies, files: Sequence[PackageFile]) -> bytes:
    """Return the zip of the dependencies with the user's files, sorted. A file of the user replaces one of theirs.

    The compressed dependencies are copied as they are, which takes no time.
    """
    replaced = {file.name for file in files} & dependencies.files.keys()
    buffer = io.BytesIO(_without(dependencies.zip_bytes, replaced) if replaced else dependencies.zip_bytes)
    with zipfile.ZipFile(buffer, "a") as archive:
        for file in files:
            content = file.path.read_bytes()
            add_file(archive, file.name, content, is_executable=file.is_executable, is_compressed=True)
        # The directory at the end of a zip names its entries in this order.
        archive.infolist().sort(key=lambda entry: entry.filename)
    return buffer.getvalue()


def _without(zip_bytes: bytes, names: AbstractSet[str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(zip_bytes)) as archive, zipfile.ZipFile(buffer, "w") as copy:
        for entry in archive.infolist():
            if entry.filename not in names:
                is_executable = bool((entry.external_attr >> 16) & _EXECUTABLE)
                content = archive.read(entry)
                add_file(copy, entry.filename, content, is_executable=is_executable, is_compressed=True)
    return buffer.getvalue()
