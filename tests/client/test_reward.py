"""What a reward function becomes with its requirements."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from client.deployment_package import DeploymentPackage
from client.function_options import DEFAULT_ARCHITECTURE, FunctionOptions
from client.reward import load_reward
from tests.client.conftest import write_reward


def unused_client() -> Any:
    """Fail: the test must not use Lambda."""
    raise AssertionError


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The files that an installer writes, in the place of pip's."""
    files: dict[str, str] = {}

    def install(_installer: object, _file: Path, *, folder: Path, **_: Any) -> None:
        write_files(folder, files)

    monkeypatch.setattr("client.dependency_cache.install", install)
    return files


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write files and their folders."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def load(path: Path, options: FunctionOptions, *, cache: Path) -> DeploymentPackage:
    """Load the package of a path."""
    reward = load_reward(
        str(path),
        options,
        region="us-west-2",
        lambda_client_factory=unused_client,
        cache_folder=cache,
        console=Console(file=io.StringIO()),
    )
    assert isinstance(reward, DeploymentPackage)
    return reward


@pytest.mark.parametrize(
    ("module", "options", "architecture"),
    [
        ("tool/__init__.py", FunctionOptions(), None),
        ("tool/_core.cpython-312-x86_64-linux-gnu.so", FunctionOptions(), DEFAULT_ARCHITECTURE),
        ("tool.libs/libcore.so.5.0", FunctionOptions(), DEFAULT_ARCHITECTURE),
        ("tool/__init__.py", FunctionOptions(architecture="arm64"), "arm64"),
        ("tool/_core.so", FunctionOptions(architecture="arm64"), "arm64"),
    ],
)
def test_compiled_requirements_set_the_architecture(
    tmp_path: Path, installed: dict[str, str], module: str, options: FunctionOptions, architecture: str | None
) -> None:
    """Without them the architecture of an existing function stays."""
    folder = write_reward(tmp_path / "reward")
    write_files(folder, {"requirements.txt": "tool\n"})
    installed[module] = "x"
    package = load(folder, options, cache=tmp_path / "cache")
    assert (package.architecture, package.files) == (architecture, ("lambda_function.py", "requirements.txt"))


def test_a_folder_that_holds_its_packages_is_packed_as_it_is(tmp_path: Path, installed: dict[str, str]) -> None:
    """Nothing is installed, so the cache stays empty."""
    folder = write_reward(tmp_path / "reward")
    write_files(folder, {"requirements.txt": "tool\n", "tool-1.0.dist-info/METADATA": "Name: tool\n", "tool.py": ""})
    package = load(folder, FunctionOptions(), cache=tmp_path / "cache")
    assert (package.dependencies, (tmp_path / "cache").exists()) == (None, False)
    assert package.files == ("lambda_function.py", "requirements.txt", "tool-1.0.dist-info/METADATA", "tool.py")
