"""The package of a reward function, and the checks before anything runs."""

import io
import os
import sys
import zipfile
from pathlib import Path

import pytest

from client import deployment_package
from simulator.doctor.package import LoadError, build_package
from simulator.lambdas.limits import MAX_UNZIPPED_BYTES
from tests.lambdas.zips import zip_files

ROOT = Path(__file__).parents[2]
SOURCE = "def lambda_handler(event, context):\n    return []\n"


def package_error(path: Path, handler: str | None = None) -> str:
    """Return why a path is not a valid package."""
    with pytest.raises(LoadError) as error:
        build_package(path, handler=handler)
    return str(error.value)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a reward function."""
    path = tmp_path / "my_reward"
    path.mkdir()
    (path / "lambda_function.py").write_text(SOURCE)
    return path


def test_the_package_of_a_folder_is_equal_to_the_deployed_one() -> None:
    """`rft deploy` and the doctor build the same bytes, without shared code."""
    folder = ROOT / "reward_lambda"
    assert build_package(folder, handler=None).content == deployment_package.build_package(folder).zip_bytes


def test_programs_links_and_modes_are_packed_as_rft_deploy_packs_them(folder: Path) -> None:
    """Programs keep their executable bit, other files may be read by all, and links inside the folder are followed."""
    (folder / "checker").write_bytes(b"#!/bin/sh\n")
    (folder / "checker").chmod(0o700)
    (folder / "lambda_function.py").chmod(0o600)
    (folder / "data").mkdir()
    (folder / "data" / "x.json").write_text("{}")
    (folder / "more").symlink_to(folder / "data")
    content = build_package(folder, handler=None).content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        modes = {entry.filename: oct(entry.external_attr >> 16) for entry in archive.infolist()}
    assert modes == {
        "checker": "0o100755",
        "data/x.json": "0o100644",
        "lambda_function.py": "0o100644",
        "more/x.json": "0o100644",
    }
    assert content == deployment_package.build_package(folder).zip_bytes


def test_a_pipe_in_the_folder_is_refused(folder: Path) -> None:
    """`rft deploy` refuses it too."""
    os.mkfifo(folder / "pipe")
    assert (
        package_error(folder) == f"{folder}/pipe is a pipe, a socket or a device, which a zip cannot hold. Remove it."
    )


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such a name")
def test_a_name_that_is_not_unicode_is_refused(folder: Path) -> None:
    """`rft deploy` refuses it too."""
    (folder / os.fsdecode(b"\xff.txt")).write_text("x")
    message = f"{folder} holds a file whose name is not UTF-8: '\\udcff.txt'. Rename it or remove it."
    assert package_error(folder) == message


@pytest.mark.parametrize(
    ("target", "problem"),
    [("none.py", "{target}, which does not exist."), (".", "a folder that contains it.")],
)
def test_a_link_that_leads_nowhere_is_refused(folder: Path, target: str, problem: str) -> None:
    """`rft deploy` refuses it too."""
    (folder / "link").symlink_to(folder / target)
    text = problem.format(target=folder / target)
    assert package_error(folder) == f"{folder}/link is a link to {text} Remove the link."


def test_caches_and_hidden_files_are_left_out(folder: Path) -> None:
    """All other files are in the package, and those of subfolders too."""
    for name in ("data/labels.json", "__pycache__/x.pyc", ".env", ".git/config", "old.pyc"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("{}")
    with zipfile.ZipFile(io.BytesIO(build_package(folder, handler=None).content)) as archive:
        assert archive.namelist() == ["data/labels.json", "lambda_function.py"]


@pytest.mark.parametrize(
    ("name", "handler"),
    [
        ("reward.py", "reward.lambda_handler"),
        ("my-reward.py", "my-reward.lambda_handler"),
        ("reward.v2.py", "lambda_function.lambda_handler"),
    ],
)
def test_a_single_file_may_have_any_name(name: str, handler: str, tmp_path: Path) -> None:
    """Its handler is its lambda_handler."""
    (tmp_path / name).write_text(SOURCE)
    assert build_package(tmp_path / name, handler=None).handler == handler


def test_the_bytes_of_a_zip_do_not_change(tmp_path: Path) -> None:
    """Lambda gets the user's file."""
    content = zip_files({"lambda_function.py": SOURCE})
    (tmp_path / "reward.zip").write_bytes(content)
    assert build_package(tmp_path / "reward.zip", handler=None).content == content


def test_a_missing_module_names_the_file_with_the_handler(tmp_path: Path) -> None:
    """The option can be copied."""
    (tmp_path / "reward.py").write_text(SOURCE)
    assert package_error(tmp_path) == (
        f"{tmp_path} does not contain lambda_function.py, but reward.py defines lambda_handler: "
        "use --handler reward.lambda_handler"
    )


def test_a_missing_handler_names_a_similar_function(folder: Path) -> None:
    """It may be meant."""
    (folder / "lambda_function.py").write_text("def handler(event, context): ...\n")
    assert package_error(folder) == (
        f"{folder}/lambda_function.py does not define lambda_handler(event, context). "
        "Use --handler lambda_function.handler?"
    )


@pytest.mark.parametrize(
    "source",
    [
        "from grading import *\n",
        "from grading import lambda_handler\n",
        "import grading as lambda_handler\n",
        "lambda_handler = make()\n",
        "if True:\n    def lambda_handler(event, context): ...\n",
    ],
)
def test_a_handler_may_be_bound_in_any_way(source: str, folder: Path) -> None:
    """By an import, an assignment, or inside of a block."""
    (folder / "lambda_function.py").write_text(source)
    assert build_package(folder, handler=None).handler == "lambda_function.lambda_handler"


def test_a_syntax_error_is_reported_with_its_line(tmp_path: Path) -> None:
    """Before a worker starts."""
    (tmp_path / "reward.py").write_text("def lambda_handler(event, context):\n    return [\n")
    assert package_error(tmp_path / "reward.py") == (
        f"{tmp_path}/reward.py, line 2: '[' was never closed. Python cannot read this file, so Lambda cannot either."
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", " is not a folder, a .py file or a zip archive.", id="no bytes"),
        pytest.param(b"PK?", " is not a folder, a .py file or a zip archive.", id="not a zip"),
        pytest.param(zip_files({}), " is empty.", id="an empty zip"),
        pytest.param(
            zip_files({"lambda_function.py": SOURCE, "../out.py": ""}),
            ": Lambda could not unzip the deployment package. The function's zip names a path outside the package: "
            "'../out.py'.",
            id="a path outside of the package",
        ),
        pytest.param(
            zip_files({"reward/lambda_function.py": SOURCE}),
            " contains reward/lambda_function.py, but not lambda_function.py: give the contents of the folder reward.",
            id="a zip with its folder",
        ),
        pytest.param(
            zip_files({"lambda_function.py": "#" * 5_000_001}),
            ": lambda_function.py has 5,000,001 bytes, more than the 5,000,000 that the doctor reads. "
            "Move data to another file.",
            id="a source that is too long",
        ),
        pytest.param(
            zip_files({"README": "x"}),
            " does not contain lambda_function.py with lambda_handler(event, context). "
            "Name the handler with --handler MODULE.FUNCTION.",
            id="no module",
        ),
    ],
)
def test_an_invalid_zip_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    """In one line."""
    (tmp_path / "reward.zip").write_bytes(content)
    assert package_error(tmp_path / "reward.zip") == f"{tmp_path}/reward.zip{message}"


def test_a_zip_that_is_too_large_unzipped_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its declared size. The limit is lowered, because 262 MB take a second to zip."""
    monkeypatch.setattr("simulator.lambdas.archive.MAX_UNZIPPED_BYTES", 1_000_000)
    (tmp_path / "reward.zip").write_bytes(zip_files({"lambda_function.py": SOURCE, "zeros": bytes(1_000_000)}))
    assert package_error(tmp_path / "reward.zip") == (
        f"{tmp_path}/reward.zip: Lambda could not unzip the deployment package. The function's zip is too large: "
        "unzipped size must be smaller than 1000000 bytes for the function and its layers, and it declares "
        f"{1_000_000 + len(SOURCE)}."
    )


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"# -*- coding: nosuch -*-\n", ": unknown encoding: nosuch"),
        (b"x = 1\x00\n", ": source code "),
        (b"x = " + b"-" * 200_000 + b"1\n", ": an expression is nested too deeply"),
        (b"x = " + b"1+" * 20_000 + b"1\n", ": an expression is nested too deeply"),
    ],
    ids=["encoding", "NUL", "the parser's stack", "the tree's depth"],
)
def test_a_file_that_python_cannot_read_is_refused_in_one_line(source: bytes, message: str, tmp_path: Path) -> None:
    """With Python's reason."""
    (tmp_path / "reward.py").write_bytes(source)
    error = package_error(tmp_path / "reward.py")
    assert error.startswith(f"{tmp_path}/reward.py{message}")
    assert error.endswith(". Python cannot read this file, so Lambda cannot either.")
    assert "\n" not in error


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    """To read it would block."""
    os.mkfifo(tmp_path / "reward")
    assert package_error(tmp_path / "reward").startswith(f"{tmp_path}/reward is a pipe or a device.")


def test_a_folder_that_is_too_large_is_refused_by_its_size(folder: Path) -> None:
    """Before its files are read."""
    with (folder / "model.bin").open("wb") as model:
        model.truncate(MAX_UNZIPPED_BYTES)  # a sparse file
    assert package_error(folder).startswith(
        f"{folder} is larger than 262,144,000 bytes, the most that Lambda accepts unzipped."
    )


def test_a_module_with_the_name_of_a_standard_module_is_refused(tmp_path: Path) -> None:
    """Lambda's runtime has already imported json, so it would not import this file."""
    (tmp_path / "json.py").write_text(SOURCE)
    assert package_error(tmp_path / "json.py") == (
        f"{tmp_path}/json.py: the handler's module json has the name of a standard module, which Python would import "
        "instead. Rename it."
    )


def test_a_coroutine_handler_is_refused(folder: Path) -> None:
    """Lambda does not await it."""
    (folder / "lambda_function.py").write_text(f"async {SOURCE}")
    assert package_error(folder) == (
        f"{folder}/lambda_function.py defines lambda_handler with `async def`, and Lambda does not await it. Define it "
        "with `def`, and call asyncio.run(...) in it."
    )


@pytest.mark.parametrize("handler", ["lambda_handler", "lambda_function.", ".lambda_handler"])
def test_a_handler_needs_a_module_and_a_function(handler: str, folder: Path) -> None:
    """As Lambda does."""
    assert package_error(folder, handler) == (
        f"{handler!r} is not a handler: give a module and a function, such as --handler lambda_function.lambda_handler."
    )


def test_a_link_to_the_outside_of_the_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    """`rft deploy` refuses it too."""
    (tmp_path / "secret.txt").write_text("x")
    (folder / "data.txt").symlink_to(tmp_path / "secret.txt")
    assert package_error(folder).startswith(
        f"{folder}/data.txt is a link to {tmp_path}/secret.txt, outside of the folder, and `rft deploy` refuses it."
    )
