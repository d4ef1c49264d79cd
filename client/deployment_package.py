"""The zip of a reward folder: its files, its handler, its name as a Lambda function."""

from __future__ import annotations

import ast
import hashlib
import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from client.errors import UsageError

HANDLER_MODULE, HANDLER_FUNCTION = "lambda_function", "lambda_handler"


HANDLER: Final = f"{HANDLER_MODULE}.{HANDLER_FUNCTION}"


# DOCUMENTED by Lambda: a zip sent inside the request holds at most 50 MB.
_MAX_ZIP_BYTES = 50 * 1024 * 1024


_REGULAR_FILE = 0o100644 << 16


_UNIX = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentPackage:
    """A zip whose bytes depend only on the files.

    Attributes:
        name: the function's name, from the folder's name.
        zip_bytes: the zip.
        sha256: of the zip, hexadecimal.
        files: the paths inside, sorted.
        folder_digest: a hash of the folder's path on this machine.
    """

    name: str
    zip_bytes: bytes
    sha256: str
    files: tuple[str, ...]
    folder_digest: str

    @property
    def role_name(self) -> str:
        """The name of the function's role."""
        return f"{self.name}-role"


def build_package(folder: Path) -> DeploymentPackage:
    """Zip the files of `folder`, except caches and hidden files.

    Entries are sorted, dated 1980 and stored uncompressed: zlib's output differs between builds, and the service
    compares hashes.

    Raises:
        UsageError: no folder, no `lambda_function.py`, no handler in it, too large, or a link to a path outside it.
    """
    if not folder.is_dir():
        raise UsageError(
            f"{folder} is not a folder.", next_step=f"Give the folder that holds {HANDLER_MODULE}.py (--reward DIR)."
        )
    _require_inside(folder)
    _require_handler(folder / f"{HANDLER_MODULE}.py")
    paths = sorted(
        (path.relative_to(folder).as_posix(), path)
        for path in folder.rglob("*")
        if path.is_file() and not _is_excluded(path.relative_to(folder))
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, path in paths:
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = _REGULAR_FILE
            entry.create_system = _UNIX
            archive.writestr(entry, path.read_bytes())
    content = buffer.getvalue()
    if len(content) > _MAX_ZIP_BYTES:
        raise UsageError(
            f"{folder} makes a zip of {len(content) / 2**20:.0f} MB; Lambda takes 50 MB in a request.",
            next_step="Move large dependencies into a Lambda layer.",
        )
    return DeploymentPackage(
        name=function_name_for(folder),
        zip_bytes=content,
        sha256=hashlib.sha256(content).hexdigest(),
        files=tuple(name for name, _ in paths),
        folder_digest=hashlib.sha256(str(folder.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16],
    )


def function_name_for(folder: Path) -> str:
    """Return the name of the Lambda function of `folder`."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", folder.resolve().name).strip("-").lower() or "reward"
    # Lambda allows 64 characters; IAM allows the same for the role, which adds five.
    return f"rft-{name}"[:59]


def _is_excluded(path: Path) -> bool:
    return path.suffix == ".pyc" or any(part.startswith(".") or part == "__pycache__" for part in path.parts)


def _require_inside(folder: Path) -> None:
    # A link to a file elsewhere would put that file into the zip; a link to a folder would be missing from it.
    root = folder.resolve()
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() and not _is_excluded(path.relative_to(folder)) and not path.resolve().is_relative_to(root):
            raise UsageError(
                f"{path} is a link to {path.resolve()}, outside the folder; such links are not packed.",
                next_step="Replace the link with a copy if the reward function needs it, or remove it.",
            )


def _require_handler(path: Path) -> None:
    if not path.is_file():
        raise UsageError(
            f"{path} does not exist.",
            next_step=f"The reward folder holds {HANDLER_MODULE}.py with {HANDLER_FUNCTION}(event, context).",
        )
    try:
        tree = ast.parse(path.read_bytes(), filename=str(path))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise UsageError(
            f"{path}, line {line}: {error}", next_step="Python cannot read this file, so Lambda cannot either."
        ) from error
    names = {name for node in tree.body for name in _bound_names(node)}
    if HANDLER_FUNCTION not in names:
        raise UsageError(f"{path} defines no {HANDLER_FUNCTION}.", next_step=f"Lambda calls {HANDLER}(event, context).")


def _bound_names(node: ast.stmt) -> set[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            return {alias.asname or alias.name for alias in aliases}
        case _:
            return {
                child.id for child in ast.walk(node) if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store)
            }
