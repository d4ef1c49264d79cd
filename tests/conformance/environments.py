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
COMMAND: Final = "python -m tests.conformance.environments"

_FOLDER: Final = ROOT / ".conformance"
_STAMP: Final = "made-from"
_NODE: Final = HERE / "node"


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A client's own environment: `recipe` are the files that say what is in it, `making` what puts it there."""

    name: str
    recipe: tuple[Path, ...]
    making: Callable[["Environment"], None]

    @property
    def folder(self) -> Path:
        """Where it stands."""
        return _FOLDER / self.name

    @property
    def python(self) -> Path:
        """Its interpreter, when it is one of Python."""
        return self.folder / "bin" / "python"

    @property
    def is_made(self) -> bool:
        """Whether it stands as its recipe says; a virtual environment whose Python has gone does not."""
        stamp = self.folder / _STAMP
        interpreter = self.making is not _python or self.python.exists()
        return interpreter and stamp.exists() and stamp.read_text() == self._recipe_digest()

    def make(self) -> str:
        """Make it unless it stands; return a line about it.

        Raises:
            MakingError: a command failed or is missing.
        """
        if self.is_made:
            return f"{self.name}: stands"
        started = time.monotonic()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.making(self)
        (self.folder / _STAMP).write_text(self._recipe_digest())
        return f"{self.name}: made in {time.monotonic() - started:.0f} s"

    def _recipe_digest(self) -> str:
        return sha256(b"".join(path.read_bytes() for path in self.recipe)).hexdigest()


class MakingError(Exception):
    """An environment could not be made; the message says which command failed, and what it said."""


def _run(*command: str, folder: Path) -> None:
    if shutil.which(command[0]) is None:
        raise MakingError(f"{command[0]} is needed and not on the PATH")
    done = subprocess.run(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise MakingError(f"{' '.join(command)}\n{done.stdout}")


def _python(environment: Environment) -> None:
    # The requirements are a whole freeze and nothing is left to resolve; compiling what is never imported takes longer
    # than all the rest.
    [requirements] = environment.recipe
    _run(sys.executable, "-m", "venv", "--without-pip", str(environment.folder), folder=HERE)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(environment.python))
    _run(*pip, "install", "--quiet", "--no-deps", "--no-compile", "--requirement", str(requirements), folder=HERE)


def _node(environment: Environment) -> None:
    for path in environment.recipe:
        shutil.copy(path, environment.folder)
    _run("npm", "ci", "--no-audit", "--no-fund", folder=environment.folder)


OLDEST: Final = Environment(name="oldest", recipe=(HERE / "requirements-oldest.txt",), making=_python)
NEWEST: Final = Environment(name="newest", recipe=(HERE / "requirements-newest.txt",), making=_python)
LITELLM: Final = Environment(name="litellm", recipe=(HERE / "requirements-litellm.txt",), making=_python)
NODE: Final = Environment(
    name="node",
    recipe=(_NODE / "package.json", _NODE / "package-lock.json", _NODE / ".npmrc"),
    making=_node,
)
ENVIRONMENTS: Final = (LITELLM, OLDEST, NEWEST, NODE)  # the one that takes longest first


def main() -> int:
    """Make them all, two at a time; return how many could not be made."""
    failed = 0
    _FOLDER.mkdir(exist_ok=True)
    (_FOLDER / ".gitignore").write_text("*\n")
    with ThreadPoolExecutor(max_workers=2) as pool:
        for environment, making in [(each, pool.submit(each.make)) for each in ENVIRONMENTS]:
            try:
                print(making.result(), flush=True)
            except MakingError as error:
                failed += 1
                print(f"{environment.name}: not made: {error}", file=sys.stderr, flush=True)
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
