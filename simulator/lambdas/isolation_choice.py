"""Chooses how the environments of a pool are separated from this machine."""

import os
import sys
from pathlib import Path

from simulator.lambdas.folder_isolation import FolderIsolation
from simulator.lambdas.interpreters import Interpreter
from simulator.lambdas.isolation import Isolation
from simulator.lambdas.sandbox.isolation import SandboxIsolation
from simulator.lambdas.sandbox.launcher import SandboxUnavailableError
from simulator.settings import LambdaIsolation


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


def _missing_support() -> str | None:
    if sys.platform != "linux":
        return f"namespaces need Linux, and this is {sys.platform}"
    return None if hasattr(os, "pidfd_open") else "this Python was built for a Linux older than 5.3"
