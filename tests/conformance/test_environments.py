"""The environments are pinned exactly, and a missing one is reported."""

import json
import re
from pathlib import Path

import pytest

from tests.conformance.environments import ENVIRONMENTS, HERE, NEWEST, Environment
from tests.conformance.simulator_host import REQUIRED_VARIABLE, require_environment


@pytest.fixture
def missing(tmp_path: Path) -> Environment:
    """An environment that is not installed."""
    (tmp_path / "requirements.txt").write_text("")
    return Environment(name="nowhere", spec_files=(tmp_path / "requirements.txt",), install=NEWEST.install)


@pytest.mark.parametrize("path", sorted(HERE.glob("requirements-*.txt")), ids=lambda path: path.stem)
def test_every_requirement_has_an_exact_version(path: Path) -> None:
    """Also indirect ones."""
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []


def test_the_lock_file_names_no_registry() -> None:
    """The configured registry of npm is used; the hashes are in the lock file."""
    packages = json.loads((HERE / "node" / "package-lock.json").read_text())["packages"]
    packages = {name: package for name, package in packages.items() if name}
    assert {name for name, package in packages.items() if "resolved" in package or "integrity" not in package} == set()


def test_every_requirements_file_belongs_to_an_environment() -> None:
    """No file is unused."""
    used = {path for environment in ENVIRONMENTS for path in environment.spec_files}
    assert set(HERE.glob("requirements-*.txt")) <= used


def test_a_missing_environment_skips_with_the_command_to_install_it(
    missing: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other tests run without npm."""
    monkeypatch.delenv(REQUIRED_VARIABLE, raising=False)
    with pytest.raises(
        pytest.skip.Exception, match=r"'nowhere' is missing.*python -m tests\.conformance\.environments"
    ):
        require_environment(missing)


def test_a_missing_environment_fails_where_it_is_required(
    missing: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in CI."""
    monkeypatch.setenv(REQUIRED_VARIABLE, "1")
    with pytest.raises(pytest.fail.Exception, match="'nowhere' is missing"):
        require_environment(missing)
