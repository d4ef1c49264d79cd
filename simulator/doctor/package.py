"""Builds a Lambda package from the files of a reward function, and checks it before anything runs."""

import ast
import io
import stat
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from simulator.lambdas.archive import unpack
from simulator.lambdas.errors import InvalidZipFile
from simulator.lambdas.limits import MAX_UNZIPPED_BYTES

HANDLER_MODULE: Final = "lambda_function"
HANDLER_FUNCTION: Final = "lambda_handler"
DEFAULT_HANDLER: Final = f"{HANDLER_MODULE}.{HANDLER_FUNCTION}"
"""The handler of a folder or zip if none is given. `rft deploy` uses it, and it is Lambda's default."""

_EARLIEST_ZIP_DATE: Final = (1980, 1, 1, 0, 0, 0)
_REGULAR_FILE: Final = 0o100644 << 16
_PROGRAM: Final = 0o100755 << 16
_EXECUTABLE: Final = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH
_UNIX: Final = 3

# A syntax tree needs about a hundred times the memory of its source.
_MAX_SOURCE_BYTES: Final = 5_000_000


class LoadError(Exception):
    """A reward function cannot be tested. The message says why, and what to do, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A zip archive and the handler in it. The bytes depend only on the files."""

    content: bytes
    handler: str


def build_package(path: Path, *, handler: str | None) -> Package:
    """Return a folder, a .py file or a zip as a package, after a check of its handler.

    A folder is packed as `rft deploy` packs it, so the doctor tests the bytes that would be deployed. A single file
    keeps its name, and its handler is its `lambda_handler`.

    Raises:
        LoadError: the path is none of the three, the package is too large for Lambda, its archive is invalid, it has no
            such handler, or its Python is invalid.
    """
    if path.is_dir():
        package = Package(content=_zip_files(_list_files(path)), handler=handler or DEFAULT_HANDLER)
        prefix = f"{path}/"
    elif path.suffix == ".py":
        # Python reads a dot in a module's name as a package.
        module = HANDLER_MODULE if "." in path.stem else path.stem
        content = _zip_files([_File(name=f"{module}.py", content=_read(path))])
        package = Package(content=content, handler=handler or f"{module}.{HANDLER_FUNCTION}")
        prefix = f"{path.parent}/" if path.parent != Path() else ""
    else:
        package = Package(content=_read(path), handler=handler or DEFAULT_HANDLER)
        prefix = f"{path}: "
    _validate(package, name=str(path), prefix=prefix)
    return package


def _read(path: Path) -> bytes:
    if path.exists() and not path.is_file():  # reading a pipe would wait for a writer
        raise LoadError(f"{path} is a pipe or a device. Give a folder, a .py file or a zip.")
    try:
        _check_size(path.stat().st_size, name=str(path))
        return path.read_bytes()
    except OSError as error:
        raise LoadError(f"{path} cannot be read: {error.strerror}.") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    name: str
    content: bytes
    is_executable: bool = False


def _list_files(folder: Path) -> list[_File]:
    """Return a folder's files, sorted, without caches and hidden files. Links inside the folder are followed."""
    root = folder.resolve()
    files = []
    total = 0
    for path in _walk(folder, root=root, parents=(root,)):
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise LoadError(f"{path} is a pipe, a socket or a device, which a zip cannot hold. Remove it.")
        total += status.st_size
        _check_size(total, name=str(folder))
        name = path.relative_to(folder).as_posix()
        files.append(_File(name=name, content=_read(path), is_executable=bool(status.st_mode & _EXECUTABLE)))
    return sorted(files, key=lambda file: file.name)


def _walk(folder: Path, *, root: Path, parents: tuple[Path, ...]) -> Iterator[Path]:
    """Yield what is in a folder and is not a folder."""
    for path in sorted(folder.iterdir()):
        if path.suffix == ".pyc" or path.name.startswith(".") or path.name == "__pycache__":
            continue
        if not _is_unicode(path.name):
            raise LoadError(f"{folder} holds a file whose name is not UTF-8: {path.name!a}. Rename it or remove it.")
        target = path.resolve()
        # A link to a file elsewhere would pack that file.
        if path.is_symlink() and not target.is_relative_to(root):
            raise LoadError(
                f"{path} is a link to {target}, outside of the folder, and `rft deploy` refuses it. Replace it "
                "with a copy, or remove it."
            )
        if path.is_symlink() and not target.exists():
            raise LoadError(f"{path} is a link to {target}, which does not exist. Remove the link.")
        if target in parents:
            raise LoadError(f"{path} is a link to a folder that contains it. Remove the link.")
        if path.is_dir():
            yield from _walk(path, root=root, parents=(*parents, target))
        else:
            yield path


def _is_unicode(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_size(size: int, *, name: str) -> None:
    if size > MAX_UNZIPPED_BYTES:
        raise LoadError(
            f"{name} is larger than {MAX_UNZIPPED_BYTES:,} bytes, the most that Lambda accepts unzipped. Remove what "
            "the function does not read."
        )


def _zip_files(files: Sequence[_File]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for file in files:
            entry = zipfile.ZipInfo(file.name, date_time=_EARLIEST_ZIP_DATE)
            entry.external_attr = _PROGRAM if file.is_executable else _REGULAR_FILE
            entry.create_system = _UNIX
            archive.writestr(entry, file.content)
    return buffer.getvalue()


def _validate(package: Package, *, name: str, prefix: str) -> None:
    module, dot, function = package.handler.rpartition(".")
    if not dot or not module or not function:
        raise LoadError(
            f"{package.handler!r} is not a handler: give a module and a function, such as --handler {DEFAULT_HANDLER}."
        )
    # Lambda's runtime is written in Python. It imports standard modules before it imports the handler.
    if (top := module.replace("/", ".").partition(".")[0]) in sys.stdlib_module_names:
        raise LoadError(
            f"{name}: the handler's module {top} has the name of a standard module, which Python would import instead. "
            "Rename it."
        )
    if not zipfile.is_zipfile(io.BytesIO(package.content)):
        raise LoadError(f"{name} is not a folder, a .py file or a zip archive.")
    with tempfile.TemporaryDirectory(prefix="rft-doctor-") as folder:
        # As a worker does, so that an invalid archive is reported before the first call.
        task = Path(folder) / "task"
        try:
            unpack(code=package.content, layers=(), task_folder=task, opt_folder=Path(folder) / "opt")
        except InvalidZipFile as error:
            raise LoadError(f"{name}: {error.message}") from None
        files = sorted(path.relative_to(task).as_posix() for path in task.rglob("*") if path.is_file())
        if not files:
            raise LoadError(f"{name} is empty.")
        module_path = module.replace(".", "/")
        file = next((file for file in (f"{module_path}.py", f"{module_path}/__init__.py") if file in files), None)
        if file is None:
            raise LoadError(_missing_module_message(files, task, name=name, module=module, function=function))
        source = (task / file).read_bytes()
    if len(source) > _MAX_SOURCE_BYTES:
        raise LoadError(
            f"{prefix}{file} has {len(source):,} bytes, more than the {_MAX_SOURCE_BYTES:,} that the doctor reads. "
            "Move data to another file."
        )
    tree = _parse(source, path=f"{prefix}{file}")
    if any(isinstance(node, ast.AsyncFunctionDef) and node.name == function for node in tree.body):
        raise LoadError(
            f"{prefix}{file} defines {function} with `async def`, and Lambda does not await it. Define it with `def`, "
            "and call asyncio.run(...) in it."
        )
    bound = _bound_names(tree)
    if function not in bound and "*" not in bound:
        handlers = sorted(other for other in bound if "handler" in other.lower())
        advice = (
            f"Use --handler {module}.{handlers[0]}?"
            if handlers
            else "Name the function with --handler MODULE.FUNCTION."
        )
        raise LoadError(f"{prefix}{file} does not define {function}(event, context). {advice}")


def _missing_module_message(files: Sequence[str], task: Path, *, name: str, module: str, function: str) -> str:
    """Return a message that says that the handler's module is missing, and names a file that may be meant."""
    expected = f"{module.replace('.', '/')}.py"
    for file in files:
        if file.endswith(f"/{expected}"):
            folder = file.removesuffix(f"/{expected}")
            return f"{name} contains {file}, but not {expected}: give the contents of the folder {folder}."
    for file in files:
        if file.endswith(".py") and f"def {function}(".encode() in (task / file).read_bytes():
            other = file.removesuffix(".py").replace("/", ".")
            return (
                f"{name} does not contain {expected}, but {file} defines {function}: use --handler {other}.{function}"
            )
    return (
        f"{name} does not contain {expected} with {function}(event, context). "
        "Name the handler with --handler MODULE.FUNCTION."
    )


def _parse(source: bytes, *, path: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # for example of an invalid escape sequence
            return ast.parse(source)
    except SyntaxError as error:
        # There is no line for an unknown encoding or a NUL.
        line = f", line {error.lineno}" if error.lineno else ""
        problem = f"{path}{line}: {error.msg}"
    except ValueError as error:  # some versions of Python raise it for a NUL
        problem = f"{path}: {error}"
    except (RecursionError, MemoryError):  # the stack of the parser is full, not the memory
        problem = f"{path}: an expression is nested too deeply"
    raise LoadError(f"{problem}. Python cannot read this file, so Lambda cannot either.")


def _bound_names(tree: ast.Module) -> set[str]:
    """Return every name that the code binds, and "*" for a star import. It may return too many: running it decides."""
    bound: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                bound.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                bound |= {alias.asname or alias.name for alias in aliases}
            case ast.Name(id=name, ctx=ast.Store()):
                bound.add(name)
    return bound
