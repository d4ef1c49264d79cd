"""Links the packages of the managed Python runtime into a folder.

A worker imports from its package, its layers and this folder, but not from the simulator's site-packages: a grader that
imports numpy without packaging it fails with Runtime.ImportModuleError, as on AWS.
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
"""AWS's runtime client, the SDK ("Runtime-included SDK versions", DOCUMENTED) and their dependencies."""


def link_runtime_packages(folder: Path) -> None:
    """Create `folder` with links to the installed packages of `RUNTIME_PACKAGES`."""
    folder.mkdir(parents=True)
    for name in RUNTIME_PACKAGES:
        spec = PathFinder.find_spec(name)
        if spec is None or spec.origin is None:
            continue
        source = Path(spec.origin)
        if spec.submodule_search_locations is not None:
            source = source.parent
        (folder / source.name).symlink_to(source)
