"""Install requirements for Lambda's platform into a folder, with pip or uv."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from client.errors import ClientError, Unreachable, UsageError
from client.interrupts import clean_up_on_signal
from client.package_size import MAX_UNPACKED_BYTES
from client.terminal import format_size

# DOCUMENTED ("Lambda runtimes"): up to Python 3.11 Amazon Linux 2 with glibc 2.26; from 3.12 Amazon Linux 2023, 2.34.
_GLIBC_MINORS: Final = {10: 26, 11: 26}
_NEWER_GLIBC_MINOR: Final = 34
# The first glibc that wheels of an architecture name.
_OLDEST_GLIBC_MINORS: Final = {"x86_64": 5, "aarch64": 17}
_MACHINES: Final = {"x86_64": "x86_64", "arm64": "aarch64"}
# The tags of uv's --python-platform, newest first.
_UV_GLIBC_MINORS: Final = (34, 33, 32, 31, 28, 17)

_MAX_SECONDS: Final = 900

_NO_VERSION: Final = re.compile(
    r"satisfies the requirement (?P<requirement>.+?) \(from versions: (?P<versions>[^)]*)\)"
)
_UNREACHABLE: Final = re.compile(
    r"NewConnectionError|ConnectTimeout|NameResolutionError|Failed to fetch|error sending request|Connection refused|"
    r"Could not connect|ProxyError|Temporary failure in name resolution"
)
_DOWNLOAD: Final = re.compile(r"Downloading (?P<name>\S+) \((?P<size>[0-9.]+) ?(?P<unit>[MG])i?B\)")
_MAX_SUMMARY_LINES: Final = 4
# pip's, and the sign and the arrow of uv.
_PROBLEM_STARTS: Final = ("ERROR:", "error:", "\N{MULTIPLICATION SIGN}", "\N{BOX DRAWINGS LIGHT ARC UP AND RIGHT}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LambdaPlatform:
    """A runtime and an architecture, in Lambda's words."""

    runtime: str
    architecture: str

    @property
    def python_version(self) -> str:
        """Such as `3.12`."""
        return self.runtime.removeprefix("python")

    @property
    def machine(self) -> str:
        """The architecture as wheels name it."""
        return _MACHINES[self.architecture]

    @property
    def glibc_minor(self) -> int:
        """The minor version of the runtime's glibc 2."""
        return _GLIBC_MINORS.get(int(self.python_version.partition(".")[2]), _NEWER_GLIBC_MINOR)

    def wheel_platforms(self) -> tuple[str, ...]:
        """Return the platform tags of wheels that run there, newest first."""
        oldest = _OLDEST_GLIBC_MINORS[self.machine]
        minors = range(self.glibc_minor, oldest - 1, -1)
        return (*(f"manylinux_2_{minor}_{self.machine}" for minor in minors), f"manylinux2014_{self.machine}")

    def __str__(self) -> str:
        return f"{self.runtime} on {self.architecture}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installer:
    """A command that installs, without the folder and the requirements.

    Attributes:
        name: pip or uv.
        reads_markers_here: `; python_version < "3.12"` is about this machine's Python, and not the runtime's.
    """

    name: str
    command: tuple[str, ...]
    reads_markers_here: bool = False


def find_installer(target: LambdaPlatform, *, executable: str = sys.executable) -> Installer:
    """Return pip of this Python, or uv if pip is missing or reads the markers of requirements for another Python.

    Raises:
        UsageError: there is neither.
    """
    # Another process: pip of a virtual environment is not importable everywhere that it is installed.
    has_pip = importlib.util.find_spec("pip") is not None
    is_same_python = (
        sys.platform == "linux"
        and target.python_version == f"{sys.version_info.major}.{sys.version_info.minor}"
        and platform.machine() == target.machine
    )
    uv = shutil.which("uv")
    if has_pip and (is_same_python or uv is None):
        tags = (option for tag in target.wheel_platforms() for option in ("--platform", tag))
        return Installer(
            name="pip",
            # Isolated, so that a module beside the requirements cannot take the place of pip.
            command=(
                *(executable, "-I", "-m", "pip", "install", "--only-binary=:all:", "--no-compile", "--no-user"),
                *("--no-input", "--progress-bar=off", "--disable-pip-version-check", "--no-warn-script-location"),
                *("--implementation", "cp", "--python-version", target.python_version, *tags),
            ),
            reads_markers_here=not is_same_python,
        )
    if uv is not None:
        minor = next(minor for minor in _UV_GLIBC_MINORS if minor <= target.glibc_minor)
        return Installer(
            name="uv",
            command=(
                *(uv, "pip", "install", "--only-binary", ":all:", "--no-progress", "--link-mode", "copy"),
                *("--python", executable, "--python-version", target.python_version),
                *("--python-platform", f"{target.machine}-manylinux_2_{minor}"),
            ),
        )
    raise UsageError(
        "The requirements need pip or uv to be installed into the package, and there is neither.",
        next_step=f"Run {executable} -m ensurepip, or install uv.",
    )


def install(
    installer: Installer,
    requirements_file: Path,
    *,
    target: LambdaPlatform,
    folder: Path,
    working_folder: Path,
    log_file: Path,
    report: Callable[[str], None],
) -> None:
    """Install the requirements into `folder`, and write the whole output of the installer to `log_file`.

    Args:
        installer: pip or uv.
        requirements_file: what to install.
        target: the platform; for messages, because the command of the installer has it.
        folder: where to install.
        working_folder: the folder to which paths in the requirements are relative.
        log_file: the file for the output.
        report: called with each line of the output.

    Raises:
        UsageError: there is no wheel, a download is larger than Lambda allows, or the installer failed otherwise.
        Unreachable: the package index did not answer, or it took too long.
    """
    command = [*installer.command, "--target", str(folder), "-r", str(requirements_file)]
    lines: list[str] = []
    process = subprocess.Popen(  # noqa: S603 - the user's own pip or uv
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=working_folder,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    is_late = threading.Event()

    def kill() -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)

    def stop_late() -> None:
        is_late.set()
        kill()

    watchdog = threading.Timer(_MAX_SECONDS, stop_late)
    watchdog.daemon = True
    too_large = None
    with clean_up_on_signal(kill), process, log_file.open("w", encoding="utf-8") as log:
        watchdog.start()
        try:
            for line in process.stdout or ():
                log.write(line)
                lines.append(line.rstrip())
                report(line.strip())
                if too_large := _too_large_download(line):
                    break
        finally:
            watchdog.cancel()
            if too_large or sys.exc_info()[0] is not None:
                kill()
            code = process.wait()
    if too_large:
        raise UsageError(
            f"{too_large}; Lambda takes 250 MB unpacked.",
            next_step="Take a smaller package, such as a build for CPUs only.",
        )
    if is_late.is_set():
        raise Unreachable(
            f"{installer.name} did not finish within {_MAX_SECONDS} s. Its output: {log_file}",
            next_step="Check the network and the package index, then run the same command again.",
        )
    if code:
        raise _install_error(lines, installer=installer, target=target, log_file=log_file)


def _too_large_download(line: str) -> str | None:
    match = _DOWNLOAD.search(line)
    if match is None:
        return None
    size = float(match["size"]) * (1e9 if match["unit"] == "G" else 1e6)
    return f"{match['name']} alone has {format_size(int(size))} zipped" if size > MAX_UNPACKED_BYTES else None


def _install_error(
    lines: Sequence[str], *, installer: Installer, target: LambdaPlatform, log_file: Path
) -> ClientError:
    """Return the error for the output of an installer that failed."""
    text = "\n".join(lines)
    if _UNREACHABLE.search(text):
        return Unreachable(
            f"{installer.name} could not reach the package index. Its output: {log_file}",
            next_step="Check the network. A folder that holds its packages (pip install --target) needs no index.",
        )
    if match := _NO_VERSION.search(text):
        requirement, versions = match["requirement"], match["versions"].split(", ")
        found = (
            "" if versions in ([""], ["none"]) else f" It has wheels of {', '.join(versions[-_MAX_SUMMARY_LINES:])}."
        )
        return UsageError(
            f"{requirement} has no wheel for {target} (glibc 2.{target.glibc_minor} at most).{found} "
            f"The output of {installer.name}: {log_file}",
            next_step="Name another version, build a pure-Python wheel of it and name that, or put it into a layer "
            "(--layer).",
        )
    problems = [line.strip() for line in lines if line.lstrip().startswith(_PROBLEM_STARTS)]
    summary = " ".join((problems or [line for line in lines if line.strip()])[-_MAX_SUMMARY_LINES:])
    return UsageError(
        f"{installer.name} could not install the requirements for {target}: {summary}",
        next_step=f"The whole output: {log_file}",
    )
