"""Running `rft-sim` and `rft`: in a process of their own, or faster in this one."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeAlias

import pytest

from client.__main__ import main as run_client
from client.clock import Clock
from simulator.cli.app import app
from simulator.cli.environment import build_session_variables
from simulator.cli.verdict import fetch_verdict
from simulator.http.request_log import LOGGER
from tests.simulators import REGION, RunningSimulator

ROOT: Final = Path(__file__).parents[2]
GSM8K: Final = ROOT.parent / "shared" / "data" / "gsm8k" / "train.jsonl"
CLEAN: Final = "Verdict on the client: clean\n"

CommandResult: TypeAlias = subprocess.CompletedProcess[str]

_TIMEOUT_SECONDS: Final = 240
"""A hang is a failure, a slow machine is not."""


def rft_sim(*arguments: str, **variables: str) -> CommandResult:
    """Run `rft-sim` in a process of its own; `variables` are added to the environment."""
    return subprocess.run(
        [sys.executable, "-m", "simulator", *arguments],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "120", "PYTHONWARNINGS": "error"} | variables,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_SECONDS,
        check=False,
    )


def rft_command(*arguments: str) -> list[str]:
    """Return the command line of `rft`, for `rft-sim exec`."""
    return [sys.executable, "-m", "client", *arguments]


def run_rft_sim(capfd: pytest.CaptureFixture[str], *arguments: str) -> CommandResult:
    """Run `rft-sim` in this process. What the processes that it starts print is captured too."""
    with _restored_process_state():
        exit_code = _exit_code(lambda: app(list(arguments)))
    return _result(exit_code, capfd)


class FastClock:
    """A clock for the client and the simulator: a sleep advances it at once, and takes no real time."""

    def __init__(self) -> None:
        self.slept = 0.0

    def now(self) -> float:
        """Return seconds since some time."""
        return time.monotonic() + self.slept

    def sleep(self, seconds: float) -> None:
        """Advance the clock."""
        self.slept += seconds


@contextmanager
def fast_client(clock: FastClock) -> Iterator[None]:
    """Give every client in this process this clock, and the simulators that start meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Clock.__init__, "__kwdefaults__", {"now": clock.now, "sleep": clock.sleep})
        patch.setattr("simulator.services.monotonic", clock.now)
        yield


def run_rft(
    simulator: RunningSimulator,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *arguments: str,
) -> CommandResult:
    """Run `rft` in this process, in the project's folder, against a simulator."""
    monkeypatch.chdir(ROOT)
    variables = build_session_variables(url=simulator.url, region=REGION, key=simulator.key)
    for name, value in {"COLUMNS": "120", **variables}.items():
        monkeypatch.setenv(name, value)
    exit_code = _exit_code(lambda: run_client(arguments))
    return _result(exit_code, capsys)


def verdict_on_clients(simulator: RunningSimulator, exit_code: int) -> str:
    """Return the verdict of a simulator on a client that ended with this code: `clean`, `warned` or `failed`."""
    return str(fetch_verdict(simulator.url, exit_code=exit_code)["verdict"])


def _result(exit_code: int, captured: pytest.CaptureFixture[str]) -> CommandResult:
    output = captured.readouterr()
    return subprocess.CompletedProcess([], exit_code, output.out, output.err)


def _exit_code(run: Callable[[], object]) -> int:
    try:
        run()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@contextmanager
def _restored_process_state() -> Iterator[None]:
    """Undo what a command sets for its process: signal handlers and log handlers."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    signal_handlers = [signal.getsignal(number) for number in numbers]
    log_handlers, log_level = [*LOGGER.handlers], LOGGER.level
    try:
        yield
    finally:
        for number, handler in zip(numbers, signal_handlers, strict=True):
            signal.signal(number, handler)
        LOGGER.handlers = log_handlers
        LOGGER.setLevel(log_level)
