"""Where the handler of a reward function is defined: the file and the line that reports point to."""

import ast
import warnings
from dataclasses import dataclass
from pathlib import Path

from simulator.doctor.package import DEFAULT_HANDLER, HANDLER_FUNCTION


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLocation:
    """A file on this machine and a line in it, from 1."""

    path: Path
    line: int = 1


def locate_handler(reward: str, *, handler: str | None) -> SourceLocation | None:
    """Return where the handler of a reward function is defined, as exactly as it can be known without running it.

    For a zip it is the zip. None for a function that is deployed elsewhere, and so has no file here.
    """
    path = Path(reward).expanduser()
    if not path.exists():
        return None
    if path.is_dir():
        module, _, function = (handler or DEFAULT_HANDLER).rpartition(".")
        stem = path / module.replace(".", "/")
        candidates = (stem.with_suffix(".py"), stem / "__init__.py")
        file = next((candidate for candidate in candidates if candidate.is_file()), None)
        return SourceLocation(path=path) if file is None else SourceLocation(path=file, line=_line(file, function))
    if path.suffix != ".py":
        return SourceLocation(path=path)
    return SourceLocation(path=path, line=_line(path, (handler or HANDLER_FUNCTION).rpartition(".")[2]))


def _line(file: Path, function: str) -> int:
    """Return the line of a function's definition, or 1."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # for example of an invalid escape sequence
            tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return 1
    definitions = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function)
    return next((node.lineno for node in definitions), 1)
