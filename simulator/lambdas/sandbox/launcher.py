"""The simulator's side of the launcher: starts it, and starts and ends execution environments through it."""

import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import simulator
from simulator.lambdas import memory
from simulator.lambdas.sandbox.function_user import FUNCTION_GID, FUNCTION_UID, OUTSIDE_GID, OUTSIDE_UID
from simulator.lambdas.sandbox.launcher_main import MAX_MESSAGE_BYTES
from simulator.lambdas.sandbox.root_folder import RootFolder

_CREDENTIALS: Final = struct.Struct("3i")  # process id, user id, group id: unix(7)
_START_SECONDS: Final = 10.0

# `-I -S` keep the user's packages out; the simulator's own folder is added by name.
_LAUNCH: Final = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from simulator.lambdas.sandbox.launcher_main import main; main()"
)


class SandboxUnavailableError(OSError):
    """This machine does not let the simulator create namespaces; the message says which call failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentRequest:
    """What one environment needs: see the protocol in `launcher_main`.

    Attributes:
        argv: the command, with paths inside the environment.
        environment: its environment variables.
        task: the folder that becomes /var/task, relative to the pool's folder.
        opt: the folder that becomes /opt, or None.
        tmp_mb: the size of /tmp.
    """

    argv: Sequence[str]
    environment: Mapping[str, str]
    task: str
    opt: str | None
    tmp_mb: int


class Launcher:
    """A running launcher. `start` may be called from several threads."""

    def __init__(self, root_folder: RootFolder) -> None:
        """Start the launcher and wait until it is ready.

        Raises:
            SandboxUnavailableError: it cannot create the namespaces or the mounts.
        """
        self._channel, child_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel.settimeout(_START_SECONDS)
        # As root, functions run as a user who does not own the package, as on Lambda. Others can only map themselves.
        self.has_own_user = os.geteuid() == 0
        config = json.dumps(asdict(root_folder) | {"has_own_user": self.has_own_user})
        with child_end:
            self._process = subprocess.Popen(  # noqa: S603 - the simulator's own program
                [
                    *(sys.executable, "-I", "-S", "-B", "-c", _LAUNCH, os.fspath(Path(simulator.__file__).parents[1])),
                    *(str(child_end.fileno()), config),
                ],
                stdin=subprocess.DEVNULL,
                env={},
                start_new_session=True,
                pass_fds=(child_end.fileno(),),
            )
        try:
            self._expect("unshared")
            self._map_users()
            self._channel.send(b"mapped")
            self._expect("ready")
        except OSError as error:
            self.close()
            raise SandboxUnavailableError(str(error)) from error
        self._channel.settimeout(None)

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def start(self, request: EnvironmentRequest, *, log_fd: int) -> "NamespaceProcess":
        """Start an environment; stdout and stderr go to `log_fd`.

        Raises:
            OSError: it could not be started.
        """
        control, child_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        with child_end:
            message = json.dumps(asdict(request)).encode()
            socket.send_fds(self._channel, [message], [child_end.fileno(), log_fd])
        return NamespaceProcess(control)

    def close(self) -> None:
        """End the launcher and with it every environment."""
        self._channel.close()
        try:
            self._process.wait(_START_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _expect(self, word: str) -> None:
        answer = self._channel.recv(MAX_MESSAGE_BYTES).decode()
        if answer != word:
            raise OSError(answer.removeprefix("error ") or "the launcher exited")

    def _map_users(self) -> None:
        folder = Path("/proc", str(self._process.pid))
        user_map, group_map = f"0 {os.geteuid()} 1\n", f"0 {os.getegid()} 1\n"
        if self.has_own_user:
            user_map += f"{FUNCTION_UID} {OUTSIDE_UID} 1\n"
            group_map += f"{FUNCTION_GID} {OUTSIDE_GID} 1\n"
        else:
            _write(folder / "setgroups", "deny")
        _write(folder / "uid_map", user_map)
        _write(folder / "gid_map", group_map)


def _write(path: Path, text: str) -> None:
    """Write in one call, as the kernel requires for these files."""
    file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)


class NamespaceProcess:
    """The process of a function in its own namespaces. Only `kill` may be called from another thread."""

    def __init__(self, control: socket.socket) -> None:
        """Wait until the function's process exists.

        Raises:
            OSError: it could not be started.
        """
        self._control = control
        self._return_code: int | None = None
        self._init_fd = -1
        control.settimeout(_START_SECONDS)
        try:
            self._init = self._receive_pid("init")
            self._init_fd = os.pidfd_open(self._init)
            self.pid = self._receive_pid("function")
        except OSError:
            self.close()
            raise
        control.setblocking(False)

    @property
    def return_code(self) -> int | None:
        """The exit code, negative for a signal; None while the process runs.

        Raises:
            OSError: the function could not be started.
        """
        if self._return_code is None:
            try:
                word, _, value = self._control.recv(MAX_MESSAGE_BYTES).decode().partition(" ")
            except BlockingIOError:
                return None
            if word == "error":
                raise OSError(f"the execution environment could not be started: {value}")
            self._return_code = int(value) if word == "exit" else -signal.SIGKILL
        return self._return_code

    def process_ids(self) -> list[int]:
        """Return the function's process and every other one in the environment, whose parent may have ended."""
        return [self.pid, *(pid for pid in memory.descendants(self._init) if pid != self.pid)]

    def wait(self, seconds: float) -> None:
        """Wait until the process has ended, up to `seconds`."""
        if self._return_code is None:
            select.select([self._control], [], [], seconds)

    def kill(self) -> None:
        """End the function and every process that it started. Safe from any thread."""
        with suppress(OSError):  # it has ended, or was closed by another thread
            signal.pidfd_send_signal(self._init_fd, signal.SIGKILL)

    def close(self) -> None:
        """End the environment and wait until none of its processes is left."""
        if self._init_fd >= 0:
            self.kill()
            select.select([self._init_fd], [], [])
            os.close(self._init_fd)
            self._init_fd = -1
            with suppress(OSError):
                _ = self.return_code  # it stays known
        self._control.close()

    def _receive_pid(self, word: str) -> int:
        message, ancillary, _, _ = self._control.recvmsg(MAX_MESSAGE_BYTES, socket.CMSG_SPACE(_CREDENTIALS.size))
        if message != word.encode():
            text = message.decode().removeprefix("error ") or "the launcher has exited"
            raise OSError(f"the execution environment could not be started: {text}")
        (_, _, data) = ancillary[0]
        pid: int = _CREDENTIALS.unpack(data)[0]
        return pid
