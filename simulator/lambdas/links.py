"""Follows the symbolic links of a package before it is unpacked."""

from collections.abc import Mapping
from typing import Final

_MAX_LINKS: Final = 40  # that Linux follows in one path: path_resolution(7)


def leads_out(name: str, links: Mapping[str, str]) -> bool:
    """Return whether a path with links leads out of the folder that contains it, as the kernel follows it."""
    to_follow = name.split("/")[::-1]
    path: list[str] = []
    followed = 0
    while to_follow:
        part = to_follow.pop()
        if part == "..":
            if not path:
                return True
            path.pop()
        elif part not in {"", "."}:
            path.append(part)
        if (target := links.get("/".join(path))) is not None:
            followed += 1
            if target.startswith("/"):
                return True
            if followed > _MAX_LINKS:
                return False  # the kernel gives up too: a file that cannot be opened
            path.pop()
            to_follow += target.split("/")[::-1]
    return False
