"""The requirements beside a handler: requirements.txt, or the dependencies of pyproject.toml."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from client.deployment_package import PackageSource
from client.errors import UsageError

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_COMMENT: Final = re.compile(r"(^|\s)#.*$")
_INCLUDE: Final = re.compile(r"(?:-r|-c|--requirement|--constraint)[ =]\s*(?P<file>.+)")
_SOURCE_CODE: Final = re.compile(r"(?:^|@\s*)(?:git|hg|svn|bzr)\+|\.tar\.gz\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """What has to be installed into a package.

    Attributes:
        file: the file that names them.
        lines: the lines of requirements.txt, or the dependencies of pyproject.toml.
        digest: a hash of them and of every file that they include, hexadecimal.
    """

    file: Path
    lines: tuple[str, ...]
    digest: str


def find_requirements(source: PackageSource) -> Requirements | None:
    """Return the requirements beside the handler, or None if there are none or the folder holds them all.

    The folder itself is searched, then that of the handler's module. requirements.txt comes before pyproject.toml.

    Raises:
        UsageError: the file cannot be read, or names source code, which would be built for this machine.
    """
    if source.user_zip is not None:
        return None
    folder = source.path if source.path.is_dir() else source.path.parent
    module_folder = (folder / source.handler.rpartition(".")[0].replace(".", "/")).parent
    for place in dict.fromkeys((folder, module_folder)):
        for read, name in ((_read_requirements_txt, "requirements.txt"), (_read_pyproject, "pyproject.toml")):
            file = place / name
            if file.is_file():
                requirements = read(file)
                return requirements if requirements and not _has_all(source, requirements) else None
    return None


def normalize(name: str) -> str:
    """Return the name of a project as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _read_requirements_txt(file: Path) -> Requirements | None:
    digest = hashlib.sha256()
    lines = tuple(_read_lines(file, digest=digest, parents=()))
    return Requirements(file=file, lines=lines, digest=digest.hexdigest()) if lines else None


def _read_lines(file: Path, *, digest: hashlib._Hash, parents: tuple[Path, ...]) -> Iterator[str]:
    """Yield the lines of a file and of those that it includes, without comments; add everything to `digest`."""
    text = _read_text(file)
    digest.update(f"{len(text)}\n{text}".encode())
    for number, line in enumerate(text.replace("\\\n", "").splitlines(), start=1):
        requirement = _COMMENT.sub("", line).strip()
        if not requirement:
            continue
        if include := _INCLUDE.match(requirement):
            included = (file.parent / include["file"].strip()).resolve()
            if included not in parents and included.is_file():  # otherwise pip reports it
                yield from (
                    line
                    for line in _read_lines(included, digest=digest, parents=(*parents, file.resolve()))
                    if requirement.startswith(("-r", "--r"))
                )
            continue
        _require_wheel(requirement, file=file, number=number, digest=digest)
        if not requirement.startswith("-"):
            yield requirement


def _read_pyproject(file: Path) -> Requirements | None:
    try:
        project = tomllib.loads(_read_text(file)).get("project", {})
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{file}: {error}", next_step="Correct the file.") from error
    if "dependencies" in project.get("dynamic", ()):
        raise UsageError(
            f"{file}: the dependencies are dynamic, so only a build of the project knows them.",
            next_step=f"Write them into {file.parent / 'requirements.txt'}.",
        )
    lines = tuple(str(line).strip() for line in project.get("dependencies", ()))
    digest = hashlib.sha256("\n".join(lines).encode())
    for number, line in enumerate(lines, start=1):
        _require_wheel(line, file=file, number=number, digest=digest)
    return Requirements(file=file, lines=lines, digest=digest.hexdigest()) if lines else None


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not UTF-8 text.", next_step="Save it as UTF-8.") from error


def _require_wheel(requirement: str, *, file: Path, number: int, digest: hashlib._Hash) -> None:
    """Refuse source code: it would be built for this machine, and its changes are not in the digest."""
    is_editable = requirement.startswith(("-e", "--editable"))
    target = requirement.rpartition("@")[2].strip().removeprefix("file://")
    path = file.parent / target
    is_local = target.startswith((".", "/")) or "/" in target.partition(";")[0]
    if is_editable or _SOURCE_CODE.search(requirement) or (is_local and path.is_dir()):
        raise UsageError(
            f"{file}, line {number}: {requirement} is source code, which would be built for this machine.",
            next_step="Copy its package into the reward folder, or build a wheel of it and name the wheel.",
        )
    if is_local and path.is_file():
        digest.update(path.read_bytes())


def _has_all(source: PackageSource, requirements: Requirements) -> bool:
    """True if the folder holds every required project, as after `pip install --target`."""
    held = {
        normalize(name.partition("/")[0].removesuffix(".dist-info").rpartition("-")[0])
        for name in (file.name for file in source.files)
        if name.partition("/")[0].endswith(".dist-info")
    }
    names = {normalize(match[0]) for line in requirements.lines if (match := _NAME.match(line))}
    return bool(names) and names <= held
