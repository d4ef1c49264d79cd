"""The unpacked packages of a pool. Environments cannot write to them, so those of one function share them."""

import itertools
from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Final

from simulator.lambdas.archive import unpack
from simulator.lambdas.function import FunctionSpec
from simulator.store.temporary_folder import remove_folder

_MAX_UNUSED: Final = 4
"""How many packages without an environment are kept for the next cold start."""

_Key = tuple[bool | str, ...]


@dataclass(slots=True)
class Package:
    """An unpacked function with its layers: `task` and `opt` are folders relative to the pool's folder."""

    key: _Key
    folder: Path
    lock: Lock = field(default_factory=Lock)
    users: int = 0
    is_unpacked: bool = False

    @property
    def task(self) -> str:
        """The folder of the package."""
        return f"{self.folder.parent.name}/{self.folder.name}/task"

    @property
    def opt(self) -> str:
        """The folder of the layers."""
        return f"{self.folder.parent.name}/{self.folder.name}/opt"


class PackageStore:
    """Unpacks each package once, and removes it when it has not been used for some packages."""

    def __init__(self, folder: Path) -> None:
        """Create the store in a new folder."""
        self._folder = folder
        self._lock = Lock()
        self._packages: OrderedDict[_Key, Package] = OrderedDict()
        self._numbers = itertools.count(1)
        folder.mkdir()

    def acquire(self, spec: FunctionSpec, *, for_owner: bool) -> Package:
        """Return the package of a function, unpacked. Call `release` when the environment has ended.

        `for_owner` is that of `archive.unpack`.

        Raises:
            InvalidZipFile: it cannot be unpacked; no file is left.
        """
        key: _Key = (for_owner, spec.code_sha256, *(sha256(layer).hexdigest() for layer in spec.layers))
        with self._lock:
            package = self._packages.get(key)
            if package is None:
                package = Package(key=key, folder=self._folder / str(next(self._numbers)))
                self._packages[key] = package
            package.users += 1
            self._packages.move_to_end(key)
        try:
            with package.lock:
                if not package.is_unpacked:
                    _unpack(spec, package.folder, for_owner=for_owner)
                    package.is_unpacked = True
        except BaseException:
            self.release(package)
            raise
        return package

    def release(self, package: Package) -> None:
        """Say that an environment has ended."""
        with self._lock:
            package.users -= 1
            unused = [other for other in self._packages.values() if not other.users]
            removed = [other for other in unused if not other.is_unpacked] + unused[: len(unused) - _MAX_UNUSED]
            for other in removed:
                self._packages.pop(other.key, None)
        for other in removed:
            remove_folder(other.folder)


def _unpack(spec: FunctionSpec, folder: Path, *, for_owner: bool) -> None:
    folder.mkdir()
    try:
        unpack(
            code=spec.code,
            layers=spec.layers,
            task_folder=folder / "task",
            opt_folder=folder / "opt",
            for_owner=for_owner,
        )
    except BaseException:
        remove_folder(folder)
        raise
