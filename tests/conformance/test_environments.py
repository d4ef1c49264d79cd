"""The environments say exactly what is in them, and none that is missing passes for one that was tried."""

import json
import re
from pathlib import Path

import pytest

from tests.conformance.environments import ENVIRONMENTS, HERE, NEWEST, Environment
from tests.conformance.simulator_host import REQUIRED_VARIABLE, require_environment


@pytest.fixture
def missing(tmp_path: Path) -> Environment:
    """An environment that nobody made."""
    (tmp_path / "requirements.txt").write_text("")
    return Environment(name="nowhere", spec_files=(tmp_path / "requirements.txt",), install=NEWEST.install)


@pytest.mark.parametrize("path", sorted(HERE.glob("requirements-*.txt")), ids=lambda path: path.stem)
def test_every_requirement_is_held_to_a_release(path: Path) -> None:
    """Those that nobody asked for by name as well."""
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []


def test_the_lock_file_names_no_registry() -> None:
    """Whoever installs from it takes the packages from their own, and their digests from here."""
    locked = json.loads((HERE / "node" / "package-lock.json").read_text())["packages"]
    packages = {name: package for name, package in locked.items() if name}
    assert {name for name, package in packages.items() if "resolved" in package or "integrity" not in package} == set()


def test_every_requirements_file_is_some_environments() -> None:
    """None is left over."""
    used = {path for environment in ENVIRONMENTS for path in environment.spec_files}
    assert set(HERE.glob("requirements-*.txt")) <= used


def test_a_missing_environment_skips_and_says_how_to_make_it(
    missing: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody needs npm to run the rest of the tests."""
    monkeypatch.delenv(REQUIRED_VARIABLE, raising=False)
    with pytest.raises(
        pytest.skip.Exception, match=r"'nowhere' is not made.*python -m tests\.conformance\.environments"
    ):
        require_environment(missing)


def test_a_missing_environment_fails_where_it_is_required(
    missing: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In CI nothing is passed over in silence."""
    monkeypatch.setenv(REQUIRED_VARIABLE, "1")
    with pytest.raises(pytest.fail.Exception, match="'nowhere' is not made"):
        require_environment(missing)
