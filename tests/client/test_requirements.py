"""The requirements beside a handler."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from client.deployment_package import read_source
from client.errors import UsageError
from client.requirements import Requirements, find_requirements
from tests.client.conftest import write_reward

PYPROJECT = '[project]\nname = "x"\nversion = "1"\ndependencies = ["numpy>=2", "sympy"]\n'


def write_files(folder: Path, files: Mapping[str, str]) -> Path:
    """Write a reward folder with more files."""
    write_reward(folder)
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text(content, encoding="utf-8")
    return folder


def find(path: Path, handler: str | None = None) -> Requirements | None:
    """Return the requirements of a reward function."""
    return find_requirements(read_source(path, handler=handler))


@pytest.mark.parametrize(
    ("files", "lines"),
    [
        ({"requirements.txt": "# a\nnumpy==2.2.6  # b\n\nsympy \\\n  >=1\n"}, ("numpy==2.2.6", "sympy   >=1")),
        ({"pyproject.toml": PYPROJECT}, ("numpy>=2", "sympy")),
        ({"requirements.txt": "numpy\n", "pyproject.toml": PYPROJECT}, ("numpy",)),
        (
            {
                "requirements.txt": "-r more/all.txt\nx @ https://a.test/x-1-py3-none-any.whl\n",
                "more/all.txt": "numpy\n",
            },
            ("numpy", "x @ https://a.test/x-1-py3-none-any.whl"),
        ),
        (
            {"requirements.txt": "numpy\n-c limits.txt\n--extra-index-url https://a.test\n", "limits.txt": "numpy<3\n"},
            ("numpy",),
        ),
    ],
)
def test_the_requirements_are_those_of_the_file_beside_the_handler(
    tmp_path: Path, files: Mapping[str, str], lines: tuple[str, ...]
) -> None:
    """requirements.txt comes before pyproject.toml."""
    requirements = find(write_files(tmp_path / "reward", files))
    assert requirements is not None
    assert requirements.lines == lines


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"requirements.txt": "# nothing\n\n"},
        {"pyproject.toml": "[tool.ruff]\nline-length = 100\n"},
        {
            "requirements.txt": "My_Tool>=1\n",
            "my_tool/__init__.py": "",
            "my_tool-1.0.dist-info/METADATA": "Name: my-tool\n",
        },
    ],
)
def test_a_folder_without_anything_to_install_has_no_requirements(tmp_path: Path, files: Mapping[str, str]) -> None:
    """Such as one in which `pip install --target` was run: it is packed as it is."""
    assert find(write_files(tmp_path / "reward", files)) is None


def test_a_folder_that_holds_only_some_projects_has_requirements(tmp_path: Path) -> None:
    """All are installed, and a file of the folder comes first."""
    files = {"requirements.txt": "tool\nnumpy\n", "tool-1.0.dist-info/METADATA": "Name: tool\n"}
    requirements = find(write_files(tmp_path / "reward", files))
    assert requirements is not None
    assert requirements.lines == ("tool", "numpy")


def test_requirements_beside_a_single_file_and_beside_a_module_are_found(tmp_path: Path) -> None:
    """A zip holds its packages."""
    folder = write_files(tmp_path / "reward", {"src/grade.py": "def score(event, context): ...\n"})
    (folder / "src" / "requirements.txt").write_text("numpy\n", encoding="utf-8")
    found = [find(folder / "src" / "grade.py", "grade.score"), find(folder, "src.grade.score"), find(folder)]
    assert [requirements and requirements.lines for requirements in found] == [("numpy",), ("numpy",), None]
    with zipfile.ZipFile(tmp_path / "reward.zip", "w") as archive:
        archive.write(folder / "lambda_function.py", "lambda_function.py")
        archive.writestr("requirements.txt", "numpy\n")
    assert find(tmp_path / "reward.zip") is None


@pytest.mark.parametrize(
    "line",
    [
        *("-e .", "--editable ./lib", "./lib", "lib @ file:///{folder}/lib"),
        *("git+https://a.test/x.git", "x @ git+https://a.test/x", "https://a.test/x-1.0.tar.gz"),
    ],
)
def test_source_code_is_refused(tmp_path: Path, line: str) -> None:
    """It would be built for this machine, and the cache would not see its changes."""
    folder = write_files(tmp_path / "reward", {"lib/setup.py": ""})
    requirement = line.format(folder=folder)
    (folder / "requirements.txt").write_text(f"numpy\n{requirement}\n", encoding="utf-8")
    with pytest.raises(UsageError) as exc_info:
        find(folder)
    assert exc_info.value.message == (
        f"{folder}/requirements.txt, line 2: {requirement} is source code, which would be built for this machine."
    )


@pytest.mark.parametrize("changed", ["requirements.txt", "more.txt", "limits.txt", "x-1-py3-none-any.whl"])
def test_the_digest_depends_on_every_file_that_is_read(tmp_path: Path, changed: str) -> None:
    """So a change installs again."""
    files = {
        "requirements.txt": "-r more.txt\n-c limits.txt\n./x-1-py3-none-any.whl\n",
        "more.txt": "numpy\n",
        "limits.txt": "numpy<3\n",
        "x-1-py3-none-any.whl": "wheel",
    }
    folder = write_files(tmp_path / "reward", files)
    first, again = find(folder), find(folder)
    (folder / changed).write_text(files[changed] + "\n#\n", encoding="utf-8")
    second = find(folder)
    assert first is not None
    assert second is not None
    assert (first == again, first.digest == second.digest) == (True, False)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"pyproject.toml": "[project\n"}, "/pyproject.toml: Expected ']'"),
        (
            {"pyproject.toml": '[project]\nname = "x"\ndynamic = ["dependencies"]\n'},
            "/pyproject.toml: the dependencies are dynamic",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_a_usage_error(tmp_path: Path, files: Mapping[str, str], message: str) -> None:
    """It is not ignored."""
    folder = write_files(tmp_path / "reward", files)
    with pytest.raises(UsageError) as exc_info:
        find(folder)
    assert exc_info.value.message.startswith(f"{folder}{message}")
