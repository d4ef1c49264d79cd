"""Installers, and the errors of one that fails."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import sys
from pathlib import Path

import pytest

from client.dependency_installer import Installer, LambdaPlatform, find_installer, install
from client.errors import ClientError, Unreachable, UsageError

AL2 = LambdaPlatform(runtime="python3.11", architecture="x86_64")
AL2023 = LambdaPlatform(runtime="python3.12", architecture="arm64")
HERE = LambdaPlatform(
    runtime=f"python3.{sys.version_info.minor}",
    architecture={"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine(), "x86_64"),
)
OTHER = LambdaPlatform(runtime="python3.14" if sys.version_info.minor != 14 else "python3.13", architecture="arm64")


def test_the_wheels_of_a_platform_need_no_newer_glibc_than_the_runtime_has() -> None:
    """Amazon Linux 2 has 2.26, Amazon Linux 2023 has 2.34."""
    old, new = AL2.wheel_platforms(), AL2023.wheel_platforms()
    assert (old[0], old[-2:]) == ("manylinux_2_26_x86_64", ("manylinux_2_5_x86_64", "manylinux2014_x86_64"))
    assert (new[0], new[-2:]) == ("manylinux_2_34_aarch64", ("manylinux_2_17_aarch64", "manylinux2014_aarch64"))


@pytest.mark.parametrize(
    ("target", "has_pip", "has_uv", "name", "reads_markers_here"),
    [
        (HERE, True, True, "pip", False),
        (HERE, False, True, "uv", False),
        (OTHER, True, True, "uv", False),
        (OTHER, True, False, "pip", True),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="another system is never the platform of the function")
def test_the_installer_reads_markers_for_the_function_if_it_can(
    monkeypatch: pytest.MonkeyPatch,
    target: LambdaPlatform,
    *,
    has_pip: bool,
    has_uv: bool,
    name: str,
    reads_markers_here: bool,
) -> None:
    """Pip reads them for its own Python, so uv is better for another one."""
    monkeypatch.setattr(shutil, "which", lambda _: "/bin/uv" if has_uv else None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object() if has_pip else None)
    installer = find_installer(target)
    assert (installer.name, installer.reads_markers_here) == (name, reads_markers_here)


def test_neither_pip_nor_uv_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that adds pip."""
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UsageError) as exc_info:
        find_installer(AL2, executable="/venv/bin/python")
    assert exc_info.value.next_step == "Run /venv/bin/python -m ensurepip, or install uv."


def install_with_output(tmp_path: Path, output: str, *, code: int = 1) -> ClientError:
    """Return the error of an installer that prints `output` and ends."""
    program = f"import sys; print({output!r}, flush=True); sys.exit({code})"
    with pytest.raises(ClientError) as exc_info:
        install(
            Installer(name="pip", command=(sys.executable, "-I", "-S", "-c", program)),
            tmp_path / "requirements.txt",
            target=AL2,
            folder=tmp_path / "installed",
            working_folder=tmp_path,
            log_file=tmp_path / "pip.log",
            report=lambda _: None,
        )
    return exc_info.value


@pytest.mark.parametrize(
    ("output", "kind", "message", "next_step"),
    [
        (
            (
                "ERROR: Could not find a version that satisfies the requirement pyspark==3.5.0 (from versions: none)\n"
                "ERROR: No matching distribution found for pyspark==3.5.0"
            ),
            UsageError,
            "pyspark==3.5.0 has no wheel for python3.11 on x86_64 (glibc 2.26 at most). The output of pip: {log}",
            "Name another version, build a pure-Python wheel of it and name that, or put it into a layer (--layer).",
        ),
        (
            "ERROR: Could not find a version that satisfies the requirement numpy==99 (from versions: 2.2.5, 2.2.6)",
            UsageError,
            (
                "numpy==99 has no wheel for python3.11 on x86_64 (glibc 2.26 at most). It has wheels of 2.2.5, 2.2.6. "
                "The output of pip: {log}"
            ),
            "Name another version, build a pure-Python wheel of it and name that, or put it into a layer (--layer).",
        ),
        (
            (
                "WARNING: Retrying after connection broken by 'NewConnectionError(...)': /simple/numpy/\n"
                "ERROR: Could not find a version that satisfies the requirement numpy (from versions: none)"
            ),
            Unreachable,
            "pip could not reach the package index. Its output: {log}",
            "Check the network. A folder that holds its packages (pip install --target) needs no index.",
        ),
        (
            "Collecting numpy\nERROR: Cannot install a==1 and a==2\nERROR: ResolutionImpossible: for help",
            UsageError,
            (
                "pip could not install the requirements for python3.11 on x86_64: ERROR: Cannot install a==1 and a==2 "
                "ERROR: ResolutionImpossible: for help"
            ),
            "The whole output: {log}",
        ),
    ],
)
def test_the_output_of_a_failed_installer_becomes_one_error(
    tmp_path: Path, output: str, kind: type[ClientError], message: str, next_step: str
) -> None:
    """The whole output is in a file."""
    error, log = install_with_output(tmp_path, output), tmp_path / "pip.log"
    assert (type(error), error.message, error.next_step) == (kind, message.format(log=log), next_step.format(log=log))
    assert log.read_text(encoding="utf-8") == f"{output}\n"


def test_a_download_that_cannot_fit_ends_the_installer(tmp_path: Path) -> None:
    """A build of torch for GPUs has gigabytes."""
    error = install_with_output(tmp_path, "  Downloading torch-2.5.1-x86_64.whl (906.4 MB)", code=0)
    assert error.message == "torch-2.5.1-x86_64.whl alone has 906.4 MB zipped; Lambda takes 250 MB unpacked."
