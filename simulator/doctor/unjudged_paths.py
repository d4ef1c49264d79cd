"""What the doctor cannot judge where environments have no namespaces: paths that mean other files here than at AWS."""

import ast
import io
import os
import stat
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from simulator.doctor.finding import Finding
from simulator.doctor.isolation_reason import ALLOW_NAMESPACES, missing_isolation
from simulator.doctor.probes.static.s17_side_effects import SIDE_EFFECTS
from simulator.doctor.reward_function import LocalRewardFunction, RewardFunction
from simulator.doctor.side_effects import SideEffect

_AWS_FOLDERS: Final = ("/var/task", "/opt", "/var/lang", "/var/runtime")
_SHARED_FOLDERS: Final = ("/tmp", "/dev/shm")  # noqa: S108  only compared with text
_MAX_LISTED: Final = 6
_MAX_SOURCE_BYTES: Final = 5_000_000  # a syntax tree needs about a hundred times the memory of its source
_UNIX: Final = 3


def isolation_finding(reward_function: RewardFunction, side_effects: Iterable[SideEffect]) -> Finding | None:
    """Return a finding that names what could not be judged. None where functions have namespaces."""
    reason = missing_isolation(reward_function)
    if reason is None or not isinstance(reward_function, LocalRewardFunction):
        return None
    named = dict.fromkeys(
        (
            *_named_paths(reward_function.spec.code),
            *(f"{effect.subject} ({effect.source_line})" for effect in side_effects if effect.kind == "unjudged"),
            *_unreadable_files(reward_function.spec.code),
        )
    )
    more = f" and {len(named) - _MAX_LISTED} more" if len(named) > _MAX_LISTED else ""
    seen = f"In this function: {', '.join([*named][:_MAX_LISTED])}{more}" if named else "This function names none"
    message = (
        f"Paths that mean other files here than at AWS could not be judged, because {reason}: there is no /var/task "
        "and no /opt, all environments share /tmp with this machine, and what other programs write is not seen. "
        f"{seen}. {_advice(reason)}"
    )
    return replace(SIDE_EFFECTS.not_measured(message), name="file system")


def reason_of_unjudged_paths(
    reward_function: RewardFunction, side_effects: Iterable[SideEffect], *, only_raised: bool = True
) -> str:
    """Return why an error, or with `only_raised=False` a score, is not the function's fault. Empty if it may be.

    A path that exists at AWS and not here explains it.
    """
    reason = missing_isolation(reward_function)
    paths = [
        effect
        for effect in side_effects
        if effect.kind == "unjudged" and _is_within(effect.subject, _AWS_FOLDERS) and (effect.raised or not only_raised)
    ]
    if reason is None or not paths:
        return ""
    return (
        f"Not judged here: {paths[0].source_line} opens {paths[0].subject}, which exists at AWS and not here, "
        f"because {reason}. {SIDE_EFFECTS.id} says how to change that."
    )


def _advice(reason: str) -> str:
    return "Use --set lambda_isolation=auto." if "lambda_isolation" in reason else ALLOW_NAMESPACES


def _named_paths(code: bytes) -> Iterator[str]:
    """Yield the paths of Lambda in the Python files of a package, with their lines, without those of its libraries."""
    with zipfile.ZipFile(io.BytesIO(code)) as package:
        libraries = {
            line.partition(",")[0].partition("/")[0]
            for name in package.namelist()
            if name.endswith(".dist-info/RECORD")
            for line in package.read(name).decode("utf-8", "replace").splitlines()
        }
        for member in package.infolist():
            name = member.filename
            if (
                name.endswith(".py")
                and name.partition("/")[0] not in libraries
                and member.file_size <= _MAX_SOURCE_BYTES
            ):
                yield from _paths_in_source(package.read(member), name=name)


def _paths_in_source(source: bytes, *, name: str) -> Iterator[str]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            path = node.value.partition("\n")[0]
            if _is_within(path, (*_AWS_FOLDERS, *_SHARED_FOLDERS)):
                yield f"{path} ({name}:{node.lineno})"


def _is_within(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(folder + "/") for folder in folders)


def _unreadable_files(code: bytes) -> Iterator[str]:
    """Yield the files that Lambda's user cannot read, where this machine's user can."""
    if os.geteuid() != 0:
        return
    with zipfile.ZipFile(io.BytesIO(code)) as package:
        for member in package.infolist():
            mode = member.external_attr >> 16
            if member.create_system == _UNIX and stat.S_IMODE(mode) and not mode & stat.S_IROTH:
                yield f"/var/task/{member.filename} (mode {stat.S_IMODE(mode):o})"
