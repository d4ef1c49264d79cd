"""Hostile deployment packages are refused in one sentence and in little memory, and leave no files."""

import tracemalloc
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.generators.hostile.packages import HOSTILE_PACKAGES, HostilePackage
from fixtures.generators.hostile.zip_writer import DEFLATED, ZipEntry, build_zip, deflate
from simulator.lambdas import archive
from simulator.lambdas.errors import InvalidZipFile

MEMORY_LIMIT = 48_000_000  # bytes, without the archive itself

SEEDS = (
    build_zip(
        [ZipEntry(name=b"a/b.py", data=b"x = 1\n" * 9), ZipEntry(name=b"c.py", data=b"y = 2\n"), ZipEntry(name=b"d/")]
    ),
    build_zip(
        [
            ZipEntry(
                name=b"a.py", data=deflate(b"x = 1\n" * 99), method=DEFLATED, size=594, crc=zlib.crc32(b"x = 1\n" * 99)
            )
        ]
    ),
    build_zip(
        [ZipEntry(name=b"a", data=b"a", size=2**32 - 1, extra=b"\x01\x00\x08\x00\x01" + bytes(7))], comment=b"zip64"
    ),
)
SIGNIFICANT_BYTES = [
    b"",
    b"\x00",
    b"\xff",
    b"\xff\xff\xff\xff",
    b"PK\x01\x02",
    b"PK\x05\x06",
    b"../",
    b"/",
    b"\x08",
    b"\x0e",
]


def refusal(package: bytes, folder: Path) -> str | None:
    """Unpack into a folder; return the error or None."""
    try:
        archive.unpack(code=package, layers=(), task_folder=folder / "task", opt_folder=folder / "opt")
    except InvalidZipFile as error:
        return error.message
    return None


@pytest.mark.parametrize(
    "package",
    [pytest.param(each, id=each.name, marks=[pytest.mark.slow] if each.is_large else []) for each in HOSTILE_PACKAGES],
)
def test_a_hostile_package_is_refused_or_unpacked_in_bounded_memory(package: HostilePackage, tmp_path: Path) -> None:
    """The reason is short and safe for a terminal. A harmless package is unpacked."""
    content = package.content()
    tracemalloc.start()
    try:
        reason = refusal(content, tmp_path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (reason is None) == (package.reason_contains is None), reason
    assert (package.reason_contains or "") in (reason or "")
    assert peak < MEMORY_LIMIT
    assert (reason or "").isprintable()
    assert len(reason or "") < 400
    assert {path.name for path in tmp_path.iterdir()} <= {"task", "opt"}


@settings(deadline=None)  # it writes files
@given(
    seed=st.sampled_from(SEEDS),
    edits=st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 4), st.sampled_from(SIGNIFICANT_BYTES) | st.binary(max_size=4)),
        min_size=1,
        max_size=4,
    ),
)
def test_a_damaged_archive_is_refused_or_unpacked(
    seed: bytes, edits: list[tuple[float, int, bytes]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No other exception is raised, and no file is written elsewhere."""
    content = seed
    for share, length, new_bytes in edits:
        position = int(share * len(content))
        content = content[:position] + new_bytes + content[position + length :]
    folder = tmp_path_factory.mktemp("damaged")
    reason = refusal(content, folder)
    assert (reason or "").isprintable()
    assert {path.name for path in folder.iterdir()} <= {"task", "opt"}


@pytest.mark.parametrize("seed", SEEDS, ids=["stored", "deflated", "zip64"])
def test_the_seed_archives_are_valid(seed: bytes, tmp_path: Path) -> None:
    """Otherwise the mutations would test little."""
    assert refusal(seed, tmp_path) is None
