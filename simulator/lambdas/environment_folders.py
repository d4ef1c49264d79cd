"""The folders of one execution environment, and their AWS paths."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from simulator.lambdas.archive import unpack
from simulator.lambdas.function import FunctionSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentFolders:
    """`task` is /var/task, `opt` /opt (the layers), `tmp` /tmp. All environments share `runtime`, /var/runtime."""

    root: Path
    runtime: Path
    runtime_name: str
    """The function's Runtime, such as `python3.11`. Of a layer's packages for several Pythons, its own count."""

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
        """The folders of the function's imports before the standard library, in AWS's order."""
        layer_packages = self.opt / "python"
        folders = (layer_packages / "lib" / self.runtime_name / "site-packages", layer_packages)
        return (self.task, *(folder for folder in folders if folder.is_dir()), self.runtime)

    def to_aws_paths(self, text: bytes) -> bytes:
        """Replace the paths of these folders by their AWS paths."""
        if os.fsencode(self.root.parent) not in text:
            return text
        for local_path, aws_path in (
            (self.task, b"/var/task"),
            (self.opt, b"/opt"),
            (self.tmp, b"/tmp"),
            (self.runtime, b"/var/runtime"),
        ):
            text = text.replace(os.fsencode(local_path), aws_path)
        return text

    def remove(self) -> None:
        """Remove all folders except the shared runtime folder."""
        shutil.rmtree(self.root, ignore_errors=True)


def create_folders(*, spec: FunctionSpec, root: Path, runtime: Path) -> EnvironmentFolders:
    """Create the folders of a new environment and unpack the package and its layers.

    Raises:
        InvalidZipFile: they cannot be unpacked; no folder is left.
    """
    folders = EnvironmentFolders(root=root, runtime=runtime, runtime_name=spec.runtime)
    root.mkdir(parents=True)
    try:
        unpack(code=spec.code, layers=spec.layers, task_folder=folders.task, opt_folder=folders.opt)
    except BaseException:
        folders.remove()
        raise
    folders.tmp.mkdir()
    return folders
