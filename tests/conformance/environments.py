"""The environments of the clients that are tried, each made on demand from files that stand beside this one.

    python -m tests.conformance.environments

makes those that are missing or out of date, in the checkout's `.conformance/`. It needs the package registries, pip,
and npm for the Node clients; the standard library is all that it imports.
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
    """A client's own environment: `spec_files` are the files that say what is in it, `install` what puts it there."""

    name: str
    spec_files: tuple[Path, ...]
    install: Callable[["Environment"], None]

    @property
    def folder(self) -> Path:
        """Where it stands."""
        return _FOLDER / self.name

    @property
    def python(self) -> Path:
        """Its interpreter, when it is one of Python."""
        return self.folder / "bin" / "python"

    @property
    def is_installed(self) -> bool:
        """Whether it stands as its recipe says; a virtual environment whose Python has gone does not."""
        stamp = self.folder / _STAMP_FILE
        interpreter = self.install is not _python or self.python.exists()
        return interpreter and stamp.exists() and stamp.read_text() == self._spec_digest()

    def install_if_needed(self) -> str:
        """Make it unless it stands; return a line about it.

        Raises:
            MakingError: a command failed or is missing.
        """
        if self.is_installed:
            return f"{self.name}: stands"
        started = time.monotonic()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.install(self)
        (self.folder / _STAMP_FILE).write_text(self._spec_digest())
        return f"{self.name}: made in {time.monotonic() - started:.0f} s"

    def _spec_digest(self) -> str:
        return sha256(b"".join(path.read_bytes() for path in self.spec_files)).hexdigest()


class InstallError(Exception):
    """An environment could not be made; the message says which command failed, and what it said."""


def _run(*command: str, folder: Path) -> None:
    if shutil.which(command[0]) is None:
        raise InstallError(f"{command[0]} is needed and not on the PATH")
    done = subprocess.run(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise InstallError(f"{' '.join(command)}\n{done.stdout}")


def _python(environment: Environment) -> None:
    # The requirements are a whole freeze and nothing is left to resolve; compiling what is never imported takes longer
    # than all the rest.
    [requirements] = environment.spec_files
    _run(sys.executable, "-m", "venv", "--without-pip", str(environment.folder), folder=HERE)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(environment.python))
    _run(*pip, "install", "--quiet", "--no-deps", "--no-compile", "--requirement", str(requirements), folder=HERE)


def _node(environment: Environment) -> None:
    for path in environment.spec_files:
        shutil.copy(path, environment.folder)
    _run("npm", "ci", "--no-audit", "--no-fund", folder=environment.folder)


OLDEST: Final = Environment(name="oldest", spec_files=(HERE / "requirements-oldest.txt",), install=_python)
NEWEST: Final = Environment(name="newest", spec_files=(HERE / "requirements-newest.txt",), install=_python)
LITELLM: Final = Environment(name="litellm", spec_files=(HERE / "requirements-litellm.txt",), install=_python)
NODE: Final = Environment(
    name="node",
    spec_files=(_NODE / "package.json", _NODE / "package-lock.json", _NODE / ".npmrc"),
    install=_node,
)
ENVIRONMENTS: Final = (LITELLM, OLDEST, NEWEST, NODE)  # the one that takes longest first


def main() -> int:
    """Make them all, two at a time; return how many could not be made."""
    failed = 0
    _FOLDER.mkdir(exist_ok=True)
    (_FOLDER / ".gitignore").write_text("*\n")
    with ThreadPoolExecutor(max_workers=2) as pool:
        for environment, making in [(each, pool.submit(each.install_if_needed)) for each in ENVIRONMENTS]:
            try:
                print(making.result(), flush=True)
            except InstallError as error:
                failed += 1
                print(f"{environment.name}: not made: {error}", file=sys.stderr, flush=True)
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
