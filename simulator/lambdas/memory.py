"""Measures the memory of a worker; returns None without /proc (macOS), where no memory limit is enforced."""

import os
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_MB = 1 << 20


def peak_mb(pid: int) -> float | None:
    """Return the peak resident size of process `pid` in MB, without its children."""
    status = _read(f"/proc/{pid}/status")
    if status is None:
        return None
    _, label, after_label = status.partition(b"VmHWM:")
    return int(after_label.split(maxsplit=1)[0]) / 1024 if label else None


def resident_mb(pid: int) -> float | None:
    """Return the resident size of `pid` and all its descendants in MB.

    Lambda limits the whole sandbox, including the children of a handler that forks.
    """
    statm = _read(f"/proc/{pid}/statm")
    if statm is None:
        return None
    pages = int(statm.split()[1]) if statm else 0
    return pages * _PAGE / _MB + sum(resident_mb(child) or 0.0 for child in _children(pid))


def _children(pid: int) -> list[int]:
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []
    children: list[int] = []
    for thread in threads:
        children += [int(child) for child in (_read(f"{thread}/children") or b"").split()]
    return children


def _read(path: str) -> bytes | None:
    # Uses bare system calls, because it runs in every invocation.
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(file, 1 << 14)
    except OSError:
        return None  # the process has ended
    finally:
        os.close(file)
