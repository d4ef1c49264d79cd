"""The folders of one execution environment, and the AWS paths that they stand for."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from simulator.lambdas.archive import unpack
from simulator.lambdas.function import FunctionSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentFolders:
    """`task` is /var/task, `opt` is /opt (the layers), `tmp` is /tmp, `runtime` is /var/runtime, which all share."""

    root: Path
    runtime: Path

    @property
    def task(self) -> Path:
        """The unpacked package."""
        return self.root / "task"

    @property
    def opt(self) -> Path:
        """The unpacked layers."""
        return self.root / "opt"

    @property
    def tmp(self) -> Path:
        """The function's own temporary folder."""
        return self.root / "tmp"

    @property
    def import_path(self) -> tuple[Path, ...]:
        """Where the function's imports are looked for before the standard library, in AWS's order."""
        layered = self.opt / "python"
        if not layered.is_dir():
            return (self.task, self.runtime)
        return (self.task, *sorted(layered.glob("lib/python3*/site-packages")), layered, self.runtime)

    def to_aws_paths(self, text: bytes) -> bytes:
        """Write these folders as the paths that they stand for."""
        if os.fsencode(self.root.parent) not in text:
            return text
        for here, there in (
            (self.task, b"/var/task"),
            (self.opt, b"/opt"),
            (self.tmp, b"/tmp"),
            (self.runtime, b"/var/runtime"),
        ):
            text = text.replace(os.fsencode(here), there)
        return text

    def remove(self) -> None:
        """Remove all but the shared runtime folder."""
        shutil.rmtree(self.root, ignore_errors=True)


def create_folders(*, spec: FunctionSpec, root: Path, runtime: Path) -> EnvironmentFolders:
    """Make the folders of a new environment, with the package and its layers unpacked.

    Raises:
        InvalidZipFile: they cannot be unpacked. Nothing is left behind then.
    """
    folders = EnvironmentFolders(root=root, runtime=runtime)
    root.mkdir(parents=True)
    try:
        unpack(code=spec.code, layers=spec.layers, task_folder=folders.task, opt_folder=folders.opt)
    except BaseException:
        folders.remove()
        raise
    folders.tmp.mkdir()
    return folders
