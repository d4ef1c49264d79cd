"""How much memory a worker uses; None where there is no /proc (macOS), and then no memory limit is enforced."""

import os
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_MB = 1 << 20


def peak_mb(pid: int) -> float | None:
    """Give the highest resident size that process `pid` ever had, in MB; not that of its children."""
    status = _read(f"/proc/{pid}/status")
    if status is None:
        return None
    _, found, rest = status.partition(b"VmHWM:")
    return int(rest.split(maxsplit=1)[0]) / 1024 if found else None


def resident_mb(pid: int) -> float | None:
    """Give what `pid` and all its descendants hold in memory now, in MB.

    Lambda counts the whole sandbox, so a handler that forks is charged for its children too.
    """
    own = _read(f"/proc/{pid}/statm")
    if own is None:
        return None
    pages = int(own.split()[1]) if own else 0
    return pages * _PAGE / _MB + sum(resident_mb(child) or 0.0 for child in _children(pid))


def _children(pid: int) -> list[int]:
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []
    found: list[int] = []
    for thread in threads:
        found += [int(child) for child in (_read(f"{thread}/children") or b"").split()]
    return found


def _read(path: str) -> bytes | None:
    # Read with bare system calls: this happens once in every invocation.
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(file, 1 << 14)
    except OSError:
        return None  # the process ended meanwhile
    finally:
        os.close(file)
