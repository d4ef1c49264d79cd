"""The limits on the size of a package."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from client.errors import UsageError
from client.terminal import format_size

MAX_UNPACKED_BYTES: Final = 262_144_000
"""DOCUMENTED by Lambda: 250 MB for the unpacked function with its layers."""

MAX_REQUEST_ZIP_BYTES: Final = 50 * 1024 * 1024
"""DOCUMENTED by Lambda: a zip sent inside the request holds at most 50 MB; a larger one is sent through S3."""

_NAMED_PACKAGES: Final = 5


def require_unpacked_size(sizes: Mapping[str, int], *, location: str, layers_size: int = 0) -> int:
    """Return the size of all files in bytes, without the layers.

    Args:
        sizes: the size of each file by its path in the package.
        location: what the user named, for the message.
        layers_size: the size of the unpacked layers.

    Raises:
        UsageError: it is more than Lambda takes. The message names the largest packages.
    """
    total = sum(sizes.values())
    if total + layers_size > MAX_UNPACKED_BYTES:
        layers = f" with its layers ({layers_size:,})" if layers_size else ""
        raise UsageError(
            f"{location} has {total + layers_size:,} bytes unpacked{layers}; Lambda takes {MAX_UNPACKED_BYTES:,} "
            f"(250 MB). The largest parts: {_describe_largest(sizes)}.",
            next_step="Remove what the function does not import, or take a smaller package.",
        )
    return total


def _describe_largest(sizes: Mapping[str, int]) -> str:
    """Return the largest top-level packages or files with their sizes. `numpy.libs` belongs to `numpy`."""
    parts: Counter[str] = Counter()
    for name, size in sizes.items():
        parts[name.partition("/")[0].removesuffix(".libs")] += size
    largest = sorted(parts.items(), key=lambda part: (-part[1], part[0]))[:_NAMED_PACKAGES]
    return ", ".join(f"{name} {format_size(size)}" for name, size in largest)
