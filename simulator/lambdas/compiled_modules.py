"""Finds the compiled modules of a package that Python cannot load, and says what each was built for.

Python reports them as `No module named ...` or `invalid ELF header`. The name of the file and its first bytes say more:
another Python, another processor, or another system. Lambda's runtimes are Linux with glibc.
"""

import io
import json
import platform
import re
import struct
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Final

from simulator.lambdas.function import FunctionSpec
from simulator.lambdas.interpreters import Interpreter, describe_other_python, parse_runtime

UNLOADABLE_MODULES_HEADER: Final = "x-simulator-unloadable-modules"
"""A response header of Lambda's Invoke: the compiled modules that explain a failed import."""

ARM64: Final = "arm64"
X86_64: Final = "x86_64"

_LINUX: Final = "Linux"
_MUSL: Final = "Linux with musl"  # Alpine
_MAC: Final = "macOS"
_WINDOWS: Final = "Windows"

_MODULE: Final = re.compile(r"(?P<name>[^/.]+)(?:\.(?P<tag>[^/]+))?\.(?:so|pyd)$")
_LAYER_FOLDER: Final = re.compile(r"python/lib/(?P<runtime>python[^/]+)/")
_PYTHON_TAG: Final = re.compile(r"(?:cpython-|cp)(?P<major>3)(?P<minor>\d+)t?(?![0-9a-z])")
_ELF_PROCESSORS: Final = {3: "x86", 40: "arm", 62: X86_64, 183: ARM64}
_MACH_O_PROCESSORS: Final = {0x01000007: X86_64, 0x0100000C: ARM64}
_PROCESSOR_NAMES: Final = {"amd64": X86_64, "x86_64": X86_64, "aarch64": ARM64, "arm64": ARM64}
IMPORT_ERRORS: Final = frozenset({"ImportError", "ModuleNotFoundError", "Runtime.ImportModuleError"})
_HEADER_BYTES: Final = 64
_MAX_MODULES: Final = 5_000  # modules of a package whose headers are read


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """A system and a processor, in Lambda's words where it has one; an unknown part is empty."""

    system: str
    processor: str

    def __str__(self) -> str:
        return " on ".join(part for part in (self.system, self.processor) if part)

    def matches(self, other: "Platform") -> bool:
        """Return whether a module for one runs on the other. An unknown processor may match."""
        return self.system == other.system and (
            self.processor == other.processor or not self.processor or not other.processor
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledModule:
    """A compiled module: its file, and what it was built for. `python` is None for every Python (abi3 or no tag)."""

    path: str
    platform: Platform
    python: tuple[int, int] | None

    def loads_on(self, *, platform: Platform, python: tuple[int, int]) -> bool:
        """Return whether this Python on this platform can load the module."""
        return self.platform.matches(platform) and self.python in {None, python}

    @property
    def built_for(self) -> str:
        """The system, the processor and the Python that it was built for, in words."""
        python = f"Python {self.python[0]}.{self.python[1]}, " if self.python else ""
        return f"{python}{self.platform}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnloadableModules:
    """The compiled modules of a function that cannot be loaded here.

    Attributes:
        loads_at_aws: Lambda can load them, so the function cannot be judged on this machine.
        explanation: what one of them is built for and why it cannot be loaded, as one sentence.
        advice: what to do, as one sentence.
    """

    loads_at_aws: bool
    explanation: str
    advice: str

    def __str__(self) -> str:
        return f"{self.explanation} {self.advice}"


def this_platform() -> Platform:
    """Return the platform of this machine."""
    system = {"linux": _LINUX, "darwin": _MAC, "win32": _WINDOWS}.get(sys.platform, sys.platform)
    machine = platform.machine().lower()
    return Platform(system=system, processor=_PROCESSOR_NAMES.get(machine, machine))


def find_unloadable_modules(
    spec: FunctionSpec, interpreter: Interpreter, *, named_in: str = "", here: Platform | None = None
) -> UnloadableModules | None:
    """Return the compiled modules of a function's package and layers that `interpreter` cannot load, or None.

    Of several, the one whose name is in the text `named_in`, such as an error message, is described. A module that the
    archives also have in a form that can be loaded does not count. Reads the directories of the archives and the first
    bytes of the modules.
    """
    here = here or this_platform()
    variants: dict[str, list[CompiledModule]] = {}
    for archive in (spec.code, *spec.layers):
        for name, module in _read_modules(archive, runtime=spec.runtime):
            variants.setdefault(name, []).append(module)
    unloadable = {
        name: modules[0]
        for name, modules in variants.items()
        if not any(module.loads_on(platform=here, python=interpreter.version) for module in modules)
    }
    if not unloadable:
        return None
    named = (module for name, module in unloadable.items() if name.rpartition("/")[2] in named_in)
    first = next(named, next(iter(unloadable.values())))
    more = f", as are {len(unloadable) - 1} more of its compiled modules" if len(unloadable) > 1 else ""
    required = parse_runtime(spec.runtime) or interpreter.version
    at_aws = Platform(system=_LINUX, processor=spec.architecture)
    if not first.loads_on(platform=at_aws, python=required):
        return UnloadableModules(
            loads_at_aws=False,
            explanation=(
                f"{first.path} is built for {first.built_for}{more}, but the function has Runtime {spec.runtime} on "
                f"{spec.architecture}, so Lambda cannot load it."
            ),
            advice=_advise_rebuild(first, python=required, at_aws=at_aws),
        )
    running = f"Python {'.'.join(map(str, interpreter.version))}, {here}"
    return UnloadableModules(
        loads_at_aws=True,
        explanation=(
            f"{first.path} is built for {first.built_for}{more}, which Lambda can load, but the function runs on "
            f"{running} here: it cannot be judged on this machine."
        ),
        advice=_advise_machine(first, python=required, here=here, at_aws=at_aws),
    )


def describe_differences(spec: FunctionSpec, interpreter: Interpreter) -> tuple[str, ...]:
    """Return in which ways a function runs here in another way than at AWS: its Python, and its compiled modules."""
    texts = (describe_other_python(spec.runtime, interpreter), find_unloadable_modules(spec, interpreter))
    return tuple(str(text) for text in texts if text)


def find_modules_behind_error(
    spec: FunctionSpec, interpreter: Interpreter, *, error_type: str, message: str
) -> UnloadableModules | None:
    """Return the compiled modules that may explain why a function failed; None unless an import failed."""
    return find_unloadable_modules(spec, interpreter, named_in=message) if error_type in IMPORT_ERRORS else None


def dump_unloadable_modules(modules: UnloadableModules) -> str:
    """Return them as JSON in ASCII."""
    return json.dumps(asdict(modules))


def parse_unloadable_modules(text: str) -> UnloadableModules | None:
    """Return what `dump_unloadable_modules` wrote; None for another text."""
    try:
        return UnloadableModules(**json.loads(text))
    except (ValueError, TypeError, RecursionError):
        return None


def _advise_rebuild(module: CompiledModule, *, python: tuple[int, int], at_aws: Platform) -> str:
    """Return how to get a module that Lambda can load, or the configuration for the module that is there."""
    processor = "aarch64" if at_aws.processor == ARM64 else X86_64
    advice = (
        f"Install its package for Lambda with `pip install --platform manylinux2014_{processor} --python-version "
        f"{'.'.join(map(str, python))} --only-binary=:all: --target FOLDER PACKAGE`"
    )
    if module.platform.system != _LINUX or module.platform.processor not in {ARM64, X86_64}:
        return f"{advice}."
    changes = []
    if module.python and module.python != python:
        changes.append(f"Runtime python{'.'.join(map(str, module.python))}")
    if not module.platform.matches(at_aws):
        changes.append(f"Architectures {module.platform.processor}")
    return f"{advice}, or deploy the function with {' and '.join(changes)}."


def _advise_machine(module: CompiledModule, *, python: tuple[int, int], here: Platform, at_aws: Platform) -> str:
    """Return how to run a module here that Lambda can load."""
    if module.platform.matches(here):
        version = ".".join(map(str, python))
        return f"Install Python {version}, for example with `uv python install {version}`."
    if here.system == _LINUX and here.processor in {ARM64, X86_64}:
        return (
            f"Run the simulator on {at_aws}, or deploy a package for {here.processor} with Architectures "
            f"{here.processor}."
        )
    return f"Run the simulator on {at_aws}."


def _read_modules(archive: bytes, *, runtime: str) -> Iterator[tuple[str, CompiledModule]]:
    """Yield the compiled modules of an archive by their path without the tag, at most `_MAX_MODULES`.

    In a layer, the packages for one Python count for its own Runtime only.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as package:
            members = (member for member in package.infolist() if _is_module(member.filename, runtime=runtime))
            for member in islice(members, _MAX_MODULES):
                try:
                    with package.open(member) as file:
                        header = file.read(_HEADER_BYTES)
                except (OSError, RuntimeError, ValueError, zipfile.BadZipFile, NotImplementedError):
                    continue  # a damaged or encrypted member: unpacking reports it
                if module := _identify(member.filename, header):
                    folder, _, file_name = member.filename.rpartition("/")
                    yield f"{folder}/{file_name.partition('.')[0]}", module
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return  # not a zip archive: unpacking reports it


def _is_module(path: str, *, runtime: str) -> bool:
    match, layer = _MODULE.search(path), _LAYER_FOLDER.match(path)
    if match is None or (layer is not None and layer["runtime"] != runtime):
        return False
    return match["tag"] is not None or not match["name"].startswith("lib")  # libNAME.so is a library


def _identify(path: str, header: bytes) -> CompiledModule | None:
    match = _MODULE.search(path)
    found = _parse_header(header)
    if match is None or found is None:
        return None
    tag = match["tag"] or ""
    if found.system == _LINUX and tag.endswith("musl"):
        found = Platform(system=_MUSL, processor=found.processor)
    python = _PYTHON_TAG.match(tag)
    return CompiledModule(
        path=path, platform=found, python=(int(python["major"]), int(python["minor"])) if python else None
    )


def _parse_header(header: bytes) -> Platform | None:
    """Return the platform of an ELF, Mach-O or PE file, or None for another file."""
    if header[:4] == b"\x7fELF" and len(header) >= 20:  # noqa: PLR2004 - e_machine ends there
        (machine,) = struct.unpack_from("<H" if header[5] == 1 else ">H", header, 18)
        return Platform(system=_LINUX, processor=_ELF_PROCESSORS.get(machine, f"the ELF machine {machine}"))
    if header[:4] == b"\xcf\xfa\xed\xfe" and len(header) >= 8:  # noqa: PLR2004 - the processor ends there
        (processor,) = struct.unpack_from("<I", header, 4)
        return Platform(system=_MAC, processor=_MACH_O_PROCESSORS.get(processor, ""))
    if header[:4] in {b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf"}:
        return Platform(system=_MAC, processor="")  # for several processors
    if header[:2] == b"MZ":
        return Platform(system=_WINDOWS, processor="")
    return None
