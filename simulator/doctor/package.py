"""A reward function's files as a Lambda package, looked over before anything is run."""

import ast
import io
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from simulator.lambdas.archive import unpack
from simulator.lambdas.errors import InvalidZipFile
from simulator.lambdas.limits import MAX_UNZIPPED_BYTES

HANDLER_MODULE: Final = "lambda_function"
HANDLER_FUNCTION: Final = "lambda_handler"
DEFAULT_HANDLER: Final = f"{HANDLER_MODULE}.{HANDLER_FUNCTION}"
"""The handler of a folder or zip that names none: what `rft deploy` deploys, and Lambda's own default."""

_FIRST_DATE: Final = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can hold
_REGULAR_FILE: Final = 0o100644 << 16
_UNIX: Final = 3

# A parsed program takes a hundred times the room of its text.
_LONGEST_SOURCE: Final = 5_000_000


class LoadError(Exception):
    """A reward function that cannot be examined; the message says in one line why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A zip archive and the handler in it. The bytes depend on the files alone."""

    content: bytes
    handler: str


def build_package(path: Path, *, handler: str | None) -> Package:
    """Return a folder, a .py file or a zip as a package whose handler is there and can be read.

    A folder is packed as `rft deploy` packs it, so that the very bytes are examined that would be deployed. A single
    file goes under its own name, and its handler is its `lambda_handler`.

    Raises:
        AdmissionError: it is none of the three, is larger than Lambda takes, would be refused as an archive, holds no
            such handler, or its Python is not valid.
    """
    if path.is_dir():
        package = Package(content=_zipped(_list_files(path)), handler=handler or DEFAULT_HANDLER)
        prefix = f"{path}/"
    elif path.suffix == ".py":
        # A dot in a module's name would be taken for a package's.
        module = HANDLER_MODULE if "." in path.stem else path.stem
        content = _zipped([(f"{module}.py", _read(path))])
        package = Package(content=content, handler=handler or f"{module}.{HANDLER_FUNCTION}")
        prefix = f"{path.parent}/" if path.parent != Path() else ""
    else:
        package = Package(content=_read(path), handler=handler or DEFAULT_HANDLER)
        prefix = f"{path}: "
    _validate(package, shown=str(path), prefix=prefix)
    return package


def _read(path: Path) -> bytes:
    if path.exists() and not path.is_file():  # to read a pipe is to wait for who writes to it
        raise LoadError(f"{path} is no file and no folder but a pipe or a device. Give a folder, a .py file or a zip.")
    try:
        _check_size(path.stat().st_size, shown=str(path))
        return path.read_bytes()
    except OSError as error:
        raise LoadError(f"{path} cannot be read: {error.strerror}.") from None


def _list_files(folder: Path) -> list[tuple[str, bytes]]:
    """Return the files of a folder by their paths, sorted: all but caches and hidden ones."""
    root = folder.resolve()
    files = []
    total = 0
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if inside.suffix == ".pyc" or any(part.startswith(".") or part == "__pycache__" for part in inside.parts):
            continue
        # A link to a file elsewhere would bring that file along, and a link to a folder would be left out.
        if path.is_symlink() and not path.resolve().is_relative_to(root):
            raise LoadError(
                f"{path} is a link that leads out of the folder, to {path.resolve()}; `rft deploy` refuses it. "
                "Put a copy in its place, or remove it."
            )
        if path.is_file():
            total += path.stat().st_size
            _check_size(total, shown=str(folder))
            files.append((inside.as_posix(), _read(path)))
    return sorted(files)


def _check_size(size: int, *, shown: str) -> None:
    if size > MAX_UNZIPPED_BYTES:
        raise LoadError(
            f"{shown} holds more than the {MAX_UNZIPPED_BYTES:,} bytes that Lambda takes unzipped. Leave out what the "
            "function does not read."
        )


def _zipped(files: Sequence[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files:
            entry = zipfile.ZipInfo(name, date_time=_FIRST_DATE)
            entry.external_attr = _REGULAR_FILE
            entry.create_system = _UNIX
            archive.writestr(entry, content)
    return buffer.getvalue()


def _validate(package: Package, *, shown: str, prefix: str) -> None:
    module, dot, function = package.handler.rpartition(".")
    if not dot or not module or not function:
        raise LoadError(
            f"{package.handler!r} is no handler: name a module and a function, such as --handler {DEFAULT_HANDLER}."
        )
    # Lambda's runtime is written in Python too, and has imported much of its library before it looks for the handler.
    if (top := module.replace("/", ".").partition(".")[0]) in sys.stdlib_module_names:
        raise LoadError(
            f"{shown}: the handler's module {top} has the name of one of Python's own, which would be imported in its "
            "place. Rename it."
        )
    if not zipfile.is_zipfile(io.BytesIO(package.content)):
        raise LoadError(f"{shown} is no folder, no .py file and no zip archive.")
    with tempfile.TemporaryDirectory(prefix="rft-doctor-") as folder:
        # As a worker does it, so that what is wrong with an archive is told before anything is asked.
        task = Path(folder) / "task"
        try:
            unpack(code=package.content, layers=(), task_folder=task, opt_folder=Path(folder) / "opt")
        except InvalidZipFile as error:
            raise LoadError(f"{shown}: {error.message}") from None
        names = sorted(path.relative_to(task).as_posix() for path in task.rglob("*") if path.is_file())
        if not names:
            raise LoadError(f"{shown} is empty.")
        place = module.replace(".", "/")
        found = next((name for name in (f"{place}.py", f"{place}/__init__.py") if name in names), None)
        if found is None:
            raise LoadError(_missing_module_message(names, task, shown=shown, module=module, function=function))
        source = (task / found).read_bytes()
    if len(source) > _LONGEST_SOURCE:
        raise LoadError(
            f"{prefix}{found} has {len(source):,} bytes, and no more than {_LONGEST_SOURCE:,} of Python are read. "
            "Put data into a file of its own."
        )
    tree = _parsed(source, place=f"{prefix}{found}")
    if any(isinstance(node, ast.AsyncFunctionDef) and node.name == function for node in tree.body):
        raise LoadError(
            f"{prefix}{found} defines {function} with `async def`, and Lambda awaits nothing: what it returns is no "
            "answer. Make it `def`, and call asyncio.run(...) in it."
        )
    names_bound = _bound_names(tree)
    if function not in names_bound and "*" not in names_bound:
        like = sorted(name for name in names_bound if "handler" in name.lower())
        advice = f"--handler {module}.{like[0]}?" if like else "Name another function with --handler MODULE.FUNCTION."
        raise LoadError(f"{prefix}{found} defines no {function}(event, context). {advice}")


def _missing_module_message(names: Sequence[str], task: Path, *, shown: str, module: str, function: str) -> str:
    """Say that the handler's module is not there, and where one like it is."""
    wanted = f"{module.replace('.', '/')}.py"
    for name in names:
        if name.endswith(f"/{wanted}"):
            folder = name.removesuffix(f"/{wanted}")
            return f"{shown} holds {name} and no {wanted}: give what is inside the folder {folder}."
    for name in names:
        if name.endswith(".py") and f"def {function}(".encode() in (task / name).read_bytes():
            there = name.removesuffix(".py").replace("/", ".")
            return f"{shown} holds no {wanted}, but {name} defines {function}: --handler {there}.{function}"
    return (
        f"{shown} holds no {wanted} with {function}(event, context). Name the handler with --handler MODULE.FUNCTION."
    )


def _parsed(source: bytes, *, place: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a backslash in a text, say: not what was asked
            return ast.parse(source)
    except SyntaxError as error:
        # Of an encoding that nobody knows, or a NUL, no line is told.
        line = f", line {error.lineno}" if error.lineno else ""
        said = f"{place}{line}: {error.msg}"
    except ValueError as error:  # what some Pythons say of a NUL
        said = f"{place}: {error}"
    except (RecursionError, MemoryError):  # the parser's own stack: nothing else was allocated by then
        said = f"{place}: an expression is nested too deeply"
    raise LoadError(f"{said}. Python cannot read this file, so Lambda cannot either.")


def _bound_names(tree: ast.Module) -> set[str]:
    """Return every name that a module's code binds, "*" for a star import among them; generous, as running it tells."""
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
