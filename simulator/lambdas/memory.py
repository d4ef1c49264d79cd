"""Measures the memory of a worker; returns None without /proc (macOS), where no memory limit is enforced."""

import os
from collections.abc import Sequence
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


def resident_mb(pids: Sequence[int], *, limit: int) -> float | None:
    """Return the memory of processes in MB: Lambda limits the whole environment, with the children of a handler.

    Their resident sizes count pages that they share once for each. So when the sum is above `limit`, it is taken again
    from the proportional sizes, which take the kernel longer to compute.
    """
    resident = [_resident_mb(pid) for pid in pids]
    if resident[0] is None:
        return None
    total = sum(size or 0.0 for size in resident)
    if total <= limit or len(pids) == 1:
        return total
    return sum(_proportional_mb(pid) or size or 0.0 for pid, size in zip(pids, resident, strict=True))


def descendants(pid: int) -> list[int]:
    """Return the ids of all children of a process, their children, and so on."""
    found = _children(pid)
    for child in found:  # a loop, because each of a function's 1,024 processes can be the child of another
        found += _children(child)
    return found


def _resident_mb(pid: int) -> float | None:
    statm = _read(f"/proc/{pid}/statm")
    if statm is None:
        return None
    return int(statm.split()[1]) * _PAGE / _MB if statm else 0.0


def _proportional_mb(pid: int) -> float | None:
    rollup = _read(f"/proc/{pid}/smaps_rollup")
    _, label, after_label = (rollup or b"").partition(b"\nPss:")
    return int(after_label.split(maxsplit=1)[0]) / 1024 if label else None


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
