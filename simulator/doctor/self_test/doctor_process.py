"""Runs the doctor on reward functions as a user does: through the command line, each in a process of its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Final

from simulator.doctor.finding import Severity
from simulator.doctor.report.json_report import probes_with
from simulator.doctor.self_test.galleries import GalleryReward

LIMIT_SECONDS: Final = 120.0
"""A run that takes longer is ended, and has found nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorRun:
    """What the doctor says of a reward function.

    Attributes:
        failed: the ids of the probes with a failure.
        warned: the ids of the probes with a warning.
        not_measured: the ids of the probes that did not measure.
        error: why there is no report. Empty if there is one.
    """

    reward: GalleryReward
    seconds: float
    failed: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()
    not_measured: tuple[str, ...] = ()
    error: str = ""

    @property
    def outcome(self) -> str:
        """The worst severity in a word: fail, warn or ok; error without a report."""
        if self.error:
            return "error"
        return "fail" if self.failed else "warn" if self.warned else "ok"

    @property
    def cause(self) -> str:
        """`fail` or `warn` if a finding has an expected id. Empty otherwise."""
        expected = set(self.reward.expected)
        return "fail" if expected & set(self.failed) else "warn" if expected & set(self.warned) else ""


@dataclass(slots=True)
class _Processes:
    """The processes that run, so that all of them end with the self-test."""

    groups: set[int] = field(default_factory=set)
    lock: Lock = field(default_factory=Lock)
    is_over: bool = False

    def start(self, command: Sequence[str], *, folder: str) -> subprocess.Popen[str] | None:
        """Start a process with a group of its own. None after the end."""
        with self.lock:
            if self.is_over:
                return None
            with (Path(folder) / "errors.txt").open("w") as errors:
                process = subprocess.Popen(  # noqa: S603  the doctor itself
                    command,
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    text=True,
                    start_new_session=True,
                )
            self.groups.add(process.pid)
            return process

    def end(self, group: int) -> None:
        """End a process and everything that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
        with self.lock:
            self.groups.discard(group)

    def end_all(self) -> None:
        """End everything, and start nothing more."""
        with self.lock:
            self.is_over = True
            groups = set(self.groups)
        for group in groups:
            self.end(group)


def run_doctor_on(
    rewards: Sequence[GalleryReward], *, jobs: int, options: Sequence[str] = (), limit: float = LIMIT_SECONDS
) -> Generator[DoctorRun, None, None]:
    """Yield the run of each reward function, in order, `jobs` at a time. A consumer that stops early ends them all."""
    processes = _Processes()
    with ThreadPoolExecutor(jobs) as executor, _ending(processes):
        futures: list[Future[DoctorRun]] = [
            executor.submit(_run, reward, processes=processes, options=options, limit=limit) for reward in rewards
        ]
        try:
            for future in futures:
                yield future.result()
        finally:
            for future in futures:
                future.cancel()


@contextmanager
def _ending(processes: _Processes) -> Iterator[None]:
    try:
        yield
    finally:
        processes.end_all()


def _run(reward: GalleryReward, *, processes: _Processes, options: Sequence[str], limit: float) -> DoctorRun:
    with tempfile.TemporaryDirectory(prefix="rft-self-test-") as folder:
        report = Path(folder) / "report.json"
        files = [str(reward.path), "--data", str(reward.data), "--json", str(report)]
        started = time.perf_counter()
        process = processes.start([sys.executable, "-m", "simulator", "doctor", *files, *options], folder=folder)
        if process is None:
            return DoctorRun(reward=reward, seconds=0.0, error="not started")
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            return DoctorRun(reward=reward, seconds=limit, error=f"ended after {limit:g} s")
        finally:
            processes.end(process.pid)
            process.wait()
        seconds = time.perf_counter() - started
        if not report.exists():
            lines = (Path(folder) / "errors.txt").read_text(errors="replace").strip().splitlines()
            return DoctorRun(reward=reward, seconds=seconds, error=lines[-1] if lines else f"exit code {code}")
        return read_run(reward, json.loads(report.read_text(encoding="utf-8")), seconds=seconds)


def read_run(reward: GalleryReward, document: dict[str, Any], *, seconds: float) -> DoctorRun:
    """Return the run from the doctor's report as JSON."""
    return DoctorRun(
        reward=reward,
        seconds=seconds,
        failed=probes_with(Severity.FAIL, document),
        warned=probes_with(Severity.WARN, document),
        not_measured=probes_with(Severity.SKIPPED, document),
    )
