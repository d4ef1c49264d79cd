"""Compiled modules that cannot be loaded: what each was built for, whether Lambda can load it, and what to do."""

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest

from simulator.lambdas.compiled_modules import (
    Platform,
    UnloadableModules,
    describe_differences,
    dump_unloadable_modules,
    find_modules_behind_error,
    find_unloadable_modules,
    parse_unloadable_modules,
    this_platform,
)
from simulator.lambdas.interpreters import Interpreter, describe_other_python
from tests.lambdas.zips import function_from_zip, zip_files

PYTHON_311 = Interpreter(executable=Path("/usr/bin/python3.11"), prefix=Path("/usr"), version=(3, 11))
LINUX = Platform(system="Linux", processor="x86_64")
MAC = Platform(system="macOS", processor="arm64")


def elf(machine: int) -> bytes:
    """Return the first bytes of a 64-bit Linux module for a processor, by its number in the ELF header."""
    return b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 3, machine) + bytes(44)


X86, ARM = elf(62), elf(183)
MACH_O_ARM = b"\xcf\xfa\xed\xfe" + struct.pack("<I", 0x0100000C) + bytes(56)
UNIVERSAL = b"\xca\xfe\xba\xbe" + bytes(60)
WINDOWS = b"MZ" + bytes(62)


def find(files: dict[str, bytes], *, here: Platform = LINUX, named_in: str = "", **changes: Any) -> UnloadableModules:
    """Return the modules that Python 3.11 cannot load; there must be some."""
    found = _find(files, here=here, named_in=named_in, **changes)
    assert found is not None
    return found


def _find(
    files: dict[str, bytes], *, here: Platform = LINUX, named_in: str = "", **changes: Any
) -> UnloadableModules | None:
    spec = function_from_zip(zip_files(dict(files)), **changes)
    return find_unloadable_modules(spec, PYTHON_311, named_in=named_in, here=here)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("numpy/_core/_umath.cpython-311-x86_64-linux-gnu.so", X86),
        ("cryptography/_rust.abi3.so", X86),
        ("plain.so", X86),
        ("numpy.libs/libopenblas.so", ARM),
        ("text.so", b"no compiled module"),
        ("short.so", b"\x7fELF"),
        ("code.py", b""),
    ],
)
def test_a_module_that_python_can_load_is_no_finding(file: str, content: bytes) -> None:
    """Neither is a library, nor a file that is no module."""
    assert _find({file: content}) is None


@pytest.mark.parametrize(
    ("file", "content", "built_for"),
    [
        ("a/_b.cpython-312-x86_64-linux-gnu.so", X86, "Python 3.12, Linux on x86_64"),
        ("a/_b.cpython-311-aarch64-linux-gnu.so", ARM, "Python 3.11, Linux on arm64"),
        ("a/_b.cpython-311-x86_64-linux-musl.so", X86, "Python 3.11, Linux with musl on x86_64"),
        ("a/_b.cpython-311-darwin.so", MACH_O_ARM, "Python 3.11, macOS on arm64"),
        ("a/_b.cpython-311-darwin.so", UNIVERSAL, "Python 3.11, macOS"),
        ("a/_b.cp312-win_amd64.pyd", WINDOWS, "Python 3.12, Windows"),
        ("a/_b.abi3.so", ARM, "Linux on arm64"),
        ("a/_b.so", elf(243), "Linux on the ELF machine 243"),
    ],
)
def test_a_module_is_named_as_what_it_was_built_for(file: str, content: bytes, built_for: str) -> None:
    """By the tag in its name and its first bytes."""
    assert find({file: content}).explanation == (
        f"{file} is built for {built_for}, but the function has Runtime python3.11 on x86_64, so Lambda cannot load it."
    )


INSTALL = (
    "Install its package for Lambda with `pip install --platform manylinux2014_{processor} --python-version 3.11 "
    "--only-binary=:all: --target FOLDER PACKAGE`"
)


@pytest.mark.parametrize(
    ("file", "content", "architecture", "advice"),
    [
        ("_b.cpython-311-darwin.so", MACH_O_ARM, "x86_64", INSTALL.format(processor="x86_64")),
        ("_b.cpython-311-darwin.so", MACH_O_ARM, "arm64", INSTALL.format(processor="aarch64")),
        (
            "_b.cpython-312-x86_64-linux-gnu.so",
            X86,
            "x86_64",
            INSTALL.format(processor="x86_64") + ", or deploy the function with Runtime python3.12",
        ),
        (
            "_b.cpython-312-aarch64-linux-gnu.so",
            ARM,
            "x86_64",
            INSTALL.format(processor="x86_64")
            + ", or deploy the function with Runtime python3.12 and Architectures arm64",
        ),
    ],
)
def test_the_advice_for_a_wrong_package_is_to_install_it_for_the_function(
    file: str, content: bytes, architecture: str, advice: str
) -> None:
    """Or to configure the function for the package, if Lambda has such a runtime."""
    found = find({file: content}, architecture=architecture)

    assert (found.advice, found.loads_at_aws) == (f"{advice}.", False)


@pytest.mark.parametrize(
    ("file", "content", "here", "changes", "running", "advice"),
    [
        pytest.param(
            "_b.cpython-312-x86_64-linux-gnu.so",
            X86,
            LINUX,
            {"runtime": "python3.12"},
            "Python 3.11, Linux on x86_64",
            "Install Python 3.12, for example with `uv python install 3.12`.",
            id="the Python of its Runtime is missing",
        ),
        pytest.param(
            "_b.cpython-311-aarch64-linux-gnu.so",
            ARM,
            LINUX,
            {"architecture": "arm64"},
            "Python 3.11, Linux on x86_64",
            "Run the simulator on Linux on arm64, or deploy a package for x86_64 with Architectures x86_64.",
            id="another processor",
        ),
        pytest.param(
            "_b.cpython-311-x86_64-linux-gnu.so",
            X86,
            MAC,
            {},
            "Python 3.11, macOS on arm64",
            "Run the simulator on Linux on x86_64.",
            id="another system",
        ),
    ],
)
def test_a_package_that_is_right_for_lambda_is_not_blamed(
    file: str, content: bytes, here: Platform, changes: dict[str, Any], running: str, advice: str
) -> None:
    """It cannot be judged on this machine."""
    found = find({file: content}, here=here, **changes)

    built_for = f"Python {file[11]}.{file[12:14]}, Linux on {changes.get('architecture', 'x86_64')}"
    assert found == UnloadableModules(
        loads_at_aws=True,
        explanation=(
            f"{file} is built for {built_for}, which Lambda can load, but the function runs on {running} here: it "
            "cannot be judged on this machine."
        ),
        advice=advice,
    )


def test_a_module_that_is_also_there_for_this_python_is_no_finding() -> None:
    """Some packages hold a module for several Pythons."""
    assert _find({"a/_b.cpython-311-x86_64-linux-gnu.so": X86, "a/_b.cpython-312-x86_64-linux-gnu.so": X86}) is None


def test_the_module_that_the_error_names_is_described() -> None:
    """Of several, and the others are counted."""
    files = {f"numpy/{name}.cpython-312-x86_64-linux-gnu.so": X86 for name in ("_first", "_umath", "_last")}

    assert find(files, named_in="No module named 'numpy._umath'").explanation == (
        "numpy/_umath.cpython-312-x86_64-linux-gnu.so is built for Python 3.12, Linux on x86_64, as are 2 more of its "
        "compiled modules, but the function has Runtime python3.11 on x86_64, so Lambda cannot load it."
    )


def test_layers_are_read_for_the_functions_own_runtime() -> None:
    """Packages for another Python in a layer are never imported."""
    layer = {
        f"python/lib/python3.{minor}/site-packages/_b.cpython-3{minor}-x86_64-linux-gnu.so": X86 for minor in (11, 12)
    }
    shared = {"python/_c.cpython-312-x86_64-linux-gnu.so": X86}

    assert _find({}, layers=(zip_files(dict(layer)),)) is None
    assert find({}, layers=(zip_files({**layer, **shared}),)).explanation.startswith("python/_c.cpython-312-")


@pytest.mark.parametrize("archive", [b"", b"no zip", zip_files({"a.so": X86})[:60]])
def test_an_archive_that_cannot_be_read_has_no_finding(archive: bytes) -> None:
    """Unpacking reports it."""
    assert find_unloadable_modules(function_from_zip(archive), PYTHON_311, here=LINUX) is None


def test_an_encrypted_or_damaged_module_is_passed_over() -> None:
    """The modules after it are still read."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as package:
        package.writestr("a.so", X86)
        package.writestr("b.so", ARM)
    content = bytearray(archive.getvalue())
    content[content.index(b"a.so") + 4] ^= 0xFF  # the first byte of the module: its checksum is wrong

    found = find_unloadable_modules(function_from_zip(bytes(content)), PYTHON_311, here=LINUX)

    assert found is not None
    assert found.explanation.startswith("b.so is built for Linux on arm64")


def test_only_a_failed_import_is_explained_by_compiled_modules() -> None:
    """The type of the error decides."""
    spec = function_from_zip(zip_files({"_b.cp312-win_amd64.pyd": WINDOWS}))
    error_types = ("Runtime.ImportModuleError", "ModuleNotFoundError", "ImportError", "KeyError")

    explained = [
        error_type
        for error_type in error_types
        if find_modules_behind_error(spec, PYTHON_311, error_type=error_type, message="No module named '_b'")
    ]

    assert explained == ["Runtime.ImportModuleError", "ModuleNotFoundError", "ImportError"]


def test_unloadable_modules_are_equal_after_a_header() -> None:
    """Another text is nothing."""
    modules = find({"_b\u00e9.abi3.so": ARM})

    assert dump_unloadable_modules(modules).isascii()
    assert parse_unloadable_modules(dump_unloadable_modules(modules)) == modules
    assert [parse_unloadable_modules(text) for text in ("", "[]", "{}", '{"advice": 1}', "[" * 100_000)] == [None] * 5


def test_the_differences_are_the_python_and_the_modules() -> None:
    """Empty for a function that runs here as at AWS."""
    modules = zip_files({"_b.cpython-312-x86_64-linux-gnu.so": X86})
    different = function_from_zip(modules, runtime="python3.12")
    unloadable = find_unloadable_modules(different, PYTHON_311)

    assert describe_differences(function_from_zip(zip_files({"a.py": ""})), PYTHON_311) == ()
    assert describe_differences(different, PYTHON_311) == (
        describe_other_python("python3.12", PYTHON_311),
        str(unloadable),
    )


def test_this_machine_has_a_platform() -> None:
    """In Lambda's words."""
    assert this_platform().processor in {"x86_64", "arm64"}
