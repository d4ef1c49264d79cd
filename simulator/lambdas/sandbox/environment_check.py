"""Starts one environment to find out whether this machine runs functions in one.

A launcher that starts proves too little: a container can forbid the mount of /proc, and the user of functions may be
unable to read the interpreter.
"""

import os
from typing import Final

from simulator.lambdas.sandbox.failures import explain_failure
from simulator.lambdas.sandbox.launcher import EnvironmentRequest, Launcher, SandboxUnavailableError

_SECONDS: Final = 60.0
_MAX_OUTPUT: Final = 4_096
_TMP_MB: Final = 1

_PROGRAM: Final = """
import os, sys
for entry in os.scandir("/var/runtime"):
    if not os.access(entry, os.R_OK | os.X_OK if entry.is_dir() else os.R_OK):
        sys.exit(f"{entry.path}: no permission to read it")
"""


def check_environment(launcher: Launcher, *, python: str) -> None:
    """Start an environment without a package, and read what functions read.

    Raises:
        SandboxUnavailableError: that is not possible.
    """
    log, log_write_end = os.pipe()
    try:
        try:
            status = _run_program(launcher, python=python, log_fd=log_write_end)
        finally:
            os.close(log_write_end)
        output = os.read(log, _MAX_OUTPUT).decode(errors="replace").splitlines()
    except OSError as error:
        raise SandboxUnavailableError(explain_failure(error)) from error
    finally:
        os.close(log)
    if status:
        raise SandboxUnavailableError(f"{python} cannot run there: {output[-1] if output else f'exit {status}'}")


def _run_program(launcher: Launcher, *, python: str, log_fd: int) -> int | None:
    request = EnvironmentRequest(
        argv=(python, "-I", "-S", "-B", "-c", _PROGRAM), environment={}, task=None, opt=None, tmp_mb=_TMP_MB
    )
    process = launcher.start(request, log_fd=log_fd)
    try:
        process.wait(_SECONDS)
        return process.return_code
    finally:
        process.close()
