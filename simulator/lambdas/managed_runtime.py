"""Links the packages of the managed Python runtime into a folder.

A worker imports from its package, its layers and this folder, but not from the simulator's site-packages: a grader that
imports numpy without packaging it fails with Runtime.ImportModuleError, as on AWS.
"""

from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path

RUNTIME_PACKAGES = (
    "awslambdaric",
    "boto3",
    "botocore",
    "dateutil",
    "jmespath",
    "s3transfer",
    "simplejson",
    "six",
    "snapshot_restore_py",
    "urllib3",
)
"""AWS's runtime client, the SDK ("Runtime-included SDK versions", DOCUMENTED) and their dependencies."""


def runtime_package_sources() -> tuple[Path, ...]:
    """Return the installed folder, or the file, of each of `RUNTIME_PACKAGES`.

    Every interpreter uses the same ones. They need no compiled module: the worker replaces awslambdaric's, and
    simplejson works without its own. Another Python than the simulator's finds no compiled bytecode, so a cold start
    takes 0.03 s longer, and the import of boto3 0.3 s.
    """
    return tuple(_find_sources())


def link_runtime_packages(folder: Path) -> None:
    """Create `folder` with links to the packages of the managed runtime."""
    folder.mkdir(parents=True)
    for source in runtime_package_sources():
        (folder / source.name).symlink_to(source)


def _find_sources() -> Iterator[Path]:
    for name in RUNTIME_PACKAGES:
        spec = PathFinder.find_spec(name)
        if spec is None or spec.origin is None:
            continue
        source = Path(spec.origin)
        yield source if spec.submodule_search_locations is None else source.parent
