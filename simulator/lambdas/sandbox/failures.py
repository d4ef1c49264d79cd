"""Says in plain words why a machine does not allow namespaces, and what allows them."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Final

_FORBIDDEN: Final = (errno.EPERM, errno.EACCES)

_APPARMOR: Final = "kernel/apparmor_restrict_unprivileged_userns"
_CLONE: Final = "kernel/unprivileged_userns_clone"
_LIMIT: Final = "user/max_user_namespaces"

_CONTAINER_FILES: Final = ("/.dockerenv", "/run/.containerenv")


def explain_failure(
    error: OSError, *, sysctl: Callable[[str], str | None] | None = None, in_container: bool | None = None
) -> str:
    """Return one clause: the system call that failed, what its error means, and what to do.

    Args:
        error: the error of the launcher; its text begins with the name of the call.
        sysctl: returns the value of a file below /proc/sys, or None; by default of this machine's.
        in_container: whether this is a container; by default that is found out.
    """
    sysctl = sysctl or _read_sysctl
    in_container = any(Path(path).exists() for path in _CONTAINER_FILES) if in_container is None else in_container
    code = errno.errorcode.get(error.errno or 0)
    failed = f"{error.strerror} ({code})" if code and error.strerror else str(error)
    advice = _advice(error.errno or 0, sysctl=sysctl, in_container=in_container)
    return f"the system refused it namespaces: {failed}{advice}"


def _advice(number: int, *, sysctl: Callable[[str], str | None], in_container: bool) -> str:
    if number == errno.ENOSPC or sysctl(_LIMIT) == "0":
        return "; the limit of namespaces is reached, `sudo sysctl user.max_user_namespaces=65536` raises it"
    if number == errno.ENOSYS:
        return "; it needs Linux 5.12 or newer"
    if number not in _FORBIDDEN:
        return ""
    if in_container:
        return (
            "; a container forbids them by default, and Docker allows them with --security-opt for each of "
            "seccomp=unconfined, apparmor=unconfined and systempaths=unconfined"
        )
    if sysctl(_APPARMOR) == "1":
        return (
            "; AppArmor forbids them to ordinary users here, and "
            "`sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0` allows them"
        )
    if sysctl(_CLONE) == "0":
        return (
            "; this system forbids them to ordinary users, and `sudo sysctl kernel.unprivileged_userns_clone=1` "
            "allows them"
        )
    return "; a security policy of this system forbids them to this user"


def _read_sysctl(name: str) -> str | None:
    try:
        return Path("/proc/sys", name).read_text().strip()
    except OSError:
        return None
