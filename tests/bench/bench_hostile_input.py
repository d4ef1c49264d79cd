"""Measures the cost of hostile input: `python -m tests.bench.bench_hostile_input` prints a table. Linux only.

The input is files of 512 MB with several contents, the files of the corpus that are too large to store, and the hostile
packages. Each is read in a process of its own, whose peak resident memory and processor time are printed.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Final

from fixtures.generators.hostile.case import valid_line
from fixtures.generators.hostile.corpus import HOSTILE_FILES
from fixtures.generators.hostile.large_files import LARGE_FILES, write_hostile_file
from fixtures.generators.hostile.packages import HOSTILE_PACKAGES

SIZE: Final = 512 * 1024 * 1024  # bytes; the largest upload

_PROSE: Final = b"It was the best of times, it was the worst of times, it was the age of wisdom. "


def _records(reference: bytes) -> Iterator[bytes]:
    """Yield records with one reference each, 512 MB in all; every prompt is another."""
    for number in range(SIZE // (len(reference) + 100)):
        yield b'{"messages": [{"role": "user", "content": "Question %06d?"}], "reference_answer": %b}\n' % (
            number,
            reference,
        )


FILES: Final[dict[str, Callable[[], Iterable[bytes]]]] = {
    "prose, 20,000 records": lambda: _records(b'"' + _PROSE * 340 + b'"'),
    "prose with an emoji in each record": lambda: _records(b'"' + _PROSE * 340 + "😀".encode() + b'"'),
    "numbers": lambda: _records(b"[" + b"0.1," * 6_700 + b"1]"),
    "empty objects": lambda: _records(b"[" + b"{}," * 8_900 + b"{}]"),
    "objects of one key": lambda: _records(b"[" + b'{"a":1},' * 3_300 + b"1]"),
    "lines just short enough": lambda: _records(b'"' + b"x" * 6_291_000 + b'"'),
    "small records, 4 million": lambda: islice(repeat(valid_line(1) + b"\n"), SIZE // 120),
    "one line": lambda: chain([b'{"messages": "'], repeat(b"x" * (1 << 20), 512)),
    "blank lines": lambda: repeat(b"\n" * (1 << 20), 512),
    "noise": lambda: (os.urandom(1 << 20) for _ in range(512)),
}

_READERS: Final = {
    "simulator": (
        "from simulator.training.dataset import DatasetError, DatasetLimits, read_records\n"
        "try:\n    print(len(read_records(open(sys.argv[1], 'rb'), DatasetLimits())), 'records')\n"
        "except DatasetError as error:\n    print(error)\n"
    ),
    "client": (
        "from pathlib import Path\nfrom client.dataset import validate_dataset\n"
        "report = validate_dataset(Path(sys.argv[1]))\n"
        "print(report.problems[0] if report.problems else f'{len(report.rows)} records')\n"
    ),
    "package": (
        "import pathlib, tempfile\nfrom simulator.lambdas.archive import unpack\n"
        "from simulator.lambdas.errors import InvalidZipFile\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    to = pathlib.Path(folder)\n    code = pathlib.Path(sys.argv[1]).read_bytes()\n"
        "    try:\n        unpack(code=code, layers=(), task=to / 'task', opt=to / 'opt')\n"
        "    except InvalidZipFile as error:\n        print(error)\n    else:\n        print('unpacked')\n"
    ),
}


_PEAK: Final = (
    "peak = next(line for line in open('/proc/self/status') if line.startswith('VmHWM'))\n"
    "print(peak.split()[1], time.process_time())\n"
)


def measure_reader(path: Path, reader: str) -> str:
    """Read a file in a process of its own; return what that took and what came of it."""
    program = f"import sys, time\n{_READERS[reader]}{_PEAK}"
    command = [sys.executable, "-W", "ignore", "-c", program, os.fspath(path)]
    *lines, usage = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    peak, seconds = usage.split()
    return f"{int(peak) / 1024:7,.0f} MB {float(seconds):6.1f} s  {' '.join(lines)[:90]}"


def main() -> None:
    """Print every measurement."""
    refused = sum(case.records is None for case in HOSTILE_FILES)
    print(
        f"stored: {len(HOSTILE_FILES)} files, {refused} refused; "
        f"generated: {len(LARGE_FILES)} files, {len(HOSTILE_PACKAGES)} packages"
    )
    with tempfile.TemporaryDirectory() as name:
        folder, path = Path(name), Path(name) / "file.jsonl"
        for what, content in FILES.items():
            with path.open("wb") as file:
                file.writelines(content())
            for reader in ("simulator", "client"):
                print(f"512 MB: {what:36} {reader:9} {measure_reader(path, reader)}", flush=True)
        path.unlink()
        for case in LARGE_FILES:
            path = write_hostile_file(case, folder)
            for reader in ("simulator", "client"):
                print(f"{case.name:44} {reader:9} {measure_reader(path, reader)}", flush=True)
            path.unlink()
        for package in HOSTILE_PACKAGES:
            path = folder / "package.zip"
            path.write_bytes(package.content())
            print(f"{package.name:44} {'package':9} {measure_reader(path, 'package')}", flush=True)


if __name__ == "__main__":
    main()
