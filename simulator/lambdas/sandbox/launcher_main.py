"""The launcher: a process with one thread that starts execution environments, each in its own namespaces.

Python's own `subprocess` cannot do this: namespaces must be entered between fork and exec, which is unsafe in a process
with threads. So one launcher per interpreter builds the root folder once, and then forks for each environment.

The processes of one environment:

    launcher (first process of a PID namespace: when it ends, the kernel ends every environment)
      init (first process of the environment's PID namespace: when it ends, the kernel ends the function)
        function (the interpreter with AWS's runtime client, and what it starts)

Protocol, over sockets that keep message boundaries. The launcher sends `unshared`, gets its configuration when the
simulator has mapped its users, and sends `ready`. Then it gets a message for each environment with two file
descriptors: the environment's control socket and its log. Over the control socket, the environment gets a JSON object
with `argv`, `environment`, `task`, `opt` and `tmp_mb`, in parts up to the end of the stream. It sends `init` and
`function`, from whose credentials the simulator reads the process ids; then `exit STATUS`. Instead of any of these
messages, `error NUMBER TEXT` says why it could not go on.
"""

import gc
import json
import os
import resource
import signal
import socket
import sys
from typing import Any, Final, NoReturn

from simulator.lambdas.sandbox import kernel
from simulator.lambdas.sandbox.function_user import FUNCTION_GID, FUNCTION_UID
from simulator.lambdas.sandbox.root_folder import POOL_FOLDER, RootFolder, enter_root_folder

MAX_MESSAGE_BYTES: Final = 1 << 16

_COMMAND_LINE: Final = "rft-sim: Lambda execution environments"
_MAX_PROCESSES: Final = 1_024
_MAX_OPEN_FILES: Final = 1_024
"""Per environment: "Lambda quotas" in the developer guide (DOCUMENTED)."""

_TMP_INODES_PER_MB: Final = 256


def main() -> None:
    """Serve until the simulator closes the channel or exits."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    channel.set_inheritable(False)
    os.umask(0o022)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        kernel.set_command_line(_COMMAND_LINE)
        kernel.unshare(kernel.CLONE_NEWUSER)
        channel.send(b"unshared")
        if not (message := channel.recv(MAX_MESSAGE_BYTES)):
            return
        config = json.loads(message)
        has_own_user = bool(config.pop("has_own_user"))
        kernel.unshare(kernel.CLONE_NEWNS | kernel.CLONE_NEWPID | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS)
        child = os.fork()
        if child:
            channel.close()
            os.waitpid(child, 0)
            return
        kernel.set_parent_death_signal(signal.SIGKILL)
        pid_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        kernel.set_host_name("sandbox")
        enter_root_folder(RootFolder(**config))
    except OSError as error:
        _report_error(channel, error)
        return
    channel.send(b"ready")
    _serve(channel, pid_namespace=pid_namespace, has_own_user=has_own_user)


def _serve(channel: socket.socket, *, pid_namespace: int, has_own_user: bool) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps ended environments
    gc.freeze()
    while True:
        message, fds, _, _ = socket.recv_fds(channel, MAX_MESSAGE_BYTES, 2)
        if not message:
            return
        for fd in fds:
            os.set_inheritable(fd, False)
        control, log = socket.socket(fileno=fds[0]), fds[1]
        try:
            _fork_init(channel, control=control, log=log, pid_namespace=pid_namespace, has_own_user=has_own_user)
        except OSError as error:
            _report_error(control, error)
        control.close()
        os.close(log)


def _fork_init(
    channel: socket.socket, *, control: socket.socket, log: int, pid_namespace: int, has_own_user: bool
) -> None:
    kernel.unshare(kernel.CLONE_NEWPID)
    try:
        if not os.fork():
            channel.close()
            _run_init(control=control, log=log, has_own_user=has_own_user)
    finally:
        # Otherwise the next environment would be in the namespace of this one.
        kernel.set_namespace(pid_namespace, kernel.CLONE_NEWPID)


def _run_init(*, control: socket.socket, log: int, has_own_user: bool) -> NoReturn:
    """Set up the mounts of an environment, start its function, and reap its processes until the function ends."""
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        control.send(b"init")
        request = json.loads(b"".join(iter(lambda: control.recv(MAX_MESSAGE_BYTES), b"")))
        _mount_environment(request, has_own_user=has_own_user)
        function = os.fork()
        if not function:
            _run_function(request, control=control, log=log, has_own_user=has_own_user)
        os.close(log)
        while True:
            pid, status = os.wait()
            if pid == function:
                control.send(f"exit {os.waitstatus_to_exitcode(status)}".encode())
                break
    except OSError as error:
        _report_error(control, error)
    finally:
        os._exit(0)


def _mount_environment(request: dict[str, Any], *, has_own_user: bool) -> None:
    kernel.unshare(kernel.CLONE_NEWNS)
    uid, gid = (FUNCTION_UID, FUNCTION_GID) if has_own_user else (0, 0)
    size, inodes = f"{request['tmp_mb']}m", request["tmp_mb"] * _TMP_INODES_PER_MB
    kernel.mount(
        "tmp",
        "/tmp",  # noqa: S108 - the environment's own
        kind="tmpfs",
        flags=kernel.MS_NOSUID | kernel.MS_NODEV,
        options=f"mode=700,uid={uid},gid={gid},size={size},nr_inodes={inodes}",
    )
    for folder, target in ((request["task"], "/var/task"), (request["opt"], "/opt")):
        if folder is not None:
            kernel.bind(f"{POOL_FOLDER}/{folder}", target)
            kernel.set_mount_attributes(
                target, kernel.MOUNT_ATTR_RDONLY | kernel.MOUNT_ATTR_NOSUID | kernel.MOUNT_ATTR_NODEV
            )
    kernel.mount("proc", "/proc", kind="proc", flags=kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)
    kernel.bind("/proc/sys", "/proc/sys")
    kernel.set_mount_attributes("/proc/sys", kernel.MOUNT_ATTR_RDONLY)
    kernel.unmount(POOL_FOLDER)


def _run_function(request: dict[str, Any], *, control: socket.socket, log: int, has_own_user: bool) -> NoReturn:
    try:
        os.setsid()
        control.send(b"function")
        os.chdir("/var/task")
        _become_function_user(has_own_user=has_own_user)
        _limit(resource.RLIMIT_NPROC, _MAX_PROCESSES)
        _limit(resource.RLIMIT_NOFILE, _MAX_OPEN_FILES)
        null = os.open("/dev/null", os.O_RDONLY)
        for target, source in enumerate((null, log, log)):
            os.dup2(source, target)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and exec would pass that on
            signal.signal(number, signal.SIG_DFL)
        os.umask(0o022)
        os.execve(request["argv"][0], request["argv"], request["environment"])  # noqa: S606 - the deployed function
    except OSError as error:
        _report_error(control, error)
    finally:
        os._exit(1)


def _become_function_user(*, has_own_user: bool) -> None:
    """Drop every privilege.

    The last user namespace belongs to this environment alone, so that the limit of processes counts only its own. The
    mounts belong to the launcher's user namespace, so the function cannot change them.
    """
    uid, gid = (FUNCTION_UID, FUNCTION_GID) if has_own_user else (0, 0)
    if has_own_user:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        kernel.set_dumpable()
    kernel.forbid_new_privileges()
    kernel.unshare(kernel.CLONE_NEWUSER)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{FUNCTION_UID} {uid} 1"),
        ("gid_map", f"{FUNCTION_GID} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123 - before the interpreter is replaced
            file.write(text)


def _limit(kind: int, limit: int) -> None:
    _, most = resource.getrlimit(kind)
    limit = limit if most == resource.RLIM_INFINITY else min(limit, most)
    resource.setrlimit(kind, (limit, limit))


def _report_error(control: socket.socket, error: OSError) -> None:
    text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    try:
        control.send(f"error {error.errno or 0} {text}".encode())
    except OSError:
        return  # the simulator has closed it


if __name__ == "__main__":
    main()
