"""The cache of installed requirements, with an installer that writes files."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from client.dependency_archive import Dependencies, add_to_archive
from client.dependency_cache import provide_dependencies
from client.dependency_installer import LambdaPlatform
from client.deployment_package import pack, read_source
from client.errors import UsageError
from client.package_files import list_files
from client.progress import StepProgress
from client.requirements import Requirements
from tests.client.conftest import write_reward

INSTALLED = {
    "tool/__init__.py": "VERSION = 1\n",
    "tool/.libs/inner.txt": "x",
    "tool-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tool\nVersion: 1.0\n\nName: of the text\n",
    "other-2.dist-info/METADATA": "Name: other\nVersion: 2\n",
}
NOT_PACKED = {
    "tool-1.0.dist-info/RECORD": "x",
    "tool-1.0.dist-info/INSTALLER": "pip\n",
    "tool-1.0.dist-info/REQUESTED": "",
    "tool-1.0.dist-info/direct_url.json": "{}",
    "tool/__pycache__/__init__.cpython-311.pyc": "x",
    "bin/tool": "#!/home/me/venv/bin/python\n",
    ".lock": "",
}


@dataclass
class FakeInstaller:
    """Writes files, and counts its runs."""

    files: Mapping[str, str] = field(default_factory=lambda: INSTALLED | NOT_PACKED)
    runs: int = 0
    programs: tuple[str, ...] = ()
    error: Exception | None = None
    on_install: Callable[[], None] = lambda: None

    def install(self, _installer: object, _file: Path, *, folder: Path, **_: Any) -> None:
        """Stand in for pip."""
        self.runs += 1
        self.on_install()
        for name, text in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        for name in self.programs:
            (folder / name).chmod(0o700)
        if self.error is not None:
            raise self.error


@pytest.fixture
def installer(monkeypatch: pytest.MonkeyPatch) -> FakeInstaller:
    """An installer in the place of pip."""
    fake = FakeInstaller()
    monkeypatch.setattr("client.dependency_cache.install", fake.install)
    return fake


@contextmanager
def open_progress(_: str) -> Iterator[StepProgress]:
    """Show nothing."""
    yield StepProgress()


def provide(
    cache: Path,
    *,
    digest: str = "d",
    runtime: str = "python3.12",
    refreshes: bool = False,
    notices: list[str] | None = None,
) -> Dependencies:
    """Provide the dependencies of requirements with a digest."""
    return provide_dependencies(
        Requirements(file=Path("requirements.txt"), lines=("tool",), digest=digest),
        LambdaPlatform(runtime=runtime, architecture="x86_64"),
        cache_folder=cache,
        refreshes=refreshes,
        open_progress=open_progress,
        notify=(notices if notices is not None else []).append,
    )


def test_what_is_packed_does_not_depend_on_the_installer(installer: FakeInstaller, tmp_path: Path) -> None:
    """Its notes, caches and scripts with a path of this machine are left out."""
    dependencies = provide(tmp_path)
    assert sorted(dependencies.files) == sorted(INSTALLED)
    assert dependencies.resolved == ("other==2", "tool==1.0")
    installer.files = INSTALLED
    assert provide(tmp_path / "other").zip_bytes == dependencies.zip_bytes


def test_programs_keep_their_executable_bit(installer: FakeInstaller, tmp_path: Path) -> None:
    """Also a program in bin that is no script."""
    installer.files = {"bin/checker": "\x7fELF", "tool.py": ""}
    installer.programs = ("bin/checker",)
    with zipfile.ZipFile(io.BytesIO(provide(tmp_path).zip_bytes)) as archive:
        modes = {entry.filename: oct(entry.external_attr >> 16) for entry in archive.infolist()}
    assert modes == {"bin/checker": "0o100755", "tool.py": "0o100644"}


def test_the_second_time_nothing_is_installed(installer: FakeInstaller, tmp_path: Path) -> None:
    """Unless the requirements or the platform differ, or a refresh is wanted."""
    first, second = provide(tmp_path), provide(tmp_path)
    assert (installer.runs, first.is_cached, second.is_cached) == (1, False, True)
    assert (second.zip_bytes, second.files, second.resolved) == (first.zip_bytes, first.files, first.resolved)
    provide(tmp_path, digest="other")
    provide(tmp_path, runtime="python3.13")
    assert installer.runs == 3
    installer.files = {"tool.py": "VERSION = 2\n"}
    assert (list(provide(tmp_path, refreshes=True).files), installer.runs) == (["tool.py"], 4)
    assert list(provide(tmp_path).files) == ["tool.py"]


@pytest.mark.parametrize("damage", ["packages.zip", "packages.json"])
def test_a_damaged_entry_is_installed_again(installer: FakeInstaller, tmp_path: Path, damage: str) -> None:
    """It is found by its hash."""
    provide(tmp_path)
    (path,) = tmp_path.glob(f"dependencies/*/{damage}")
    path.write_bytes(path.read_bytes()[:-1])
    assert (provide(tmp_path).is_cached, provide(tmp_path).is_cached, installer.runs) == (False, True, 2)


def test_a_failed_installation_leaves_nothing(installer: FakeInstaller, tmp_path: Path) -> None:
    """The next run installs again."""
    installer.error = UsageError("no wheel")
    with pytest.raises(UsageError, match="no wheel"):
        provide(tmp_path)
    assert [path.suffix for path in (tmp_path / "dependencies").iterdir()] == [".lock"]


def test_what_a_killed_run_left_is_removed(installer: FakeInstaller, tmp_path: Path) -> None:
    """Its folder never looks complete."""
    provide(tmp_path)
    (entry,) = (path for path in (tmp_path / "dependencies").iterdir() if path.is_dir())
    (tmp_path / "dependencies" / f"{entry.name}.partial-x1" / "installed").mkdir(parents=True)
    provide(tmp_path, refreshes=True)
    assert [path for path in (tmp_path / "dependencies").iterdir() if path.is_dir()] == [entry]


def test_two_runs_at_once_install_once(installer: FakeInstaller, tmp_path: Path) -> None:
    """The second waits, says so, and takes what the first installed."""
    is_installing = threading.Event()
    notices: list[str] = []
    results: list[Dependencies] = []

    def wait_for_the_second_run() -> None:
        is_installing.set()
        while not notices:
            threading.Event().wait(0.001)

    installer.on_install = wait_for_the_second_run
    first = threading.Thread(target=lambda: results.append(provide(tmp_path)))
    first.start()
    assert is_installing.wait(10)
    second = provide(tmp_path, notices=notices)
    first.join()
    assert (installer.runs, second.is_cached, results[0].is_cached) == (1, True, False)
    assert notices == ["another run installs the same requirements; waiting for it."]


def test_a_cache_that_cannot_be_written_is_a_usage_error(installer: FakeInstaller, tmp_path: Path) -> None:
    """It names the variable that moves it."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError) as exc_info:
        provide(tmp_path / "file")
    assert exc_info.value.next_step == "Set XDG_CACHE_HOME to a folder that you may write."


def test_the_files_of_the_user_are_added_and_come_first(installer: FakeInstaller, tmp_path: Path) -> None:
    """The entries stay sorted, and no name is there twice."""
    folder = write_reward(tmp_path / "reward")
    (folder / "tool").mkdir()
    (folder / "tool" / "__init__.py").write_text("VERSION = 'mine'\n", encoding="utf-8")
    content = add_to_archive(provide(tmp_path), list_files(folder))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == sorted([*INSTALLED, "lambda_function.py"])
        assert archive.read("tool/__init__.py") == b"VERSION = 'mine'\n"


def test_the_digest_of_a_package_depends_on_its_dependencies(installer: FakeInstaller, tmp_path: Path) -> None:
    """And on the user's files, but not on the machine."""
    source = read_source(write_reward(tmp_path / "reward"), handler=None)
    first = pack(source, dependencies=provide(tmp_path))
    again = pack(source, dependencies=provide(tmp_path))
    installer.files = INSTALLED | {"tool/__init__.py": "VERSION = 2\n"}
    second = pack(source, dependencies=provide(tmp_path, refreshes=True))
    assert (first.zip_bytes, first.content_digest) == (again.zip_bytes, again.content_digest)
    assert first.content_digest != second.content_digest
    assert first.unpacked_size == sum(len(text) for text in INSTALLED.values()) + 50
