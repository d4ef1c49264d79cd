"""The user and group ids of the launcher's user namespace, where the simulator runs as root."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from simulator.lambdas.sandbox.function_user import OUTSIDE_GID, OUTSIDE_UID


def can_map_function_user() -> bool:
    """Return whether root may use the ids of functions: in a container, only some ids exist."""
    return all(
        any(first <= outside < first + count for first, count in _available_ids(kind))
        for kind, outside in (("uid", OUTSIDE_UID), ("gid", OUTSIDE_GID))
    )


def root_id_map(kind: Literal["uid", "gid"], *, inside: int, outside: int) -> str:
    """Return a map in which every id is itself but `inside`, which is `outside`.

    The launcher needs the ids of every file that it mounts: an interpreter can belong to another user than root.
    """
    return identity_map(_available_ids(kind), inside=inside, outside=outside)


def identity_map(available: Iterator[tuple[int, int]], *, inside: int, outside: int) -> str:
    """Return the lines of the map for ranges of existing ids, each a first id and a count."""
    lines = [f"{inside} {outside} 1\n"]
    for first, count in available:
        start = first
        for cut in (*sorted(each for each in (inside, outside) if first <= each < first + count), first + count):
            if cut > start:
                lines.append(f"{start} {start} {cut - start}\n")
            start = cut + 1
    return "".join(lines)


def _available_ids(kind: str) -> Iterator[tuple[int, int]]:
    for line in Path(f"/proc/self/{kind}_map").read_text().splitlines():
        first, _, count = line.split()
        yield int(first), int(count)
