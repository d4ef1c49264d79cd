"""Which Python interpreter of the machine runs a function."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from simulator.lambdas.interpreters import (
    Interpreter,
    InterpreterFolders,
    describe_other_python,
    find_interpreter,
    inspect_interpreter,
    nearest_interpreter,
    own_interpreter,
)

OWN = own_interpreter()
OTHER = "python3.12" if OWN.version != (3, 12) else "python3.13"


def test_the_own_interpreter_is_the_binary_outside_the_virtual_environment() -> None:
    """Its files are what a function may read."""
    assert OWN.version == sys.version_info[:2]
    assert OWN.prefix == Path(os.path.realpath(sys.base_prefix))
    assert OWN.executable.resolve() == OWN.executable
    assert not (OWN.executable.parent.parent / "pyvenv.cfg").exists()


def test_the_folders_follow_the_variables() -> None:
    """The tools' own variables come before their default folders."""
    environment = {"HOME": "/home/ada", "PATH": "/usr/bin::/bin"}

    assert [
        InterpreterFolders.from_environment(environment),
        InterpreterFolders.from_environment({**environment, "PYENV_ROOT": "/pyenv", "UV_PYTHON_INSTALL_DIR": "/uv"}),
        InterpreterFolders.from_environment({}),
    ] == [
        InterpreterFolders(
            path=(Path("/usr/bin"), Path("/bin")),
            uv=Path("/home/ada/.local/share/uv/python"),
            pyenv=Path("/home/ada/.pyenv/versions"),
        ),
        InterpreterFolders(path=(Path("/usr/bin"), Path("/bin")), uv=Path("/uv"), pyenv=Path("/pyenv/versions")),
        InterpreterFolders(),
    ]


def test_a_link_to_an_interpreter_is_resolved(tmp_path: Path) -> None:
    """A link on PATH, as a virtual environment has it, gives the binary and its prefix."""
    link = tmp_path / OWN.runtime
    link.symlink_to(OWN.executable)

    assert inspect_interpreter(link) == OWN


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(f"#!{sys.executable}\n", id="a script, such as a pyenv shim"),
        pytest.param("not a program", id="no program"),
    ],
)
def test_what_is_no_interpreter_is_passed_over(tmp_path: Path, content: str) -> None:
    """A name proves nothing."""
    (tmp_path / OTHER).write_text(content)
    (tmp_path / OTHER).chmod(0o755)

    assert find_interpreter(OTHER, InterpreterFolders(path=(tmp_path,))) is None


def test_path_comes_first_then_uv_then_pyenv_and_newer_patches_before_older(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """3.12.10 is newer than 3.12.9."""
    uv = [tmp_path / f"uv/cpython-3.12.{patch}-linux-x86_64-gnu/bin" for patch in (10, 9)]
    pyenv = [tmp_path / f"pyenv/3.12.{patch}/bin" for patch in (11, 1)]
    order = [tmp_path / "bin", *uv, *pyenv]
    for folder in order:
        folder.mkdir(parents=True)
        (folder / "python3.12").touch(mode=0o755)
    asked: list[Path] = []
    monkeypatch.setattr("simulator.lambdas.interpreters.inspect_interpreter", asked.append)
    monkeypatch.setattr("simulator.lambdas.interpreters.own_interpreter", lambda: replace(OWN, version=(3, 99)))

    find_interpreter(
        "python3.12", InterpreterFolders(path=(tmp_path / "bin",), uv=tmp_path / "uv", pyenv=tmp_path / "pyenv")
    )

    assert asked == [folder / "python3.12" for folder in order]


@pytest.mark.parametrize("runtime", ["python3.9", "nodejs20.x", "python3", "", "python3.x"])
def test_a_runtime_that_cannot_run_here_has_no_interpreter(runtime: str) -> None:
    """AWS's runtime client needs Python 3.10, and other languages have none."""
    assert find_interpreter(runtime, InterpreterFolders.from_environment({"HOME": str(Path.home())})) is None


def test_without_its_interpreter_a_function_runs_on_the_simulators_own() -> None:
    """With a warning, which `describe_other_python` words."""
    assert nearest_interpreter(OTHER, InterpreterFolders()) == OWN


def test_the_warning_says_which_pythons_and_what_to_do() -> None:
    """None if the function runs on the Python of its Runtime."""
    interpreter = Interpreter(executable=Path("/usr/bin/python3.11"), prefix=Path("/usr"), version=(3, 11))

    assert {name: describe_other_python(name, interpreter) for name in ("python3.11", "python3.12", "python3.9")} == {
        "python3.11": None,
        "python3.12": (
            "The function's Runtime is python3.12, but no Python 3.12 was found on this machine, so it runs on Python "
            "3.11 here. Install Python 3.12, for example with `uv python install 3.12`."
        ),
        "python3.9": (
            "The function's Runtime is python3.9, but the simulator runs functions on Python 3.10 or newer, so it runs "
            "on Python 3.11 here. Deploy it with Runtime python3.11."
        ),
    }
