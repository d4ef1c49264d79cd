"""Chooses how the environments of a pool are separated from this machine."""

import sys
from pathlib import Path
from typing import Final

from simulator.lambdas.folder_isolation import FolderIsolation
from simulator.lambdas.interpreters import Interpreter, own_interpreter
from simulator.lambdas.isolation import Isolation
from simulator.lambdas.sandbox.isolation import SandboxIsolation
from simulator.lambdas.sandbox.launcher import SandboxUnavailableError
from simulator.settings import LambdaIsolation
from simulator.store.temporary_folder import create_temporary_folder, remove_folder

TEMPORARY_PREFIX: Final = "rft-lambda-"
"""Begins the names of the temporary folders of pools."""


def open_isolation(choice: LambdaIsolation, *, folder: Path, interpreter: Interpreter) -> Isolation:
    """Return the isolation of a pool whose folder exists.

    Raises:
        SandboxUnavailableError: `choice` requires namespaces and this machine does not allow them.
    """
    if choice is LambdaIsolation.NONE:
        return FolderIsolation(folder, reason="the setting lambda_isolation is none")
    if (problem := _missing_support()) is None:
        try:
            return SandboxIsolation(folder, interpreter=interpreter)
        except SandboxUnavailableError as error:
            problem = str(error)
    if choice is LambdaIsolation.NAMESPACES:
        raise SandboxUnavailableError(problem)
    return FolderIsolation(folder, reason=problem)


def find_problem(choice: LambdaIsolation) -> str | None:
    """Return why functions have no namespaces on this machine, or None. It tries, which takes a tenth of a second."""
    attempt = LambdaIsolation.NONE if choice is LambdaIsolation.NONE else LambdaIsolation.AUTO
    folder, lock = create_temporary_folder(TEMPORARY_PREFIX)
    try:
        isolation = open_isolation(attempt, folder=folder.resolve(), interpreter=own_interpreter())
        isolation.close()
        return isolation.reason
    finally:
        remove_folder(folder)
        lock.close()


def describe_missing_namespaces(reason: str) -> str:
    """Return what to know where functions have no namespaces."""
    return (
        f"Functions run without Lambda's file system, because {reason}. They share this machine's files and /tmp, so a "
        "function that fails at AWS can work here."
    )


def _missing_support() -> str | None:
    if sys.platform != "linux":
        return f"namespaces need Linux, and this is {'macOS' if sys.platform == 'darwin' else sys.platform}"
    return None
