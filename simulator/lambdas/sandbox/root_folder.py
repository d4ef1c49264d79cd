"""The root folder of the execution environments: a small read-only system with Lambda's paths.

Runs in the launcher, in its own mount namespace. Every environment gets a copy of these mounts and adds its own /tmp,
/var/task, /opt and /proc. Paths: "Lambda execution environment" in the developer guide (DOCUMENTED); the user and its
home folder as in public reports (OBSERVED).
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from simulator.lambdas.sandbox import kernel
from simulator.lambdas.sandbox.function_user import FUNCTION_GID, FUNCTION_UID, HOME, USER_NAME

POOL_FOLDER: Final = "/mnt"
"""Where the launcher sees the pool's folder. An environment unmounts it."""

BOOTSTRAP: Final = "/var/runtime/bootstrap.py"

# A folder is mounted; a link, such as /bin on most systems, is copied. /nix holds every library of NixOS.
_SYSTEM_FOLDERS: Final = ("bin", "lib", "lib32", "lib64", "libx32", "nix", "sbin", "usr")

# What programs need for names, certificates and libraries. Nothing about this machine's users.
_ETC_FOLDERS: Final = ("alternatives", "ca-certificates", "crypto-policies", "ld.so.conf.d", "pki", "ssl")
_ETC_FILES: Final = (
    *("gai.conf", "host.conf", "hosts", "ld.so.cache", "ld.so.conf", "localtime", "mime.types", "nsswitch.conf"),
    *("os-release", "protocols", "resolv.conf", "services"),
)
_PASSWD: Final = f"""\
root:x:0:0:root:/root:/bin/bash
{USER_NAME}:x:{FUNCTION_UID}:{FUNCTION_GID}::{HOME}:/sbin/nologin
nobody:x:65534:65534:nobody:/:/sbin/nologin
"""
_GROUP: Final = f"root:x:0:\n{USER_NAME}:x:{FUNCTION_GID}:\nnobody:x:65534:\n"

# There is no /dev/shm, so POSIX semaphores and shared memory cannot be created, as on Lambda.
_DEVICES: Final = ("full", "null", "random", "urandom", "zero")
_DEVICE_LINKS: Final = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
}

# The C library reads the number of processors here.
_SYS_FOLDERS: Final = ("devices/system/cpu", "devices/system/node")

_EMPTY_FOLDERS: Final = ("home", "media", "mnt", "opt", "proc", "root", "run", "srv", "tmp", "var/task", "var/tmp")


@dataclass(frozen=True, slots=True, kw_only=True)
class RootFolder:
    """What the root folder is made of.

    Attributes:
        mount_point: an existing empty folder.
        pool: the pool's folder.
        interpreter: the prefix of the Python interpreter, which becomes /var/lang.
        hidden: folders below `interpreter`, relative to it, whose content is hidden: packages that the user installed.
        runtime: the files and folders of /var/runtime.
        bootstrap: the script that starts the runtime client.
    """

    mount_point: str
    pool: str
    interpreter: str
    hidden: Sequence[str]
    runtime: Sequence[str]
    bootstrap: str


def enter_root_folder(config: RootFolder) -> None:
    """Build the root folder and make it this process's root. The launcher has its own mount namespace.

    Raises:
        OSError: a mount is forbidden here.
    """
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("root", config.mount_point, kind="tmpfs", options="mode=755")
    root = Path(config.mount_point)
    for name in _EMPTY_FOLDERS:
        (root / name).mkdir(parents=True)
    _add_system_folders(root)
    _add_etc(root)
    _add_devices(root)
    for name in _SYS_FOLDERS:
        _bind_if_present(Path("/sys", name), root / "sys" / name)
    _add_interpreter(root, config)
    for source in config.runtime:
        _bind(Path(source), root / "var/runtime" / Path(source).name)
    _bind(Path(config.bootstrap), root / BOOTSTRAP[1:])
    # A new /proc can only be mounted where one is visible.
    _bind(Path("/proc"), root / "proc")
    kernel.set_mount_attributes(config.mount_point, kernel.MOUNT_ATTR_RDONLY | kernel.MOUNT_ATTR_NOSUID)
    kernel.bind(config.pool, os.fspath(root / POOL_FOLDER[1:]))
    kernel.make_root(config.mount_point)


def _add_system_folders(root: Path) -> None:
    for name in _SYSTEM_FOLDERS:
        source = Path("/", name)
        if source.is_symlink():
            (root / name).symlink_to(source.readlink())
        else:
            _bind_if_present(source, root / name)


def _add_etc(root: Path) -> None:
    etc = root / "etc"
    etc.mkdir()
    (etc / "passwd").write_text(_PASSWD)
    (etc / "group").write_text(_GROUP)
    for name in _ETC_FOLDERS:
        _bind_if_present(Path("/etc", name), etc / name)
    for name in _ETC_FILES:
        source = Path("/etc", name)
        # Copied, because several of them are links to folders that are not here.
        if source.is_file():
            shutil.copyfile(source, etc / name)


def _add_devices(root: Path) -> None:
    (root / "dev").mkdir()
    for name in _DEVICES:
        _bind(Path("/dev", name), root / "dev" / name)
    for name, target in _DEVICE_LINKS.items():
        (root / "dev" / name).symlink_to(target)


def _add_interpreter(root: Path, config: RootFolder) -> None:
    lang = root / "var/lang"
    _bind(Path(config.interpreter), lang)
    for name in config.hidden:
        kernel.mount("hidden", os.fspath(lang / name), kind="tmpfs", options="mode=755")
    # An interpreter with a shared libpython finds it by the absolute path that it was built for.
    original = root / config.interpreter[1:]
    if not original.exists():
        original.parent.mkdir(parents=True, exist_ok=True)
        original.symlink_to("/var/lang")


def _bind_if_present(source: Path, target: Path) -> None:
    if source.exists():
        _bind(source, target)


def _bind(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        target.mkdir(exist_ok=True)
    else:
        target.touch()
    kernel.bind(os.fspath(source), os.fspath(target))
