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
from threading import Lock
from typing import Final

import simulator
from simulator.lambdas import memory
from simulator.lambdas.sandbox import kernel
from simulator.lambdas.sandbox.failures import explain_failure
from simulator.lambdas.sandbox.function_user import FUNCTION_GID, FUNCTION_UID, OUTSIDE_GID, OUTSIDE_UID
from simulator.lambdas.sandbox.id_maps import root_id_map
from simulator.lambdas.sandbox.launcher_main import MAX_MESSAGE_BYTES
from simulator.lambdas.sandbox.root_folder import RootFolder

_CREDENTIALS: Final = struct.Struct("3i")  # process id, user id, group id: unix(7)
_START_SECONDS: Final = 60.0
"""Only a launcher that hangs takes so long. One that exits is noticed at once."""

_EXIT_SECONDS: Final = 10.0

# `-I -S` keep the user's packages out; the simulator's own folder is added by name.
_LAUNCH: Final = (
    "import sys; sys.path.append(sys.argv.pop(1)); from simulator.lambdas.sandbox.launcher_main import main; main()"
)


class SandboxUnavailableError(OSError):
    """This machine does not let the simulator create namespaces; the message says why, and what to do."""


class LauncherExitedError(OSError):
    """The launcher was killed. Another one can be started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentRequest:
    """What one environment needs: see the protocol in `launcher_main`.

    Attributes:
        argv: the command, with paths inside the environment.
        environment: its environment variables.
        task: the folder that becomes /var/task, relative to the pool's folder, or None.
        opt: the folder that becomes /opt, or None.
        tmp_mb: the size of /tmp.
    """

    argv: Sequence[str]
    environment: Mapping[str, str]
    task: str | None
    opt: str | None
    tmp_mb: int


class Launcher:
    """A running launcher. `start` may be called from several threads."""

    def __init__(self, root_folder: RootFolder, *, has_own_user: bool) -> None:
        """Start the launcher and wait until it is ready.

        With `has_own_user`, functions run as a user who does not own the package, as on Lambda. Only root can do that.

        Raises:
            SandboxUnavailableError: it cannot create the namespaces or the mounts.
        """
        self._channel, child_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel.settimeout(_START_SECONDS)
        self.has_own_user = has_own_user
        with child_end:
            self._process = subprocess.Popen(  # noqa: S603 - the simulator's own program
                [
                    *(sys.executable, "-I", "-S", "-B", "-c", _LAUNCH, os.fspath(Path(simulator.__file__).parents[1])),
                    str(child_end.fileno()),
                ],
                stdin=subprocess.DEVNULL,
                env={},
                start_new_session=True,
                pass_fds=(child_end.fileno(),),
            )
        try:
            self._expect("unshared")
            self._map_users()
            self._channel.send(json.dumps(asdict(root_folder) | {"has_own_user": has_own_user}).encode())
            self._expect("ready")
        except OSError as error:
            self.close()
            raise SandboxUnavailableError(explain_failure(error)) from error
        self._channel.settimeout(None)

    @property
    def is_alive(self) -> bool:
        """Whether it can start environments."""
        if self._channel.fileno() < 0:
            return False
        poll = select.poll()
        poll.register(self._channel, 0)  # asks for POLLHUP and POLLERR alone
        return not poll.poll(0)

    def start(self, request: EnvironmentRequest, *, log_fd: int) -> "NamespaceProcess":
        """Start an environment; stdout and stderr go to `log_fd`.

        Raises:
            LauncherExitedError: the launcher has exited.
            OSError: it could not be started.
        """
        control, child_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        control.settimeout(_START_SECONDS)
        with child_end:
            try:
                socket.send_fds(self._channel, [b"start"], [child_end.fileno(), log_fd])
            except OSError as error:
                control.close()
                raise LauncherExitedError(*error.args) from error
        message = json.dumps(asdict(request)).encode()
        with suppress(OSError):  # then it reports an error, which is received below
            for start in range(0, len(message), MAX_MESSAGE_BYTES):
                control.send(message[start : start + MAX_MESSAGE_BYTES])
            control.shutdown(socket.SHUT_WR)
        return NamespaceProcess(control)

    def close(self) -> None:
        """End the launcher and with it every environment."""
        self._channel.close()
        try:
            self._process.wait(_EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _expect(self, word: str) -> None:
        answer = self._channel.recv(MAX_MESSAGE_BYTES).decode()
        if answer != word:
            raise _error_of(answer)

    def _map_users(self) -> None:
        folder = Path("/proc", str(self._process.pid))
        if self.has_own_user:
            user_map = root_id_map("uid", inside=FUNCTION_UID, outside=OUTSIDE_UID)
            group_map = root_id_map("gid", inside=FUNCTION_GID, outside=OUTSIDE_GID)
        else:
            user_map, group_map = f"0 {os.geteuid()} 1\n", f"0 {os.getegid()} 1\n"
            _write(folder / "setgroups", "deny")
        _write(folder / "uid_map", user_map)
        _write(folder / "gid_map", group_map)


def _error_of(message: str) -> OSError:
    """Return the error of an `error NUMBER TEXT` message; an empty one comes from an end of the sender."""
    word, _, rest = message.partition(" ")
    if word != "error":
        return LauncherExitedError("the launcher has exited")
    number, _, text = rest.partition(" ")
    return OSError(int(number), text)


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
            LauncherExitedError: the launcher exited meanwhile.
            OSError: it could not be started.
        """
        self._control = control
        self._lock = Lock()
        self._return_code: int | None = None
        self._init_fd = -1
        try:
            self._init = self._receive_pid("init")
            with suppress(ProcessLookupError):  # then it reports an error, which is received below
                self._init_fd = kernel.open_process(self._init)
            self.pid = self._receive_pid("function")
        except OSError:
            self.close()
            raise
        control.setblocking(False)

    @property
    def return_code(self) -> int | None:
        """The exit code, negative for a signal; None while the process runs.

        Raises:
            OSError: the function's program could not be started.
        """
        if self._return_code is None:
            try:
                message = self._control.recv(MAX_MESSAGE_BYTES).decode()
            except BlockingIOError:
                return None
            word, _, value = message.partition(" ")
            self._return_code = int(value) if word == "exit" else -signal.SIGKILL
            if word == "error":
                raise _error_of(message)
        return self._return_code

    def process_ids(self) -> list[int]:
        """Return the function's process and every other one in the environment, whose parent may have ended."""
        return [self.pid, *(pid for pid in memory.descendants(self._init) if pid != self.pid)]

    def wait(self, seconds: float) -> None:
        """Wait until the process has ended, up to `seconds`."""
        if self._return_code is None:
            wait_until_readable(self._control.fileno(), seconds)

    def kill(self) -> None:
        """End the function and every process that it started. Safe from any thread."""
        with self._lock, suppress(OSError):  # it has ended
            kernel.kill_process(self._init_fd)

    def close(self) -> None:
        """End the environment and wait until none of its processes is left."""
        if self._init_fd >= 0:
            self.kill()
            wait_until_readable(self._init_fd)
            with self._lock:  # `kill` must not send its signal to the next process with this descriptor
                os.close(self._init_fd)
                self._init_fd = -1
            with suppress(OSError):
                _ = self.return_code  # it stays known
        self._control.close()

    def _receive_pid(self, word: str) -> int:
        try:
            message, ancillary, _, _ = self._control.recvmsg(MAX_MESSAGE_BYTES, socket.CMSG_SPACE(_CREDENTIALS.size))
        except ConnectionResetError:  # it ended before it read its request
            message, ancillary = b"", []
        except TimeoutError:
            raise TimeoutError(f"it did not start within {_START_SECONDS:.0f} seconds") from None
        if message != word.encode():
            raise _error_of(message.decode())
        (_, _, data) = ancillary[0]
        pid: int = _CREDENTIALS.unpack(data)[0]
        return pid


def wait_until_readable(fd: int, seconds: float | None = None) -> None:
    """Wait for a file descriptor, up to `seconds`. Unlike `select.select`, it takes numbers above 1,023."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    poll.poll(None if seconds is None else seconds * 1e3)
