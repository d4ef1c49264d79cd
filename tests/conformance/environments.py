"""The environments of the clients under test, installed on demand from the requirements files in this folder.

    python -m tests.conformance.environments

installs those that are missing or out of date into `.conformance/`. It needs the package registries, pip, and npm for
the Node clients. It imports only the standard library.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
INSTALL_COMMAND: Final = "python -m tests.conformance.environments"

_FOLDER: Final = ROOT / ".conformance"
_STAMP_FILE: Final = "made-from"
_NODE: Final = HERE / "node"


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """An environment: `spec_files` list its packages, and `install` installs them."""

    name: str
    spec_files: tuple[Path, ...]
    install: Callable[["Environment"], None]

    @property
    def folder(self) -> Path:
        """The folder of the environment."""
        return _FOLDER / self.name

    @property
    def python(self) -> Path:
        """The interpreter of a Python environment."""
        return self.folder / "bin" / "python"

    @property
    def is_installed(self) -> bool:
        """True if it is up to date with its files; a virtual environment without its Python is not."""
        stamp = self.folder / _STAMP_FILE
        has_interpreter = self.install is not _install_python or self.python.exists()
        return has_interpreter and stamp.exists() and stamp.read_text() == self._spec_digest()

    def install_if_needed(self) -> str:
        """Install it if it is missing or out of date, and return a line to print.

        Raises:
            InstallError: a command failed or is missing.
        """
        if self.is_installed:
            return f"{self.name}: up to date"
        started = time.monotonic()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.install(self)
        (self.folder / _STAMP_FILE).write_text(self._spec_digest())
        return f"{self.name}: installed in {time.monotonic() - started:.0f} s"

    def _spec_digest(self) -> str:
        return sha256(b"".join(path.read_bytes() for path in self.spec_files)).hexdigest()


class InstallError(Exception):
    """An environment could not be installed; the message has the command and its output."""


def _run(*command: str, folder: Path) -> None:
    if shutil.which(command[0]) is None:
        raise InstallError(f"{command[0]} is not on the PATH")
    result = subprocess.run(
        command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if result.returncode:
        raise InstallError(f"{' '.join(command)}\n{result.stdout}")


def _install_python(environment: Environment) -> None:
    # The requirements are complete, so there is nothing to resolve. Compiling all modules would take longest of all.
    [requirements] = environment.spec_files
    _run(sys.executable, "-m", "venv", "--without-pip", str(environment.folder), folder=HERE)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(environment.python))
    _run(*pip, "install", "--quiet", "--no-deps", "--no-compile", "--requirement", str(requirements), folder=HERE)


def _install_node(environment: Environment) -> None:
    for path in environment.spec_files:
        shutil.copy(path, environment.folder)
    _run("npm", "ci", "--no-audit", "--no-fund", folder=environment.folder)


OLDEST: Final = Environment(name="oldest", spec_files=(HERE / "requirements-oldest.txt",), install=_install_python)
NEWEST: Final = Environment(name="newest", spec_files=(HERE / "requirements-newest.txt",), install=_install_python)
LITELLM: Final = Environment(name="litellm", spec_files=(HERE / "requirements-litellm.txt",), install=_install_python)
NODE: Final = Environment(
    name="node",
    spec_files=(_NODE / "package.json", _NODE / "package-lock.json", _NODE / ".npmrc"),
    install=_install_node,
)
ENVIRONMENTS: Final = (LITELLM, OLDEST, NEWEST, NODE)  # the slowest first


def main() -> int:
    """Install all, two at a time, and return the number of failures."""
    failed = 0
    _FOLDER.mkdir(exist_ok=True)
    (_FOLDER / ".gitignore").write_text("*\n")
    with ThreadPoolExecutor(max_workers=2) as pool:
        for environment, installation in [
            (environment, pool.submit(environment.install_if_needed)) for environment in ENVIRONMENTS
        ]:
            try:
                print(installation.result(), flush=True)
            except InstallError as error:
                failed += 1
                print(f"{environment.name}: not installed: {error}", file=sys.stderr, flush=True)
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
