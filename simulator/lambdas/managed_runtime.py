"""What the managed Python runtime brings besides the standard library, as a folder of links.

A worker sees its package, its layers and this folder, never the simulator's own site-packages: a grader that
imports numpy without shipping it fails here with Runtime.ImportModuleError, as it would on AWS.
"""

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
"""AWS's runtime client, the SDK ("Runtime-included SDK versions", DOCUMENTED) and what these depend on."""


def link_runtime_packages(folder: Path) -> None:
    """Fill `folder` with links to the installed packages of `SHIPPED`; those that are not installed are left out."""
    folder.mkdir(parents=True)
    for name in RUNTIME_PACKAGES:
        found = PathFinder.find_spec(name)
        if found is None or found.origin is None:
            continue
        source = Path(found.origin)
        if found.submodule_search_locations is not None:
            source = source.parent
        (folder / source.name).symlink_to(source)
