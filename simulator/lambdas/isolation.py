"""How the process of an execution environment is separated from this machine: the interface of both ways.

`sandbox.isolation` gives each environment its own namespaces, and with them Lambda's file system. `folder_isolation` is
for machines where that is forbidden: each environment has folders of its own, but sees this machine's file system.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from simulator.lambdas.function import FunctionSpec
from simulator.lambdas.interpreters import Interpreter


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentPaths:
    """The paths of an environment, as its function sees them.

    Attributes:
        task: /var/task, the package.
        opt: /opt, the layers.
        tmp: /tmp.
        home: HOME, or None where the user database names the home folder.
        runtime: /var/runtime, the packages of the managed runtime.
        bootstrap: the script that starts the runtime client.
        python: the interpreter.
        python_version: its major and minor version.
    """

    task: str
    opt: str
    tmp: str
    home: str | None
    runtime: str
    bootstrap: str
    python: str
    python_version: tuple[int, int]

    def import_path(self, runtime: str) -> tuple[str, ...]:
        """Return the folders of a function's imports before the standard library, in AWS's order.

        Of a layer's packages for several Pythons, only those of the function's own `runtime` count.
        """
        layers = f"{self.opt}/python"
        return (self.task, f"{layers}/lib/{runtime}/site-packages", layers, self.runtime)


class FunctionProcess(Protocol):
    """A running function. Only `kill` may be called from another thread."""

    @property
    def pid(self) -> int:
        """The id of the function's process on this machine."""

    @property
    def return_code(self) -> int | None:
        """The exit code, negative for a signal; None while the process runs."""

    def process_ids(self) -> list[int]:
        """Return `pid` and the ids of every process that the function has started."""

    def wait(self, seconds: float) -> None:
        """Wait until the function's process has ended, up to `seconds`."""

    def kill(self) -> None:
        """Kill the function and every process that it has started."""

    def close(self) -> None:
        """Kill the function, wait for its end and release its resources."""


class EnvironmentFiles(Protocol):
    """The files of one environment. Its process may be started more than once, one after the other."""

    @property
    def paths(self) -> EnvironmentPaths:
        """Their paths, as the function sees them."""

    def start(self, command: Sequence[str], *, variables: Mapping[str, str], log_fd: int) -> FunctionProcess:
        """Start a process whose stdout and stderr go to `log_fd`.

        Raises:
            OSError: it cannot be started.
        """

    def to_aws_paths(self, text: bytes) -> bytes:
        """Replace this machine's paths in the output of the function by the paths that it has on AWS."""

    def remove(self) -> None:
        """Remove the files. The process has ended."""


class Isolation(Protocol):
    """Creates the files of environments in one pool."""

    @property
    def reason(self) -> str | None:
        """Why environments have no namespaces of their own; None if they have them."""

    def create_files(self, spec: FunctionSpec, *, interpreter: Interpreter) -> EnvironmentFiles:
        """Unpack the package and the layers of a function for a new environment.

        Raises:
            InvalidZipFile: one of them cannot be unpacked; no file is left.
            OSError: an environment cannot be created.
        """

    def close(self) -> None:
        """Release everything. All environments have ended."""
