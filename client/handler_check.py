"""Check that a package defines the handler that Lambda calls, before anything is uploaded."""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Final

from client.errors import UsageError

HANDLER_MODULE, HANDLER_FUNCTION = "lambda_function", "lambda_handler"

HANDLER: Final = f"{HANDLER_MODULE}.{HANDLER_FUNCTION}"
"""The handler of a folder or a zip if none is given, as Lambda's console names it."""

# A syntax tree needs about a hundred times the memory of its source.
_MAX_SOURCE_BYTES: Final = 5_000_000


def require_handler(handler: str, *, names: Sequence[str], read: Callable[[str], bytes], location: str) -> None:
    """Check the handler of a package by its syntax tree; nothing of it runs.

    Args:
        handler: module and function, such as `lambda_function.lambda_handler`.
        names: the files of the package.
        read: returns the content of one of them.
        location: where the files are, for messages; a name can follow it, such as `reward/` or `reward.zip: `.

    Raises:
        UsageError: there is no such module or function, Python cannot read the module, or Lambda cannot call it.
    """
    module, dot, function = handler.rpartition(".")
    if not dot or not module or not function:
        raise UsageError(
            f"--handler {handler} is not a handler.",
            next_step=f"Give a module and a function, such as --handler {HANDLER}.",
        )
    # Lambda's runtime is written in Python. It imports standard modules before it imports the handler.
    if (top := module.replace("/", ".").partition(".")[0]) in sys.stdlib_module_names:
        raise UsageError(
            f"The handler's module {top} has the name of a standard module, which Python would import instead.",
            next_step="Rename it.",
        )
    module_path = module.replace(".", "/")
    name = next((name for name in (f"{module_path}.py", f"{module_path}/__init__.py") if name in names), None)
    if name is None:
        raise _missing_module_error(f"{module_path}.py", function=function, names=names, read=read, location=location)
    _require_function(function, tree=_parse(read(name), path=f"{location}{name}"), module=module, path=location + name)


def _missing_module_error(
    expected: str, *, function: str, names: Sequence[str], read: Callable[[str], bytes], location: str
) -> UsageError:
    """Return the error for a missing module, with a file that may be meant."""
    message = f"{location}{expected} does not exist."
    for name in names:
        if name.endswith(f"/{expected}"):
            return UsageError(
                message, next_step=f"There is {name}: give the contents of the folder {name.removesuffix(expected)}."
            )
    for name in names:
        if name.endswith(".py") and f"def {function}(".encode() in read(name):
            other = name.removesuffix(".py").replace("/", ".")
            return UsageError(message, next_step=f"{name} defines {function}: use --handler {other}.{function}.")
    return UsageError(
        message,
        next_step=f"A package holds {expected} with {function}(event, context), or --handler MODULE.FUNCTION names it.",
    )


def _parse(source: bytes, *, path: str) -> ast.Module:
    next_step = "Python cannot read this file, so Lambda cannot either."
    if len(source) > _MAX_SOURCE_BYTES:
        raise UsageError(
            f"{path} has {len(source):,} bytes, more than the {_MAX_SOURCE_BYTES:,} that are checked.",
            next_step="Move data to another file.",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # for example of an invalid escape sequence
            return ast.parse(source)
    except SyntaxError as error:
        # There is no line for an unknown encoding or a NUL.
        line = f", line {error.lineno}" if error.lineno else ""
        raise UsageError(f"{path}{line}: {error.msg}", next_step=next_step) from error
    except ValueError as error:  # some versions of Python raise it for a NUL
        raise UsageError(f"{path}: {error}", next_step=next_step) from error
    except (RecursionError, MemoryError) as error:  # the stack of the parser is full, not the memory
        raise UsageError(f"{path}: an expression is nested too deeply", next_step=next_step) from error


def _require_function(function: str, *, tree: ast.Module, module: str, path: str) -> None:
    if any(isinstance(node, ast.AsyncFunctionDef) and node.name == function for node in tree.body):
        raise UsageError(
            f"{path} defines {function} with `async def`, and Lambda does not await it.",
            next_step="Define it with `def`, and call asyncio.run(...) in it.",
        )
    bound = _bound_names(tree)
    if function in bound or "*" in bound:
        return
    handlers = sorted(name for name in bound if "handler" in name.lower())
    advice = f" Use --handler {module}.{handlers[0]}?" if handlers else ""
    raise UsageError(
        f"{path} defines no {function}.", next_step=f"Lambda calls {module}.{function}(event, context).{advice}"
    )


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
