"""The system calls of the sandbox that Python 3.11 does not have. Linux only; standard library only.

Each raises OSError with the name of the call. They go through `ctypes` and not through a program such as bubblewrap or
`unshare`: no such program is on every machine, and one process per mount would double the time of a cold start.
"""

import ctypes
import errno
import os
from typing import Final

CLONE_NEWNS: Final = 0x0002_0000
CLONE_NEWUTS: Final = 0x0400_0000
CLONE_NEWIPC: Final = 0x0800_0000
CLONE_NEWUSER: Final = 0x1000_0000
CLONE_NEWPID: Final = 0x2000_0000

MS_NOSUID: Final = 0x2
MS_NODEV: Final = 0x4
MS_NOEXEC: Final = 0x8
MS_BIND: Final = 0x1000
MS_REC: Final = 0x4000
MS_PRIVATE: Final = 0x4_0000

MOUNT_ATTR_RDONLY: Final = 0x1
MOUNT_ATTR_NOSUID: Final = 0x2
MOUNT_ATTR_NODEV: Final = 0x4

_MNT_DETACH: Final = 2
_AT_FDCWD: Final = -100
_AT_RECURSIVE: Final = 0x8000
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38
_ARG_START: Final = 45  # fields of /proc/self/stat after the name
_ARG_END: Final = 46
_SIGKILL: Final = 9
_SYS_PIDFD_SEND_SIGNAL: Final = 424  # since Linux 5.1; these numbers are the same on x86-64 and arm64
_SYS_PIDFD_OPEN: Final = 434  # since Linux 5.3
_SYS_MOUNT_SETATTR: Final = 442  # since Linux 5.12
_SYS_PIVOT_ROOT: Final = {"x86_64": 155, "aarch64": 41}

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class _MountAttributes(ctypes.Structure):
    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


def unshare(flags: int) -> None:
    """Move this process into new namespaces; for CLONE_NEWPID, its next children."""
    _check(_libc.unshare(ctypes.c_int(flags)), "unshare")


def set_namespace(fd: int, kind: int) -> None:
    """Move this process, or for CLONE_NEWPID its next children, into the namespace of an open file."""
    _check(_libc.setns(ctypes.c_int(fd), ctypes.c_int(kind)), "setns")


def mount(source: str, target: str, *, kind: str | None = None, flags: int = 0, options: str | None = None) -> None:
    """Mount a file system of `kind`, or with MS_BIND a folder or file, at `target`."""
    result = _libc.mount(
        os.fsencode(source),
        os.fsencode(target),
        kind.encode() if kind else None,
        ctypes.c_ulong(flags),
        options.encode() if options else None,
    )
    _check(result, f"mount {target}")


def bind(source: str, target: str) -> None:
    """Make a folder, with the mounts below it, or a file visible at `target`."""
    mount(source, target, flags=MS_BIND | MS_REC)


def set_mount_attributes(target: str, attributes: int) -> None:
    """Add attributes to the mount at `target` and to all mounts below it."""
    change = _MountAttributes(attributes, 0, 0, 0)
    result = _libc.syscall(
        ctypes.c_long(_SYS_MOUNT_SETATTR),
        ctypes.c_int(_AT_FDCWD),
        os.fsencode(target),
        ctypes.c_uint(_AT_RECURSIVE),
        ctypes.byref(change),
        ctypes.c_size_t(ctypes.sizeof(change)),
    )
    _check(result, f"mount_setattr {target}")


def make_root(folder: str) -> None:
    """Make a mount point the root folder of this process and detach the former root."""
    os.chdir(folder)
    machine = os.uname().machine
    if machine not in _SYS_PIVOT_ROOT:
        raise OSError(errno.ENOSYS, f"pivot_root: its number is not known for {machine}")
    _check(_libc.syscall(ctypes.c_long(_SYS_PIVOT_ROOT[machine]), b".", b"."), "pivot_root")
    unmount(".")
    os.chdir("/")


def unmount(target: str) -> None:
    """Detach the mount at `target` and the mounts below it."""
    _check(_libc.umount2(os.fsencode(target), ctypes.c_int(_MNT_DETACH)), f"umount {target}")


def open_process(pid: int) -> int:
    """Return a file descriptor of a process: it becomes readable when the process ends.

    Not `os.pidfd_open`, which is missing from Pythons built for older systems, such as uv's.
    """
    fd: int = _libc.syscall(ctypes.c_long(_SYS_PIDFD_OPEN), ctypes.c_int(pid), ctypes.c_uint(0))
    _check(fd, "pidfd_open")
    return fd


def kill_process(fd: int) -> None:
    """Send SIGKILL to the process of `open_process`."""
    result = _libc.syscall(
        ctypes.c_long(_SYS_PIDFD_SEND_SIGNAL), ctypes.c_int(fd), ctypes.c_int(_SIGKILL), None, ctypes.c_uint(0)
    )
    _check(result, "pidfd_send_signal")


def set_host_name(name: str) -> None:
    """Set the host name in this process's UTS namespace."""
    encoded = name.encode()
    _check(_libc.sethostname(encoded, ctypes.c_size_t(len(encoded))), "sethostname")


def set_parent_death_signal(signal: int) -> None:
    """Get `signal` when the parent process ends."""
    _prctl(_PR_SET_PDEATHSIG, signal)


def set_dumpable() -> None:
    """Own the files in /proc/self again, which a change of the user id gives to root."""
    _prctl(_PR_SET_DUMPABLE, 1)


def forbid_new_privileges() -> None:
    """Make set-user-id programs and file capabilities ineffective for this process and its children."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def set_command_line(text: str) -> None:
    """Replace what other processes read in /proc/PID/cmdline, which a function can read of its init process."""
    with open("/proc/self/stat", "rb") as file:  # noqa: PTH123 - pathlib would be imported for one line
        fields = file.read().rpartition(b")")[2].split()
    start, end = int(fields[_ARG_START]), int(fields[_ARG_END])
    ctypes.memset(start, 0, end - start)
    ctypes.memmove(start, text.encode(), min(len(text.encode()), end - start - 1))


def _prctl(option: int, value: int) -> None:
    zero = ctypes.c_ulong(0)
    _check(_libc.prctl(ctypes.c_int(option), ctypes.c_ulong(value), zero, zero, zero), "prctl")


def _check(result: int, call: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
