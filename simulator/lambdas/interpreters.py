"""Finds the Python interpreter of a function's Runtime on this machine.

A managed runtime has one minor version of CPython. A candidate is run once, isolated, to learn what it is, because a
name proves nothing: pyenv's `shims/python3.12` is a script, and `python3.12` of a virtual environment is a link.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Self

OLDEST_RUNNABLE: Final = (3, 10)
"""AWS's runtime client and boto3, which every function gets, need at least this Python."""

_PROBE_SECONDS: Final = 10.0

# abiflags: the interpreters without the GIL ("t") and with debug checks ("d") load other compiled modules.
_PROBE: Final = (
    "import json, os, sys; "
    "executable = getattr(sys, '_base_executable', None) or sys.executable; "
    "print(json.dumps([sys.implementation.name + sys.abiflags, sys.version_info[:2], "
    "os.path.realpath(executable), os.path.realpath(sys.base_prefix)]))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """A CPython of this machine: its binary and its base prefix, without links and virtual environments."""

    executable: Path
    prefix: Path
    version: tuple[int, int]

    @property
    def runtime(self) -> str:
        """The identifier of the managed runtime that has this Python, such as `python3.11`."""
        return f"python{self.version[0]}.{self.version[1]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class InterpreterFolders:
    """Where interpreters besides the simulator's own are searched: the folders of PATH, and uv's and pyenv's."""

    path: tuple[Path, ...] = ()
    uv: Path | None = None
    pyenv: Path | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Return the folders that PATH, UV_PYTHON_INSTALL_DIR, PYENV_ROOT and HOME name."""
        home = environment.get("HOME")
        data = environment.get("XDG_DATA_HOME") or (f"{home}/.local/share" if home else None)
        uv = environment.get("UV_PYTHON_INSTALL_DIR") or (f"{data}/uv/python" if data else None)
        pyenv = environment.get("PYENV_ROOT") or (f"{home}/.pyenv" if home else None)
        return cls(
            path=tuple(Path(folder) for folder in environment.get("PATH", "").split(os.pathsep) if folder),
            uv=Path(uv) if uv else None,
            pyenv=Path(pyenv) / "versions" if pyenv else None,
        )


OWN_INTERPRETER_ONLY: Final = InterpreterFolders()


@cache
def own_interpreter() -> Interpreter:
    """Return the interpreter that runs the simulator, outside its virtual environment."""
    executable = getattr(sys, "_base_executable", None) or sys.executable
    return Interpreter(
        executable=Path(os.path.realpath(executable)),
        prefix=Path(os.path.realpath(sys.base_prefix)),
        version=sys.version_info[:2],
    )


def find_interpreter(runtime: str, folders: InterpreterFolders = OWN_INTERPRETER_ONLY) -> Interpreter | None:
    """Return the interpreter of a managed runtime such as `python3.12`, or None if this machine has none.

    The simulator's own is preferred, then PATH, uv's and pyenv's, the newest patch version first.
    """
    own = own_interpreter()
    if runtime == own.runtime:
        return own
    version = parse_runtime(runtime)
    if version is None or version < OLDEST_RUNNABLE:
        return None
    found = (inspect_interpreter(candidate) for candidate in _candidates(version, folders))
    return next((interpreter for interpreter in found if interpreter and interpreter.version == version), None)


@cache
def inspect_interpreter(candidate: Path) -> Interpreter | None:
    """Run a candidate once and return what it is, or None if it is no usable CPython. The result is kept."""
    if _is_script(candidate):
        return None
    try:
        answer = subprocess.run(  # noqa: S603 - an interpreter of the user's own PATH or tools
            [candidate, "-I", "-S", "-c", _PROBE],
            capture_output=True,
            check=True,
            env={},  # functions do not inherit the simulator's environment either
            stdin=subprocess.DEVNULL,
            timeout=_PROBE_SECONDS,
        ).stdout
        implementation, (major, minor), executable, prefix = json.loads(answer)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    if implementation != "cpython":
        return None
    return Interpreter(executable=Path(executable), prefix=Path(prefix), version=(major, minor))


def is_python_runtime(runtime: str) -> bool:
    """Return whether a Runtime is Python and not another language."""
    return parse_runtime(runtime) is not None


def nearest_interpreter(runtime: str, folders: InterpreterFolders = OWN_INTERPRETER_ONLY) -> Interpreter:
    """Return the interpreter of a managed runtime if this machine has it, else the simulator's own."""
    return find_interpreter(runtime, folders) or own_interpreter()


def describe_missing_python(runtime: str) -> tuple[str, str]:
    """Return why a Python runtime has no interpreter here, as a sentence without its end, and what to do."""
    reason = f"The function's Runtime is {runtime}, but"
    version = parse_runtime(runtime)
    if version is None or version < OLDEST_RUNNABLE:
        oldest = _format_version(OLDEST_RUNNABLE)
        advice = f"Deploy it with Runtime {own_interpreter().runtime}"
        return f"{reason} the simulator runs functions on Python {oldest} or newer", advice
    wanted = _format_version(version)
    advice = f"Install Python {wanted}, for example with `uv python install {wanted}`"
    return f"{reason} no Python {wanted} was found on this machine", advice


def describe_other_python(runtime: str, interpreter: Interpreter) -> str | None:
    """Return what to know when a function runs on another Python than that of its Runtime, or None."""
    if runtime == interpreter.runtime or not is_python_runtime(runtime):
        return None
    reason, advice = describe_missing_python(runtime)
    return f"{reason}, so it runs on Python {_format_version(interpreter.version)} here. {advice}."


def _format_version(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def _candidates(version: tuple[int, int], folders: InterpreterFolders) -> Iterator[Path]:
    name = f"python{version[0]}.{version[1]}"
    prefixes = (
        *_versions(folders.uv, f"cpython-{version[0]}.{version[1]}.*"),
        *_versions(folders.pyenv, f"{version[0]}.{version[1]}.*"),
    )
    for folder in (*folders.path, *(prefix / "bin" for prefix in prefixes)):
        candidate = folder / name
        if os.access(candidate, os.X_OK) and candidate.is_file():
            yield candidate


def _versions(folder: Path | None, pattern: str) -> list[Path]:
    """Return the installations below a folder of uv or pyenv, the newest patch version first."""
    return sorted(folder.glob(pattern), key=_patch_version, reverse=True) if folder else []


def _patch_version(prefix: Path) -> tuple[int, str]:
    digits = prefix.name.split(".")[2].partition("-")[0].partition("+")[0]
    return (int(digits) if digits.isdecimal() else -1, prefix.name)


def parse_runtime(runtime: str) -> tuple[int, int] | None:
    """Return the Python version of a Runtime, or None for another language."""
    major, dot, minor = runtime.removeprefix("python").partition(".")
    if not (runtime.startswith("python") and dot and major.isdecimal() and minor.isdecimal()):
        return None
    return (int(major), int(minor))


def _is_script(candidate: Path) -> bool:
    try:
        with candidate.open("rb") as file:
            return file.read(2) == b"#!"
    except OSError:
        return True
